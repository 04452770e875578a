#!/bin/bash
# What one would guess: what `openssl req` signs, `openssl req -verify` finds right. The algorithms of OCPP are those that BSI recommends
# (A00.FR.504), and its TR-02102-1 has SHA-3 among them, so a station may sign its request with ecdsa-with-SHA3-256.
# What OpenSSL 3.0.19 (Debian 12) does, seen on 29 November 2026: it signs with -sha3-256 and then says "unknown signature algorithm" of
# its own request; so do `openssl verify` and whatever uses the library's X509_verify and X509_REQ_verify. The signature is
# right: OpenSSL 3.5.4, in cryptography 46.0.3 (PyPI), verifies it, and so does `openssl dgst` over the same bytes.
# Needs openssl, python3 and PyPI. Exit status: 0 as found, 1 changed (by a newer OpenSSL, too).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
openssl version
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out station.key
openssl req -new -key station.key -sha3-256 -subj "/O=Example/CN=CS001" -out station.csr
openssl req -in station.csr -noout -text | grep -m1 'Signature Algorithm'
if openssl req -in station.csr -verify -noout 2> said; then verified=yes; else verified=no; fi
echo "openssl req -verify: verified $verified; $(grep -o 'unknown signature algorithm' said || true)"

# The signed part of the request and the signature, taken out by their places in the DER.
openssl req -in station.csr -outform DER -out station.der
start=$(openssl asn1parse -inform DER -in station.der | sed -n '2s/^ *\([0-9]*\):.*/\1/p')
openssl asn1parse -inform DER -in station.der -strparse "$start" -noout -out signed
last=$(openssl asn1parse -inform DER -in station.der | sed -n '$s/^ *\([0-9]*\):.*/\1/p')
openssl asn1parse -inform DER -in station.der -strparse "$last" -noout -out signature
openssl pkey -in station.key -pubout -out station.pub
if openssl dgst -sha3-256 -verify station.pub -signature signature signed > said; then dgst=yes; else dgst=no; fi
echo "openssl dgst -sha3-256 -verify: $(cat said)"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cryptography==46.0.3
other=$(venv/bin/python - <<'PY'
from cryptography import x509
from cryptography.hazmat.backends.openssl import backend

with open("station.csr", "rb") as file:
    request = x509.load_pem_x509_csr(file.read())
print(request.is_signature_valid, backend.openssl_version_text())
PY
)
echo "cryptography 46.0.3: signature right: $other"
if [ "$verified" = no ] && [ "$dgst" = yes ] && [ "${other%% *}" = True ]; then
    echo "as found"
else
    echo "changed: a request that is signed with SHA-3 is verified in another way"
    exit 1
fi
