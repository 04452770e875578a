#!/bin/bash
# What one would guess: a WebSocket server that is told its sub-protocols does what OCPP 2.0.1 wants of a CSMS when it shares none with
# the station: it completes the handshake without Sec-WebSocket-Protocol and then closes (Part 4, 3.2).
# What is seen on 29 November 2026, of a server for ocpp2.0.1 and a station that offers ocpp1.6: websockets 15.0.1 (PyPI), on which CSMSs
# in Python are built, refuses the handshake with HTTP 400; ocpp-rpc 2.2.1 (npm) completes it and leaves the connection open, as
# a client without sub-protocol. Either has to be told more: select_subprotocol, or a look at client.protocol.
# Needs python3, PyPI, node and the npm registry. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"; [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check websockets==15.0.1
(cd "$work" && npm install --silent --no-audit --no-fund --ignore-scripts ocpp-rpc@2.2.1)

cat > "$work/server.js" <<'JS'
const { RPCServer } = require('ocpp-rpc');
const server = new RPCServer({ protocols: ['ocpp2.0.1'], strictMode: true });
server.auth(accept => accept());
server.listen(0, '127.0.0.1').then(http => console.log(http.address().port));
JS
(cd "$work" && exec node server.js) > "$work/port" &
server=$!
for _ in $(seq 100); do [ -s "$work/port" ] && break; sleep 0.1; done

"$work/venv/bin/python" - "$(cat "$work/port")" <<'PY'
import asyncio, base64, logging, os, sys
from websockets.asyncio.server import serve
import websockets

logging.disable(logging.CRITICAL)

async def handler(connection):
    await connection.wait_closed()

async def attempt(port, offered):
    """The status of the answer, whether it names a sub-protocol, and whether the server closes within 3 s."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ocpp/CS001 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Protocol: {offered}\r\n\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    try:
        await asyncio.wait_for(reader.read(1), 3)
        closes = True
    except asyncio.TimeoutError:
        closes = False
    writer.close()
    return int(head.split()[1]), "sec-websocket-protocol" in head, closes

async def main():
    async with serve(handler, "127.0.0.1", 0, subprotocols=["ocpp2.0.1"]) as server:
        ports = {f"websockets {websockets.__version__}": server.sockets[0].getsockname()[1], "ocpp-rpc 2.2.1": int(sys.argv[1])}
        seen = {}
        for name, port in ports.items():
            for offered in ["ocpp2.0.1", "ocpp1.6"]:
                status, named, closes = seen[name.split()[0], offered] = await attempt(port, offered)
                print(f"{name}, offered {offered}: HTTP {status}, sub-protocol {'' if named else 'not '}named, "
                      f"{'closed or answered further' if closes else 'open after 3 s'}")
    found = seen == {
        ("websockets", "ocpp2.0.1"): (101, True, False),
        ("websockets", "ocpp1.6"): (400, False, True),
        ("ocpp-rpc", "ocpp2.0.1"): (101, True, False),
        ("ocpp-rpc", "ocpp1.6"): (101, False, False),
    }
    print("as found" if found else "changed: a station without a common sub-protocol is met in another way")
    sys.exit(0 if found else 1)

asyncio.run(main())
PY
