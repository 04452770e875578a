#!/bin/bash
# What one would guess: a charge point whose BootNotification was answered with an interval of 2 s sends a Heartbeat every 2 s, also after it
# has lost its connection and come back (OCPP 1.6, 4.6).
# What the simulator of ocpp-ws-cli 1.1.12 (npm) does, seen on 30 November 2026: each time that it comes back it sends a BootNotification, and
# starts another timer beside those that run already. After two lost connections it sends three Heartbeats in each 2 s.
# Needs node, npm, the npm registry, python3 and PyPI. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
station=
trap 'if [ -n "$station" ]; then kill "$station" 2> /dev/null || true; fi; rm -rf "$work"' EXIT
npm install --silent --no-audit --no-fund --prefix "$work/node" ocpp-ws-cli@1.1.12
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check websockets==15.0.1
"$work/node/node_modules/.bin/ocpp" --version
cat > "$work/central_system.py" <<'PY'
import asyncio, datetime, json, sys, time
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

INTERVAL, LOSSES, WATCHED = 2, 2, 10
connections = 0
beats = []
done = asyncio.Event()


async def station(connection):
    global connections
    connections += 1
    if connections <= LOSSES:
        asyncio.get_running_loop().call_later(1, connection.transport.abort)
    else:
        asyncio.get_running_loop().call_later(WATCHED, done.set)
    try:
        async for text in connection:
            _, message, action, _ = json.loads(text)
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = {}
            if action == "BootNotification":
                answer = {"currentTime": now, "interval": INTERVAL, "status": "Accepted"}
            elif action == "Heartbeat":
                answer = {"currentTime": now}
                if connections > LOSSES:
                    beats.append(time.monotonic())
            await connection.send(json.dumps([3, message, answer]))
    except ConnectionClosed:
        pass


async def main():
    async with serve(station, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.wait_for(done.wait(), 60)
        print(f"after {LOSSES} lost connections: {len(beats)} Heartbeats in {WATCHED} s, interval {INTERVAL} s")
        sys.exit(0 if len(beats) > WATCHED / INTERVAL + 2 else 1)


asyncio.run(main())
PY
"$work/venv/bin/python" "$work/central_system.py" > "$work/said" &
central_system=$!
for _ in $(seq 100); do [ -s "$work/said" ] && break; sleep 0.1; done
port=$(head -1 "$work/said")
# Nobody types anything.
mkfifo "$work/keys"
exec 3<> "$work/keys"
"$work/node/node_modules/.bin/ocpp" simulate -e "ws://127.0.0.1:$port/ocpp" -i CS001 -t D001D001 -p ocpp1.6 --report json --report-dir "$work" \
    <&3 > "$work/screen" 2>&1 &
station=$!
if wait "$central_system"; then outcome=0; else outcome=1; fi
tail -n +2 "$work/said"
if [ "$outcome" = 0 ]; then echo "as found"; else echo "changed: it keeps to one Heartbeat in each interval, or does not come back"; fi
exit "$outcome"
