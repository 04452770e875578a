#!/bin/bash
# What one would guess: the keys inside customData and inside the data of DataTransfer belong to the vendor, so an OCPP library
# hands them over, and sends them, as they are spelt (OCPP 2.0.1 Part 4, custom data; Part 2, use cases P01 and P02).
# What ocpp 2.1.0 (PyPI) does, seen on 29 November 2026: it turns every key of a message into snake_case for the application and
# into camelCase for the wire, these keys too. MeterID arrives as meter_id; the answer's energy_kWh leaves as energyKWh, social as
# SoCial; a member that is null is left out of what is sent.
# Needs python3 and PyPI. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
echo 'ocpp==2.1.0 --hash=sha256:0e452c14c21e2995431334ce1513d5ad8246ecb5c8fb90ed4143e2ecdd9e2845' > "$work/requirements.txt"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$work/requirements.txt"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jsonschema==4.26.0
"$work/venv/bin/python" - <<'PY'
import asyncio, importlib.metadata, json, sys
from ocpp.routing import on
from ocpp.v201 import ChargePoint, call_result

class Connection:
    async def send(self, text):
        self.sent = json.loads(text)

class Csms(ChargePoint):
    @on("DataTransfer")
    def data_transfer(self, vendor_id, data, **others):
        self.got = data
        return call_result.DataTransfer(status="Accepted", data={"energy_kWh": 1, "social": 2, "limit": None})

    @on("Heartbeat")
    def heartbeat(self, custom_data):
        self.got_custom = custom_data
        return call_result.Heartbeat(current_time="2026-11-29T00:00:00Z")

connection = Connection()
csms = Csms("CS001", connection)
request = [2, "1", "DataTransfer", {"vendorId": "org.example", "data": {"MeterID": "a", "SoC": 3}}]
asyncio.run(csms.route_message(json.dumps(request)))
sent = connection.sent[2]["data"]
request = [2, "2", "Heartbeat", {"customData": {"vendorId": "org.example", "MeterID": "a"}}]
asyncio.run(csms.route_message(json.dumps(request)))

print("ocpp", importlib.metadata.version("ocpp"))
print("data of the request      ", {"MeterID": "a", "SoC": 3}, "-> the handler gets", csms.got)
print("customData of the request", {"vendorId": "org.example", "MeterID": "a"}, "-> the handler gets", csms.got_custom)
print("data of the response     ", {"energy_kWh": 1, "social": 2, "limit": None}, "-> on the wire", sent)
found = (
    csms.got == {"meter_id": "a", "soc": 3}
    and csms.got_custom == {"vendor_id": "org.example", "meter_id": "a"}
    and sent == {"energyKWh": 1, "SoCial": 2}
)
print("as found" if found else "changed: the vendor's keys are treated in another way")
sys.exit(0 if found else 1)
PY
