#!/bin/bash
# What one would guess: a chain is found although the issuer's name stands in the leaf as UTF8String and in the root that is trusted
# as PrintableString: names are compared by their characters, not by their encoding (RFC 5280, section 7.1). It happens where an
# authority's root has been made anew by another tool with the same key and name.
# What is seen on 29 November 2026: rustls-webpki 0.103.16 says UnknownIssuer; it compares names byte by byte. OpenSSL verifies the chain.
# A station or CSMS on rustls then answers the handshake with the alert unknown_ca.
# Needs cargo, crates.io and openssl 3. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CARGO_TARGET_DIR=$work/target
openssl version
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out leaf.key
for kind in utf8:0x2000 printable:0x0002; do # the root with its name in either string type, of the same key
    printf 'distinguished_name=dn\nprompt=no\nstring_mask=MASK:%s\nx509_extensions=ca\n[dn]\nO=Example\n[ca]\nbasicConstraints=critical,CA:TRUE\n' \
        "${kind#*:}" > root.cnf
    sed -i '1i [req]' root.cnf
    openssl req -x509 -new -key ca.key -config root.cnf -days 30 -out "root-${kind%:*}.pem"
    openssl asn1parse -in "root-${kind%:*}.pem" | grep -m1 'STRING *:Example'
done
openssl req -new -key leaf.key -subj "/O=Example/CN=csms.example" -out leaf.csr
printf 'subjectAltName=DNS:csms.example\n' > leaf.ext
openssl x509 -req -in leaf.csr -CA root-utf8.pem -CAkey ca.key -set_serial 7 -days 10 -extfile leaf.ext -out leaf.pem 2> log
for root in root-utf8.pem root-printable.pem; do
    openssl verify -CAfile "$root" leaf.pem || { echo "changed: OpenSSL refuses the chain"; exit 1; }
done

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
rustls-webpki = { version = "=0.103.16", default-features = false, features = ["ring", "std"] }
rustls-pki-types = "1"

[workspace]
TOML
cat > src/main.rs <<'RUST'
use rustls_pki_types::{pem::PemObject, CertificateDer, UnixTime};
use webpki::{anchor_from_trusted_cert, EndEntityCert, Error, KeyUsage, ALL_VERIFICATION_ALGS};

fn main() {
    let leaf = CertificateDer::from_pem_file("leaf.pem").unwrap();
    let now = UnixTime::since_unix_epoch(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap());
    let [same, other] = ["root-utf8.pem", "root-printable.pem"].map(|name| {
        let root = CertificateDer::from_pem_file(name).unwrap();
        let anchor = anchor_from_trusted_cert(&root).unwrap();
        let outcome = EndEntityCert::try_from(&leaf)
            .unwrap()
            .verify_for_usage(ALL_VERIFICATION_ALGS, &[anchor], &[], now, KeyUsage::server_auth(), None, None)
            .map(|_| ());
        println!("rustls-webpki 0.103.16 with {name}: {outcome:?}");
        outcome
    });
    let found = same.is_ok() && matches!(other, Err(Error::UnknownIssuer));
    println!("{}", if found { "as found" } else { "changed: names are compared in another way" });
    std::process::exit(i32::from(!found));
}
RUST
cargo generate-lockfile --quiet
grep -q 'checksum = "4443b1b6d39d7c663139942cc4558262562d2c84123bb6282ef177009ca8b281"' Cargo.lock ||
    { echo "this is not the rustls-webpki 0.103.16 that was looked at" >&2; exit 2; }
cargo run --quiet --locked
