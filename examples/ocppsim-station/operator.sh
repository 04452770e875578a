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
    tmux kill-session -t "$session" 2>/dev/null
    rm -f "$dir/active"
    tmux new-session -d -s "$session" -x 200 -y 50 "$binary --ws-url wss://localhost:9400/ocpp --cp-id CS001 --protocol 2.0.1 \
        --connectors 1 --trace-frames --log-path $log --security-profile 2 --basic-auth-password attest-bench-password \
        --ca-cert reports/authority/root.pem"
    sleep 0.5
    type_line connect
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
    drive-in | drive-out | select-evse) ;;
    connect-ev | reconnect-ev-side)
        # Both are told as Occupied; a transaction can be started at Preparing alone.
        if [ -e "$dir/active" ]; then type_line "connector-status 1 Charging"; else type_line "connector-status 1 Preparing"; fi ;;
    disconnect-ev | disconnect-station-side)
        [ -e "$dir/active" ] && type_line "stop 1 EVDisconnected"
        rm -f "$dir/active"
        sleep 0.3
        type_line "connector-status 1 Available" ;;
    present-token)
        lines=$(wc -l < "$log")
        type_line "authorize $p_token"
        if authorized "$lines"; then
            if [ -e "$dir/active" ]; then
                type_line "stop 1 Local"
                rm -f "$dir/active"
            else
                type_line "start 1 $p_token"
                touch "$dir/active"
            fi
        fi ;;
    network-down) type_line disconnect ;;
    network-up) type_line connect ;;
    *) not_possible "ocppsim has no command for $action" ;;
esac
