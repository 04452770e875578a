#!/bin/bash
# What was guessed: a station whose BootNotification is answered Rejected with an interval of 30 s sends no other before those 30 s are
# over (OCPP 2.0.1, B03.FR.06). What is seen of ocppsim 0.3.0: it sends the next ones at once, several within three seconds.
# Needs cargo, python3 and script (util-linux), and the network once. Ends with 0 while that is so, with 1 when it has changed.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
binary=${OCPPSIM:-}
if [ -z "$binary" ]; then
    cargo install --quiet --locked --debug --root "$work" --version 0.3.0 ocppsim
    binary=$work/bin/ocppsim
fi
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet websockets==15.0.1
"$binary" --version
cat > "$work/csms.py" <<'PY'
import asyncio, datetime, json, sys, time
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

boots = []

async def station(connection):
    try:
        await answer_all(connection)
    except ConnectionClosed:
        pass

async def answer_all(connection):
    async for text in connection:
        _, message, action, _ = json.loads(text)
        answer = {}
        if action == "BootNotification":
            boots.append(time.monotonic())
            now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = {"currentTime": now, "interval": 30, "status": "Rejected"}
        await connection.send(json.dumps([3, message, answer]))

async def main():
    async with serve(station, "127.0.0.1", 0, subprotocols=["ocpp2.0.1"]) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        deadline = time.monotonic() + 30
        while not boots and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        await asyncio.sleep(3)
    gaps = [round(later - earlier, 2) for earlier, later in zip(boots, boots[1:])]
    print(f"{len(boots)} BootNotifications in 3 s, all answered Rejected with interval 30; between them {gaps[:5]} s")
    sys.exit(0 if len(boots) > 1 else 1)

asyncio.run(main())
PY
"$work/venv/bin/python" "$work/csms.py" > "$work/said" &
csms=$!
until [ -s "$work/said" ]; do sleep 0.1; done
port=$(head -1 "$work/said")
(sleep 1; printf 'connect\r'; sleep 8; printf 'exit\r'; sleep 1; printf 'y') |
    script -qec "$binary --ws-url ws://127.0.0.1:$port/ocpp --cp-id CS001 --protocol 2.0.1" /dev/null > "$work/screen" &
if wait "$csms"; then outcome=0; else outcome=1; fi
tail -n +2 "$work/said"
wait
if [ "$outcome" = 0 ]; then echo "as it was"; else echo "it has changed"; fi
exit "$outcome"
