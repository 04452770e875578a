#!/bin/bash
# What one would guess: a message of OCPP 2.1 that is built from the package's own types passes the package's own schemas.
# What ocpp 2.1.0 (PyPI) does, seen on 30 November 2026: the names of its types are turned into those of the wire by a rule, which
# misses limit_L2, setpoint_L3, soc of LimitAtSoCType, receiptUrl, fixedPFInject, evSupportedDERControl and some thirty more. Sending one of
# them is refused by its own schema (FormatViolationError). And NotifyPeriodicEventStream, for which it has the schema, is no
# action: a SEND (message type 6) that comes in is not read.
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
from ocpp.exceptions import OCPPError
from ocpp.messages import unpack
from ocpp.v21 import ChargePoint, call, datatypes
from ocpp.v21.enums import Action

class Connection:
    async def send(self, text):
        self.sent = json.loads(text)

def profile(**period):
    limit = {"limit_at_soc": datatypes.LimitAtSoCType(soc=80, limit=6.0)} if period.pop("at_soc", False) else {}
    schedule = datatypes.ChargingScheduleType(
        id=1, charging_rate_unit="A", charging_schedule_period=[datatypes.ChargingSchedulePeriodType(start_period=0, limit=16.0, **period)], **limit)
    return call.SetChargingProfile(evse_id=1, charging_profile=datatypes.ChargingProfileType(
        id=1, stack_level=0, charging_profile_purpose="TxDefaultProfile", charging_profile_kind="Relative", charging_schedule=[schedule]))

def settlement(**more):
    return call.NotifySettlement(psp_ref="A", status="Settled", settlement_amount=1.0, settlement_time="2026-11-30T12:00:00Z", **more)

def fixed(**more):
    return call.SetDERControl(is_default=True, control_id="A", control_type="FixedPFInject", **more)

def outcome(request):
    """What is on the wire, or why it is not sent."""
    connection = Connection()
    station = ChargePoint("CS001", connection, response_timeout=0.1)
    try:
        asyncio.run(station.call(request, suppress=False))
    except OCPPError as error:
        return f"refused: {error.details.get('cause', error)}"
    except asyncio.TimeoutError:
        return "sent"
    return "sent"

cases = {
    "SetChargingProfile with limit": profile(),
    "SetChargingProfile with limit_L2": profile(limit_l2=10.0),
    "SetChargingProfile with limitAtSoC.soc": profile(at_soc=True),
    "NotifySettlement": settlement(),
    "NotifySettlement with receiptUrl": settlement(receipt_url="https://example.com/1"),
    "SetDERControl": fixed(),
    "SetDERControl with fixedPFInject": fixed(fixed_pf_inject=datatypes.FixedPFType(priority=0, displacement=0.9, excitation=True)),
}
print("ocpp", importlib.metadata.version("ocpp"))
sent = []
for name, request in cases.items():
    said = outcome(request)
    sent.append(said == "sent")
    print(f"{name}: {said}")
try:
    unpack('[6, "1", "NotifyPeriodicEventStream", {"id": 1, "pending": 0, "basetime": "2026-11-30T12:00:00Z", "data": [{"t": 0, "v": "1"}]}]')
    stream = "read"
except OCPPError as error:
    stream = f"not read: {error}"
print("NotifyPeriodicEventStream as a SEND:", stream[:90])
found = sent == [True, False, False, True, False, True, False] and stream.startswith("not read") and "NotifyPeriodicEventStream" not in list(Action)
print("as found" if found else "changed: what can be sent or read is not the same")
sys.exit(0 if found else 1)
PY
