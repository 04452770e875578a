#!/bin/bash
# What one would guess: a charge point that answers a ChangeConfiguration of AuthorizationKey with Accepted shows the new password the next time
# that it connects (security whitepaper, A01).
# What the simulator of ocpp-ws-cli 1.1.12 (npm) does, seen on 30 November 2026: it answers Accepted, as it does for every key, and keeps the value
# for GetConfiguration alone. It stays connected, and when the connection is lost it comes back with the password of its command line. A central
# system that believes it (A01.FR.03) never lets it in again.
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
import asyncio, base64, datetime, json, sys
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

OLD, NEW = "the-first-password", "the-second-password"
shown = []
said = {}
done = asyncio.Event()


async def station(connection):
    header = connection.request.headers.get("Authorization", "")
    shown.append(base64.b64decode(header.removeprefix("Basic ")).decode())
    if len(shown) == 2:
        done.set()
    try:
        async for text in connection:
            message = json.loads(text)
            if message[0] == 3:
                said.update(message[2])
                # Whoever connects again by itself does so within these 3 s.
                asyncio.get_running_loop().call_later(3, connection.transport.abort)
                continue
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = {}
            if message[2] == "BootNotification":
                answer = {"currentTime": now, "interval": 300, "status": "Accepted"}
            await connection.send(json.dumps([3, message[1], answer]))
            if message[2] == "StatusNotification" and message[3]["connectorId"] == 1 and len(shown) == 1:
                change = {"key": "AuthorizationKey", "value": NEW.encode().hex()}
                await connection.send(json.dumps([2, "change", "ChangeConfiguration", change]))
    except ConnectionClosed:
        pass


async def main():
    async with serve(station, "127.0.0.1", 0, subprotocols=["ocpp1.6"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.wait_for(done.wait(), 60)
        print(f"it showed {shown[0]}, answered {said}, and showed {shown[1]} when it came back")
        sys.exit(0 if said == {"status": "Accepted"} and shown == [f"CS001:{OLD}"] * 2 else 1)


asyncio.run(main())
PY
"$work/venv/bin/python" "$work/central_system.py" > "$work/said" &
central_system=$!
for _ in $(seq 100); do [ -s "$work/said" ] && break; sleep 0.1; done
port=$(head -1 "$work/said")
# Nobody types anything.
mkfifo "$work/keys"
exec 3<> "$work/keys"
"$work/node/node_modules/.bin/ocpp" simulate -e "ws://CS001:the-first-password@127.0.0.1:$port/ocpp" -i CS001 -t D001D001 -p ocpp1.6 \
    --report json --report-dir "$work" <&3 > "$work/screen" 2>&1 &
station=$!
if wait "$central_system"; then outcome=0; else outcome=1; fi
tail -n +2 "$work/said"
if [ "$outcome" = 0 ]; then echo "as found"; else echo "changed: it refuses the new password, or uses it"; fi
exit "$outcome"
