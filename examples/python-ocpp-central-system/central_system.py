#!/usr/bin/env python3
"""A small central system of OCPP 1.6 built on the package `ocpp`: it accepts what it knows, and sends what its HTTP API is asked to send.

The package is the product under test; this file is the least application that it can run in. The API is
`POST /api/octt/1.6/{charge point}/{action-in-kebab-case}` with the payload of the request as its body.
"""

import argparse
import asyncio
import base64
import http
import itertools
import json
import logging
import ssl
from datetime import datetime, timezone

from ocpp.charge_point import camel_to_snake_case
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action
from websockets.asyncio.server import serve

# What the central system knows of idTags; any other is Invalid.
TAGS = {
    "D001D001": {"status": "Accepted", "parent_id_tag": "GROUP1"},
    "D001D002": {"status": "Accepted", "parent_id_tag": "GROUP1"},
    "D001D003": {"status": "Accepted"},
    "BAD00002": {"status": "Blocked"},
    "BAD00003": {"status": "Expired"},
}
# Messages of a charge point that need no more than to be acknowledged.
ACKNOWLEDGED = [
    "DiagnosticsStatusNotification",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "MeterValues",
    "SecurityEventNotification",
    "SignedFirmwareStatusNotification",
    "StatusNotification",
]
charge_points = {}
transaction_ids = itertools.count(1)
# Ids that the package wants to be given, and that whoever asks may leave to the central system.
NUMBERED = {"ReserveNow": "reservationId", "GetLog": "requestId", "SignedUpdateFirmware": "requestId"}


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def info(id_tag):
    return TAGS.get(id_tag.upper(), {"status": "Invalid"})


class Point(ChargePoint):
    """A charge point at the other end."""

    @on(Action.boot_notification)
    def boot_notification(self, **_):
        return call_result.BootNotification(current_time=now(), interval=300, status="Accepted")

    @on(Action.heartbeat)
    def heartbeat(self, **_):
        return call_result.Heartbeat(current_time=now())

    @on(Action.authorize)
    def authorize(self, id_tag, **_):
        return call_result.Authorize(id_tag_info=info(id_tag))

    @on(Action.start_transaction)
    def start_transaction(self, id_tag, **_):
        return call_result.StartTransaction(transaction_id=next(transaction_ids), id_tag_info=info(id_tag))

    @on(Action.stop_transaction)
    def stop_transaction(self, id_tag=None, **_):
        return call_result.StopTransaction(id_tag_info=info(id_tag) if id_tag else None)

    @on(Action.data_transfer)
    def data_transfer(self, **_):
        return call_result.DataTransfer(status="UnknownVendorId")

    @on(Action.sign_certificate)
    def sign_certificate(self, **_):
        return call_result.SignCertificate(status="Rejected")


def acknowledge(name):
    """A handler; the package finds handlers by the name of their function."""

    def handler(self, **_):
        return getattr(call_result, name)()

    handler.__name__ = f"acknowledge_{name}"
    setattr(Point, handler.__name__, on(Action(name))(handler))


for name in ACKNOWLEDGED:
    acknowledge(name)


def may_enter(password):
    """HTTP Basic authentication: the user is the identity at the end of the path."""

    def check(connection, request):
        identity = request.path.rsplit("/", 1)[-1]
        wanted = base64.b64encode(f"{identity}:{password}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {wanted}":
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "who are you?\n")
        return None

    return check


async def connected(connection):
    identity = connection.request.path.rsplit("/", 1)[-1]
    point = Point(identity, connection)
    charge_points[identity] = point
    try:
        await point.start()
    finally:
        if charge_points.get(identity) is point:
            del charge_points[identity]


async def ask(path, payload):
    """What the API is asked to do; the status of its answer, and the answer."""
    match path.strip("/").split("/"):
        case ["api", "octt", "1.6", identity, action]:
            name = "".join(word.capitalize() for word in action.split("-"))
            if identity not in charge_points:
                return 409, f"{identity} is not connected"
            if not hasattr(call, name):
                return 501, f"there is no request {name}"
            if name in NUMBERED:
                payload.setdefault(NUMBERED[name], next(transaction_ids))
            request = getattr(call, name)(**camel_to_snake_case(payload))
            response = await charge_points[identity].call(request, suppress=False)
            return 200, str(response)
        case _:
            return 501, f"{path}: this central system can't do that"


async def api(reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = [line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length:")]
        body = await reader.readexactly(int(length[0])) if length else b"{}"
        status, said = await ask(head.split()[1], json.loads(body or b"{}"))
    except Exception as error:  # whatever it is, the caller is told
        logging.exception("the API failed")
        status, said = 500, f"{type(error).__name__}: {error}"
    body = f"{said}\n".encode()
    writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    await writer.drain()
    writer.close()


async def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=9110)
    arguments.add_argument("--api-port", type=int, default=9171)
    arguments.add_argument("--password", default="attest-bench-secret")
    arguments.add_argument("--certificate", help="PEM; without it there is no TLS")
    arguments.add_argument("--key")
    arguments = arguments.parse_args()
    logging.basicConfig(level=logging.WARNING)
    tls = None
    if arguments.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate, arguments.key)
    check = may_enter(arguments.password)
    await asyncio.start_server(api, "127.0.0.1", arguments.api_port)
    async with serve(
        connected, "127.0.0.1", arguments.port, ssl=tls, subprotocols=["ocpp1.6"], process_request=check
    ) as server:
        print("the central system listens", flush=True)
        await server.serve_forever()


asyncio.run(main())
