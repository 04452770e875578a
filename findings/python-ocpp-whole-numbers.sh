#!/bin/bash
# What one would guess: 7.0 is an integer in a message of OCPP 2.0.1. The schemas of OCPP 2.0.1 name JSON Schema draft-06, and since
# that draft a number without a fractional part is an integer, however it is written (draft-06 validation, section 6.25).
# What ocpp 2.1.0 (PyPI) does, seen on 29 November 2026: it checks the messages of every version by draft 4, to which 7.0 is none; the
# answer is a CALLERROR TypeConstraintViolation. The same schema read as the draft that it names takes the message, and so does
# ocpp-rpc 2.2.1 (npm).
# Needs python3, PyPI, node and the npm registry. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
echo 'ocpp==2.1.0 --hash=sha256:0e452c14c21e2995431334ce1513d5ad8246ecb5c8fb90ed4143e2ecdd9e2845' > "$work/requirements.txt"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$work/requirements.txt"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check jsonschema==4.26.0
(cd "$work" && npm install --silent --no-audit --no-fund --ignore-scripts ocpp-rpc@2.2.1)
payload='{"idToken": {"idToken": "D001D001", "type": "Central"}, "remoteStartId": 7.0}'

cat > "$work/rpc.js" <<'JS'
const validator = require('ocpp-rpc/lib/standard-validators').find(one => one.subprotocol === 'ocpp2.0.1');
try {
    validator.validate('urn:RequestStartTransaction.req', JSON.parse(process.argv[2]));
    console.log('accepted');
} catch (error) {
    console.log('refused: ' + error.message);
}
JS
rpc=$(cd "$work" && node rpc.js "$payload")
"$work/venv/bin/python" - "$payload" "$rpc" <<'PY'
import asyncio, importlib.metadata, json, sys
import jsonschema
from ocpp.exceptions import TypeConstraintViolationError
from ocpp.messages import Call, get_validator, validate_payload

payload = json.loads(sys.argv[1])
schema = get_validator(2, "RequestStartTransaction", "2.0.1").schema
try:
    asyncio.run(validate_payload(Call("1", "RequestStartTransaction", payload), "2.0.1"))
    outcome = "accepted"
except TypeConstraintViolationError as error:
    outcome = "TypeConstraintViolation: " + error.details["cause"]
named = jsonschema.validators.validator_for(schema)
print("RequestStartTransaction with remoteStartId 7.0")
print("ocpp", importlib.metadata.version("ocpp"), "->", outcome)
print("the same schema by the draft that it names,", schema["$schema"], "->", "accepted" if named(schema).is_valid(payload) else "refused")
print("ocpp-rpc 2.2.1 ->", sys.argv[2])
found = outcome.startswith("TypeConstraintViolation") and named(schema).is_valid(payload) and sys.argv[2] == "accepted"
print("as found" if found else "changed: the number is judged in another way")
sys.exit(0 if found else 1)
PY
