#!/usr/bin/env python3
"""A small CSMS built on the package `ocpp`: it accepts what it knows, and sends what its HTTP API is asked to send.

The package is the product under test; this file is the least application that it can run in. The API is
`POST /api/octt/2.0.1/{station}/{action-in-kebab-case}` with the payload of the request as its body,
`PUT /api/boot/{station}` with `{"status": …, "interval": …}` for what the next BootNotification is answered, and
`POST /api/check/{station}/variable` with `{"component": …, "variable": …, "value": …}`, which answers 417 where the CSMS
knows otherwise.

A status that was put holds for one BootNotification; with `--sticky-boot` until another is put, as in a CSMS whose operators
hold a station back and let it in.
"""

import argparse
import asyncio
import base64
import http
import json
import logging
import ssl
from datetime import datetime, timezone

from ocpp.charge_point import camel_to_snake_case
from ocpp.routing import on
from ocpp.v201 import ChargePoint, call, call_result
from ocpp.v201.enums import Action
from websockets.asyncio.server import serve

# What the CSMS knows of tokens; any other is Unknown.
TOKENS = {
    "D001D001": {"status": "Accepted", "group_id_token": {"id_token": "GROUP1", "type": "Central"}},
    "D001D002": {"status": "Accepted", "group_id_token": {"id_token": "GROUP1", "type": "Central"}},
    "D001D003": {"status": "Accepted"},
    "D001D009": {"status": "Accepted", "group_id_token": {"id_token": "MASTERPASS", "type": "Central"}},
    "BAD00001": {"status": "Invalid"},
    "BAD00002": {"status": "Blocked"},
    "BAD00003": {"status": "Expired"},
}
# Messages of a station that need no more than to be acknowledged.
ACKNOWLEDGED = [
    "ClearedChargingLimit",
    "FirmwareStatusNotification",
    "LogStatusNotification",
    "MeterValues",
    "NotifyChargingLimit",
    "NotifyCustomerInformation",
    "NotifyDisplayMessages",
    "NotifyEvent",
    "NotifyMonitoringReport",
    "PublishFirmwareStatusNotification",
    "ReportChargingProfiles",
    "ReservationStatusUpdate",
    "SecurityEventNotification",
    "StatusNotification",
]
stations = {}
next_boot = {}
sticky_boot = False
variables = {}


def now():
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def info(id_token):
    if id_token["type"] == "NoAuthorization":
        return {"status": "Accepted"}
    return TOKENS.get(id_token["id_token"].upper(), {"status": "Unknown"})


class Station(ChargePoint):
    """A station at the other end."""

    @on(Action.boot_notification)
    def boot_notification(self, **_):
        told = next_boot.get(self.id, {}) if sticky_boot else next_boot.pop(self.id, {})
        status, interval = told.get("status", "Accepted"), told.get("interval", 300)
        return call_result.BootNotification(current_time=now(), status=status, interval=interval)

    @on(Action.heartbeat)
    def heartbeat(self, **_):
        return call_result.Heartbeat(current_time=now())

    @on(Action.authorize)
    def authorize(self, id_token, **_):
        return call_result.Authorize(id_token_info=info(id_token))

    @on(Action.transaction_event)
    def transaction_event(self, id_token=None, **_):
        return call_result.TransactionEvent(id_token_info=info(id_token) if id_token else None)

    @on(Action.notify_report)
    def notify_report(self, report_data=(), **_):
        for item in report_data or ():
            for attribute in item["variable_attribute"]:
                if attribute.get("type", "Actual") == "Actual" and "value" in attribute:
                    variables[self.id, item["component"]["name"], item["variable"]["name"]] = attribute["value"]
        return call_result.NotifyReport()

    @on(Action.data_transfer)
    def data_transfer(self, **_):
        return call_result.DataTransfer(status="UnknownVendorId")

    @on(Action.sign_certificate)
    def sign_certificate(self, **_):
        return call_result.SignCertificate(status="Accepted")

    @on(Action.notify_ev_charging_needs)
    def notify_ev_charging_needs(self, **_):
        return call_result.NotifyEVChargingNeeds(status="Rejected")

    @on(Action.notify_ev_charging_schedule)
    def notify_ev_charging_schedule(self, **_):
        return call_result.NotifyEVChargingSchedule(status="Accepted")


def acknowledge(name):
    """A handler; the package finds handlers by the name of their function."""

    def handler(self, **_):
        return getattr(call_result, name)()

    handler.__name__ = f"acknowledge_{name}"
    setattr(Station, handler.__name__, on(Action(name))(handler))


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
    station = Station(identity, connection)
    stations[identity] = station
    try:
        await station.start()
    finally:
        if stations.get(identity) is station:
            del stations[identity]


def learn(identity, request, response):
    """Keeps what the station said of its variables, and what it took."""
    results = getattr(response, "get_variable_result", None) or getattr(response, "set_variable_result", None) or []
    sent = getattr(request, "set_variable_data", [{}] * len(results))
    for item, result in zip(sent, results):
        if result["attribute_status"] == "Accepted":
            key = identity, result["component"]["name"], result["variable"]["name"]
            variables[key] = item.get("attribute_value", result.get("attribute_value"))


async def ask(path, payload):
    """What the API is asked to do; the status of its answer, and the answer."""
    match path.strip("/").split("/"):
        case ["api", "octt", "2.0.1", identity, action]:
            name = "".join(word.capitalize() for word in action.split("-"))
            if identity not in stations:
                return 409, f"{identity} is not connected"
            if not hasattr(call, name):
                return 501, f"there is no request {name}"
            request = getattr(call, name)(**camel_to_snake_case(payload))
            response = await stations[identity].call(request, suppress=False)
            learn(identity, request, response)
            return 200, str(response)
        case ["api", "boot", identity]:
            next_boot[identity] = payload
            return 200, "it will be answered so"
        case ["api", "check", identity, "variable"]:
            shown = variables.get((identity, payload["component"], payload["variable"]))
            return (200, "so it is") if shown == payload["value"] else (417, f"the CSMS shows {shown}")
        case _:
            return 501, f"{path}: this CSMS can't do that"


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
    global sticky_boot
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--port", type=int, default=9100)
    arguments.add_argument("--api-port", type=int, default=9170)
    arguments.add_argument("--password", default="attest-bench-secret")
    arguments.add_argument("--certificate", help="PEM; without it there is no TLS")
    arguments.add_argument("--key")
    arguments.add_argument("--sticky-boot", action="store_true", help="keep a boot status until another is put")
    arguments = arguments.parse_args()
    sticky_boot = arguments.sticky_boot
    logging.basicConfig(level=logging.WARNING)
    tls = None
    if arguments.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(arguments.certificate, arguments.key)
    check = may_enter(arguments.password)
    await asyncio.start_server(api, "127.0.0.1", arguments.api_port)
    async with serve(
        connected, "127.0.0.1", arguments.port, ssl=tls, subprotocols=["ocpp2.0.1"], process_request=check
    ) as server:
        print("the CSMS listens", flush=True)
        await server.serve_forever()


asyncio.run(main())
