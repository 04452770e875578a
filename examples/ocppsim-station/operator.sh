#!/bin/bash
# Does manual actions at ocppsim, which runs in a tmux session: `run --operator exec:examples/ocppsim-station/operator.sh`.
# Exit status: 0 done, 1 not possible here.
set -u
dir=${OCPPSIM_DIR:-reports/ocppsim}
binary=${OCPPSIM:-ocppsim}
session=ocppsim
log=$dir/ocppsim.log
mkdir -p "$dir"
action=$1
shift
for parameter in "$@"; do declare "p_${parameter%%=*}=${parameter#*=}"; done

type_line() { tmux send-keys -t "$session" -l "$1" && tmux send-keys -t "$session" Enter; }
not_possible() { echo "$1" >&2; exit 1; }

start() {
    # Transactions do not outlive the simulator: those that the log tells of before this line are gone.
    touch "$log"
    wc -l < "$log" > "$dir/since"
    local command="$binary --ws-url wss://localhost:9400/ocpp --cp-id CS001 --protocol 2.0.1 \
        --connectors 1 --trace-frames --log-path $log --security-profile 2 --basic-auth-password attest-bench-secret \
        --ca-cert reports/authority/root.pem"
    # The session outlives the simulator: a tmux server that is just about to end its last session refuses a new one.
    if tmux has-session -t "$session" 2>/dev/null; then
        tmux respawn-pane -k -t "$session" "$command"
    else
        tmux new-session -d -s "$session" -x 200 -y 50 "$command" \; set-option remain-on-exit on
    fi
    sleep 0.5
    type_line connect
}

# True while a transaction runs, by the last TransactionEvent in the log: the CSMS ends transactions too.
charging() {
    local last
    last=$(tail -n "+$(($(cat "$dir/since") + 1))" "$log" | grep -o '"eventType":"[A-Za-z]*"' | tail -1)
    [[ $last == *Started* || $last == *Updated* ]]
}

# True when the CSMS has accepted the idToken that was asked for after this line of the log.
authorized() {
    local before=$1 said
    for _ in $(seq 40); do
        said=$(tail -n "+$((before + 1))" "$log" | grep -o 'Authorize .* status=[A-Za-z]*' | tail -1)
        [ -n "$said" ] && break
        sleep 0.1
    done
    [[ $said == *=Accepted ]]
}

case $action in
    power-cycle | restore-sut) start ;;
    drive-in | select-evse) ;;
    drive-out)
        # A connector stays Occupied after a transaction until somebody types something else. What is about to end may end.
        for _ in 1 2 3 4 5; do charging || break; sleep 0.2; done
        charging || type_line "connector-status 1 Available" ;;
    connect-ev | reconnect-ev-side)
        # Both are told as Occupied; a transaction can be started at Preparing alone.
        if charging; then type_line "connector-status 1 Charging"; else type_line "connector-status 1 Preparing"; fi ;;
    disconnect-ev | disconnect-station-side)
        charging && type_line "stop 1 EVDisconnected"
        sleep 0.3
        type_line "connector-status 1 Available" ;;
    present-token)
        lines=$(wc -l < "$log")
        type_line "authorize $p_token"
        if authorized "$lines"; then
            if charging; then type_line "stop 1 Local"; else type_line "start 1 $p_token"; fi
        fi ;;
    network-down) type_line disconnect ;;
    network-up) type_line connect ;;
    *) not_possible "ocppsim has no command for $action" ;;
esac
