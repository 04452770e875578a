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

import asyncio

from ocpp.routing import on
from ocpp.v201 import ChargePoint, call, call_result
from ocpp.v201.enums import Action

import serving

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
        return call_result.BootNotification(current_time=serving.now(), status=status, interval=interval)

    @on(Action.heartbeat)
    def heartbeat(self, **_):
        return call_result.Heartbeat(current_time=serving.now())

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


serving.acknowledge(Station, Action, call_result, ACKNOWLEDGED)


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
            request, response, answer = await serving.ask_station(stations, call, identity, action, payload)
            if response is not None:
                learn(identity, request, response)
            return answer
        case ["api", "boot", identity]:
            next_boot[identity] = payload
            return 200, "it will be answered so"
        case ["api", "check", identity, "variable"]:
            shown = variables.get((identity, payload["component"], payload["variable"]))
            return (200, "so it is") if shown == payload["value"] else (417, f"the CSMS shows {shown}")
        case _:
            return 501, f"{path}: this CSMS can't do that"


if __name__ == "__main__":
    parser = serving.arguments(__doc__.splitlines()[0], 9100, 9170, "attest-bench-secret")
    parser.add_argument("--sticky-boot", action="store_true", help="keep a boot status until another is put")
    options = parser.parse_args()
    sticky_boot = options.sticky_boot
    asyncio.run(serving.run(options, "ocpp2.0.1", serving.connected_as(Station, stations), ask))
