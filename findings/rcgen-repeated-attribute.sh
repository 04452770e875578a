#!/bin/bash
# What one would guess: a certificate that rcgen issues for a signing request has the subject of the request. A station whose subject
# has two organizationalUnit (RFC 5280 lets any attribute occur more than once) gets it back in CertificateSigned as it asked for it.
# What rcgen 0.14.10 (crates.io) does, seen on 29 November 2026: its DistinguishedName has one place for an attribute type. Of two OU in
# the request the certificate has the second, without a word.
# Needs cargo, crates.io and openssl 3. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CARGO_TARGET_DIR=$work/target
openssl version
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout station.key -subj "/O=Example/OU=first/OU=second/CN=CS001" \
    -out station.csr 2> log
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
rcgen = { version = "=0.14.10", features = ["x509-parser"] }

[workspace]
TOML
cat > src/main.rs <<'RUST'
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair};

fn main() {
    let request = CertificateSigningRequestParams::from_pem(&std::fs::read_to_string("station.csr").unwrap()).unwrap();
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(root, KeyPair::generate().unwrap());
    print!("{}", request.signed_by(&issuer).unwrap().pem());
}
RUST
cargo generate-lockfile --quiet
grep -q 'checksum = "8774e05a7d0de114588e6a28fe7e71694b82614ed569d86d8b389dfbc98b8ad8"' Cargo.lock ||
    { echo "this is not the rcgen 0.14.10 that was looked at" >&2; exit 2; }
cargo run --quiet --locked > station.pem
asked=$(openssl req -in station.csr -noout -subject -nameopt RFC2253)
issued=$(openssl x509 -in station.pem -noout -subject -nameopt RFC2253)
echo "request                      $asked"
echo "certificate by rcgen 0.14.10 $issued"
if [ "$asked" = "subject=CN=CS001,OU=second,OU=first,O=Example" ] && [ "$issued" = "subject=CN=CS001,OU=second,O=Example" ]; then
    echo "as found"
else
    echo "changed: the certificate has another subject"
    exit 1
fi
