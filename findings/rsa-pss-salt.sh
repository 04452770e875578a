#!/bin/bash
# What one would guess: a certificate or signing request that OpenSSL signs with RSA-PSS and SHA-256 is verified by whatever knows
# RSA-PSS. OCPP recommends RSA-PSS for certificate authorities (A00.FR.505) and leaves the salt open, as RFC 4055 does (section 3.1).
# What is seen on 29 November 2026: without a sigopt OpenSSL takes the longest salt that fits, 222 bytes for 2048 bits. x509-parser
# 0.18.1 with ring, and so rcgen 0.14.10, say that this signature is wrong, and rustls-webpki 0.103.16 does not know it: they
# take a salt as long as the hash (32 bytes) alone. rcgen refuses the request with that too, since it makes no certificate for PSS.
# MGF1 with SHA-1, the default of RFC 4055, is refused likewise. OpenSSL verifies all of them.
# Needs cargo, crates.io and openssl 3. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CARGO_TARGET_DIR=$work/target
openssl version
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out ca.key 2> log
openssl req -x509 -new -key ca.key -subj "/O=Example/CN=Example root" -days 30 -out ca.pem
printf 'subjectAltName=DNS:csms.example\n' > leaf.ext
make() { # NAME SIGOPT...: a request and a certificate of the same key with this signature
    local name=$1
    shift
    openssl req -new -key ca.key -sha256 "$@" -subj "/O=Example/CN=CS001" -out "$name.csr"
    openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -set_serial 7 -days 10 -extfile leaf.ext -sha256 "$@" -out "$name.pem" 2> log
    openssl req -in "$name.csr" -verify -noout 2> log
    openssl verify -CAfile ca.pem "$name.pem"
}
pss="-sigopt rsa_padding_mode:pss"
make default $pss
make salt32 $pss -sigopt rsa_pss_saltlen:32
make mgf1-sha1 $pss -sigopt rsa_pss_saltlen:32 -sigopt rsa_mgf1_md:sha1
salt=$(openssl req -in default.csr -noout -text | sed -n 's/.*Salt Length: *//p')
echo "salt of the request that was signed without a sigopt: $salt"

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
x509-parser = { version = "=0.18.1", features = ["verify"] }
rcgen = { version = "=0.14.10", features = ["x509-parser"] }
rustls-webpki = { version = "=0.103.16", default-features = false, features = ["ring", "std"] }
rustls-pki-types = "1"

[workspace]
TOML
cat > src/main.rs <<'RUST'
use rustls_pki_types::{pem::PemObject, CertificateDer, UnixTime};
use webpki::{anchor_from_trusted_cert, EndEntityCert, Error, KeyUsage, ALL_VERIFICATION_ALGS};
use x509_parser::prelude::{FromDer, X509Certificate};

fn main() {
    let root = CertificateDer::from_pem_file("ca.pem").unwrap();
    let (_, ca) = X509Certificate::from_der(&root).unwrap();
    let now = UnixTime::since_unix_epoch(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap());
    let mut seen = Vec::new();
    for name in ["default", "salt32", "mgf1-sha1"] {
        let leaf = CertificateDer::from_pem_file(format!("{name}.pem")).unwrap();
        let parser = X509Certificate::from_der(&leaf).unwrap().1.verify_signature(Some(ca.public_key())).is_ok();
        let webpki = match EndEntityCert::try_from(&leaf).unwrap().verify_for_usage(
            ALL_VERIFICATION_ALGS, &[anchor_from_trusted_cert(&root).unwrap()], &[], now, KeyUsage::server_auth(), None, None,
        ) {
            Ok(_) => "verified",
            Err(Error::UnsupportedSignatureAlgorithmContext(_)) => "UnsupportedSignatureAlgorithm",
            Err(_) => "another error",
        };
        let request = std::fs::read_to_string(format!("{name}.csr")).unwrap();
        let rcgen = match rcgen::CertificateSigningRequestParams::from_pem(&request) {
            Ok(_) => "taken".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        println!("{name}: x509-parser {}; webpki: {webpki}; rcgen: {rcgen}", if parser { "verified" } else { "wrong signature" });
        seen.push((parser, webpki, rcgen));
    }
    let refused = (false, "UnsupportedSignatureAlgorithm", "InvalidCertificationRequestSignature".to_owned());
    let found = seen == [refused.clone(), (true, "verified", "UnsupportedSignatureAlgorithm".to_owned()), refused];
    println!("{}", if found { "as found" } else { "changed: RSA-PSS is verified in another way" });
    std::process::exit(i32::from(!found));
}
RUST
cargo generate-lockfile --quiet
for sum in d43b0f71ce057da06bc0851b23ee24f3f86190b07203dd8f567d0b706a185202 8774e05a7d0de114588e6a28fe7e71694b82614ed569d86d8b389dfbc98b8ad8 \
    4443b1b6d39d7c663139942cc4558262562d2c84123bb6282ef177009ca8b281; do
    grep -q "checksum = \"$sum\"" Cargo.lock || { echo "these are not the crates that were looked at" >&2; exit 2; }
done
[ "$salt" = 0xDE ] || { echo "changed: OpenSSL takes another salt by itself"; exit 1; }
cargo run --quiet --locked
