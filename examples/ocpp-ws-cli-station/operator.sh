#!/bin/bash
# Does manual actions at the simulator of ocpp-ws-cli, which runs in a tmux session: `run --operator exec:examples/ocpp-ws-cli-station/operator.sh`.
# Exit status: 0 done, 1 not possible here.
set -u
dir=${OCPP_WS_CLI_DIR:-reports/ocpp-ws-cli}
cli=${OCPP_WS_CLI:-$dir/node_modules/.bin/ocpp}
root=${OCPP_WS_CLI_ROOT:-reports/authority/root.pem}
# ws for a bench with security profile 1
scheme=${OCPP_WS_CLI_SCHEME:-wss}
session=ocpp-ws-cli
mkdir -p "$dir"
action=$1
shift
for parameter in "$@"; do declare "p_${parameter%%=*}=${parameter#*=}"; done

not_possible() { echo "$1" >&2; exit 1; }
key() { tmux send-keys -t "$session" "$@"; }
# The last line of the screen with the connector's status, the idTag and the transaction.
screen() { tmux capture-pane -p -t "$session" | grep ' Status: ' | tail -1; }
charging() { screen | grep -q '\[Tx:'; }
status() { screen | sed 's/.*Status: *\([A-Za-z]*\).*/\1/'; }
driver() { cat "$dir/driver" 2>/dev/null; }
cable() { [ -f "$dir/cable" ]; }

# [U] is a list to choose from, which begins at Available; the names are in the simulator's own order.
set_status() {
    local names=(Available Preparing Charging SuspendedEV SuspendedEVSE Finishing Reserved Unavailable Faulted)
    key u
    sleep 0.4
    for name in "${names[@]}"; do
        [ "$name" = "$1" ] && break
        key Down
    done
    key Enter
    sleep 0.4
}

# [I] changes the idTag, [A] asks the central system about it, [T] starts a transaction with it.
set_tag() {
    key i
    sleep 0.4
    key C-u
    key -l "$1"
    key Enter
    sleep 0.4
}
# What the log, whose newest line is the first, says after the last change of the idTag.
newest() { tmux capture-pane -p -t "$session" | tac | sed '/ LOGS /q' | tac | sed '/Active ID Tag changed/,$d'; }
authorize() {
    set_tag "$1"
    key a
    for _ in $(seq 60); do
        case $(newest) in
            *"Authorize Response"* | *"(Preparing) Accepted"*) return 0 ;;
            *"Authorize rejected"* | *"Authorize failed"*) return 1 ;;
        esac
        sleep 0.1
    done
    return 1
}

start() {
    rm -f "$dir/cable" "$dir/driver"
    local command="NODE_EXTRA_CA_CERTS=$root $cli simulate -e $scheme://CS001:attest-bench-secret@localhost:9420/ocpp -i CS001 -t D001D001 \
        -p ocpp1.6 --report json --report-dir $dir"
    # The session outlives the simulator: a tmux server that is just about to end its last session refuses a new one.
    if tmux has-session -t "$session" 2> /dev/null; then
        tmux respawn-pane -k -t "$session" "$command"
    else
        tmux new-session -d -s "$session" -x 160 -y 50 "$command" \; set-option remain-on-exit on
    fi
}

begin_if_ready() {
    # A driver who is authorised and has plugged in is what starts a transaction; here somebody presses [T] then.
    if cable && [ -n "$(driver)" ] && ! charging; then key t; fi
}

case $action in
    power-cycle | restore-sut) start ;;
    drive-in | select-evse) ;;
    drive-out)
        rm -f "$dir/cable" "$dir/driver"
        charging || [ "$(status)" = Available ] || set_status Available ;;
    connect-ev | reconnect-ev-side)
        touch "$dir/cable"
        # An authorised driver is waited for as long as the connector is Preparing.
        charging || [ "$(status)" = Preparing ] || rm -f "$dir/driver"
        if [ -n "$(driver)" ]; then begin_if_ready; elif ! charging && [ "$(status)" = Available ]; then set_status Preparing; fi ;;
    disconnect-ev | disconnect-station-side)
        charging && not_possible "ocpp-ws-cli has no cable that can be unplugged while it charges"
        rm -f "$dir/cable" "$dir/driver"
        [ "$(status)" = Available ] || set_status Available ;;
    present-token)
        if charging; then
            # [E] ends the transaction whoever asks for it, so that another card is shown to the central system first.
            if [ "$(driver)" != "$p_token" ]; then authorize "$p_token" || exit 0; fi
            key e
            rm -f "$dir/driver"
        elif authorize "$p_token"; then
            echo "$p_token" > "$dir/driver"
            begin_if_ready
        fi ;;
    press-stop) key e; rm -f "$dir/driver" ;;
    ev-suspend) set_status SuspendedEV ;;
    evse-suspend) set_status SuspendedEVSE ;;
    ev-resume) set_status Charging ;;
    cause-fault) set_status Faulted ;;
    clear-fault) set_status Available ;;
    *) not_possible "ocpp-ws-cli has no key for $action" ;;
esac
