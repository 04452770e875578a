#!/bin/bash
# What one would guess: a signing request (SignCertificate, use case A02) with a challengePassword, which many tools put in, can be
# read whatever string type the password has: it is a DirectoryString (RFC 2985, 5.4.1), so BMPString and TeletexString are allowed.
# What is seen on 29 November 2026: x509-parser 0.18.1, and with it rcgen 0.14.10, can't read the request at all (Eof) if the password
# is a BMPString, or a TeletexString with a letter beyond ASCII. The bytes must be UTF-8, whatever the type says. OpenSSL and
# cryptography 46.0.3 (PyPI) read both requests and find the signatures right.
# Needs cargo, crates.io, python3, PyPI and openssl 3. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CARGO_TARGET_DIR=$work/target
openssl version
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out station.key
make() { # NAME MASK PASSWORD: the mask leaves one string type to choose; C is a PrintableString in any case
    cat > "$1.cnf" <<CNF
[req]
distinguished_name = dn
attributes = attributes
prompt = no
utf8 = yes
string_mask = MASK:$2
[dn]
C = DE
[attributes]
challengePassword = $3
CNF
    openssl req -new -utf8 -key station.key -config "$1.cnf" -out "$1.csr"
    openssl req -in "$1.csr" -verify -noout 2> log || { echo "changed: OpenSSL refuses $1"; exit 1; }
}
make utf8 0x2000 sécret
make teletex-ascii 0x0004 secret
make teletex 0x0004 sécret
make bmp 0x0800 secret

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check cryptography==46.0.3
venv/bin/python - <<'PY'
import sys
from cryptography import x509
from cryptography.x509.oid import AttributeOID

for name, tag in [("utf8", 12), ("teletex-ascii", 20), ("teletex", 20), ("bmp", 30)]:
    with open(name + ".csr", "rb") as file:
        request = x509.load_pem_x509_csr(file.read())
    password = request.attributes.get_attribute_for_oid(AttributeOID.CHALLENGE_PASSWORD)
    print(f"cryptography 46.0.3: {name}, ASN.1 type {password._type}, signature right: {request.is_signature_valid}")
    if password._type != tag or not request.is_signature_valid:
        sys.exit("changed: cryptography reads the request in another way")
PY

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
x509-parser = { version = "=0.18.1", features = ["verify"] }
rcgen = { version = "=0.14.10", features = ["x509-parser"] }

[workspace]
TOML
cat > src/main.rs <<'RUST'
use x509_parser::prelude::{parse_x509_pem, FromDer, X509CertificationRequest};

fn main() {
    let mut seen = Vec::new();
    for name in ["utf8", "teletex-ascii", "teletex", "bmp"] {
        let text = std::fs::read_to_string(format!("{name}.csr")).unwrap();
        let (_, pem) = parse_x509_pem(text.as_bytes()).unwrap();
        let parser = X509CertificationRequest::from_der(&pem.contents).map(|_| ());
        let rcgen = rcgen::CertificateSigningRequestParams::from_pem(&text).map(|_| ());
        println!("{name}: x509-parser {parser:?}, rcgen {rcgen:?}");
        seen.push((parser.is_ok(), rcgen.is_ok()));
    }
    let found = seen == [(true, true), (true, true), (false, false), (false, false)];
    println!("{}", if found { "as found" } else { "changed: other requests can be read" });
    std::process::exit(i32::from(!found));
}
RUST
cargo generate-lockfile --quiet
for sum in d43b0f71ce057da06bc0851b23ee24f3f86190b07203dd8f567d0b706a185202 8774e05a7d0de114588e6a28fe7e71694b82614ed569d86d8b389dfbc98b8ad8; do
    grep -q "checksum = \"$sum\"" Cargo.lock || { echo "these are not the crates that were looked at" >&2; exit 2; }
done
cargo run --quiet --locked
