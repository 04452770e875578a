#!/bin/sh
# Registers the bench's stations and idTokens at the CSMS, by its API, or sets them back. The argument is the security profile.
set -eu
api=http://127.0.0.1:9370/api/v1
ask() { curl -fsS -o /dev/null -X "$1" -H 'Content-Type: application/json' -d "$3" "$api$2"; }
for n in 1 2 3 4 5 6 7 8; do
    station=CS00$n
    ask POST /stations "{\"ocpp_identity\":\"$station\",\"name\":\"$station\"}" 2>/dev/null || true
    ask PUT "/stations/$station/password" '{"password":"attest-bench-secret"}'
    ask PATCH "/stations/$station" "{\"security_profile\":${1:-1},\"boot_policy\":\"Accepted\"}"
done
token() { ask PUT /id-tokens "{\"id_token\":\"$1\",\"token_type\":\"ISO14443\",\"status\":\"$2\",\"group_id\":$3}"; }
token D001D001 Accepted '"GROUP1"'
token D001D002 Accepted '"GROUP1"'
token D001D003 Accepted null
token D001D009 Accepted '"MASTERPASS"'
token BAD00001 Invalid null
token BAD00002 Blocked null
token BAD00003 Expired null
