#!/usr/bin/env python3
"""A small central system of OCPP 1.6 built on the package `ocpp`: it accepts what it knows, and sends what its HTTP API is asked to send.

The package is the product under test; this file is the least application that it can run in. The API is
`POST /api/octt/1.6/{charge point}/{action-in-kebab-case}` with the payload of the request as its body.
"""

import asyncio
import itertools
import sys
from pathlib import Path

from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result
from ocpp.v16.enums import Action

sys.path.insert(0, str(Path(__file__).parent.parent / "python-ocpp-csms"))
import serving  # noqa: E402

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
ids = itertools.count(1)
# Ids that the package wants to be given, and that whoever asks may leave to the central system.
NUMBERED = {"reserve-now": "reservationId", "get-log": "requestId", "signed-update-firmware": "requestId"}


def info(id_tag):
    return TAGS.get(id_tag.upper(), {"status": "Invalid"})


class Point(ChargePoint):
    """A charge point at the other end."""

    @on(Action.boot_notification)
    def boot_notification(self, **_):
        return call_result.BootNotification(current_time=serving.now(), interval=300, status="Accepted")

    @on(Action.heartbeat)
    def heartbeat(self, **_):
        return call_result.Heartbeat(current_time=serving.now())

    @on(Action.authorize)
    def authorize(self, id_tag, **_):
        return call_result.Authorize(id_tag_info=info(id_tag))

    @on(Action.start_transaction)
    def start_transaction(self, id_tag, **_):
        return call_result.StartTransaction(transaction_id=next(ids), id_tag_info=info(id_tag))

    @on(Action.stop_transaction)
    def stop_transaction(self, id_tag=None, **_):
        return call_result.StopTransaction(id_tag_info=info(id_tag) if id_tag else None)

    @on(Action.data_transfer)
    def data_transfer(self, **_):
        return call_result.DataTransfer(status="UnknownVendorId")

    @on(Action.sign_certificate)
    def sign_certificate(self, **_):
        return call_result.SignCertificate(status="Rejected")


serving.acknowledge(Point, Action, call_result, ACKNOWLEDGED)


async def ask(path, payload):
    """What the API is asked to do; the status of its answer, and the answer."""
    match path.strip("/").split("/"):
        case ["api", "octt", "1.6", identity, action]:
            if action in NUMBERED:
                payload.setdefault(NUMBERED[action], next(ids))
            _, _, answer = await serving.ask_station(charge_points, call, identity, action, payload)
            return answer
        case _:
            return 501, f"{path}: this central system can't do that"


if __name__ == "__main__":
    options = serving.arguments(__doc__.splitlines()[0], 9110, 9171, "attest-bench-secret").parse_args()
    asyncio.run(serving.run(options, "ocpp1.6", serving.connected_as(Point, charge_points), ask))
