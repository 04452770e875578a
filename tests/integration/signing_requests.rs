//! Signing requests and certificates that real tools made (`tests/fixtures/requests`, `tests/fixtures/certificates`): what is
//! odd but sound is taken for sound, and a certificate has the name and the key of its request byte by byte.

use std::{collections::BTreeSet, path::PathBuf};

use jiff::Timestamp;
use ocpp_attest::{
    certificate::{self, Certificate, SigningRequest, Verification},
    link::CertificateKind,
    services::{
        inspect,
        pki::{KeyKind, Pki},
    },
};
use serde_json::{Value, json};
use x509_parser::{
    certificate::X509Certificate, certification_request::X509CertificationRequest, extensions::ParsedExtension,
    prelude::FromDer,
};

/// What the facts of a request say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Facts {
    Sound,
    /// Sound, if a second verifier is there to tell.
    SoundBySecond,
    /// So wrong that a station fails.
    Problem(&'static str),
    /// Wrong, if a second verifier is there to tell.
    ProblemBySecond(&'static str),
    Undecided(&'static str),
}

use Facts::{Problem, ProblemBySecond, Sound, SoundBySecond, Undecided};

const WRONG: &str = "its signature was not made with its own key";

/// Requests by file name: what is said of them, and of their key.
const REQUESTS: [(&str, Facts, &str, u64); 39] = [
    ("ber", Undecided("OpenSSL accepts it"), "", 0),
    ("bmp-string", Sound, "EC", 256),
    ("brainpool", SoundBySecond, "EC", 256),
    ("challenge-bmp", Sound, "EC", 256),
    ("challenge-teletex", Sound, "EC", 256),
    ("dsa", SoundBySecond, "DSA", 2048),
    ("ed25519", Sound, "EC", 256),
    ("ed448", SoundBySecond, "EC", 448),
    ("keytool-ec", Sound, "EC", 256),
    ("keytool-ed25519", Sound, "EC", 256),
    ("keytool-rsa-extensions", Sound, "RSA", 2048),
    ("keytool-rsa-pss", Sound, "RSA", 2048),
    ("keytool-rsa-pss-key", SoundBySecond, "RSA", 2048),
    ("microsoft-attributes", Sound, "EC", 256),
    ("multi-valued-rdn", Sound, "EC", 256),
    ("no-attributes", Undecided("the field for attributes is missing"), "EC", 256),
    ("openssl-extensions", Sound, "EC", 256),
    ("p256-compressed", Sound, "EC", 256),
    ("p256-explicit", SoundBySecond, "EC", 256),
    ("p256-sha512", Sound, "EC", 256),
    ("p384", Sound, "EC", 384),
    ("p521", Sound, "EC", 521),
    ("p521-sha256", Sound, "EC", 521),
    ("rsa-1024", SoundBySecond, "RSA", 1024),
    ("rsa-pss-key", SoundBySecond, "RSA", 2048),
    ("rsa-pss-key-restricted", SoundBySecond, "RSA", 2048),
    ("rsa-pss-mgf1-sha1", SoundBySecond, "RSA", 2048),
    ("rsa-pss-salt-222", SoundBySecond, "RSA", 2048),
    ("rsa-pss-salt-32", Sound, "RSA", 2048),
    ("secp256k1", SoundBySecond, "EC", 256),
    ("teletex-string", Sound, "EC", 256),
    ("two-ous", Sound, "EC", 256),
    ("universal-string", Sound, "EC", 256),
    ("unknown-algorithm", Undecided("no verifier in this build"), "EC", 256),
    ("unsorted-rdn", Sound, "EC", 256),
    ("version-1", Problem("its version is 1"), "EC", 256),
    ("wrong-signature", Problem(WRONG), "EC", 256),
    ("wrong-signature-rsa", Problem(WRONG), "RSA", 2048),
    ("wrong-signature-rsa-pss", ProblemBySecond(WRONG), "RSA", 2048),
];

fn fixture(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn request(name: &str) -> String {
    fixture(&format!("requests/{name}.csr"))
}

fn now() -> Timestamp {
    "2027-01-15T10:00:00Z".parse().unwrap()
}

#[test]
fn every_request_is_in_the_table() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/requests");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|entry| entry.unwrap().file_name().to_string_lossy().strip_suffix(".csr").map(str::to_owned))
        .collect();
    assert_eq!(files, REQUESTS.iter().map(|(name, ..)| (*name).to_owned()).collect());
}

#[test]
fn a_request_is_only_called_wrong_when_it_is() {
    for (name, wanted, kind, bits) in REQUESTS {
        let facts = certificate::request_facts(&request(name));
        let said = |member: &str| facts[member].as_str().unwrap_or_default().to_owned();
        let told = format!("{name}: {facts}");
        match wanted {
            // Without OpenSSL nobody contradicts our own reading.
            Undecided(_) if name == "ber" && !cfg!(feature = "legacy-tls") => {
                assert!(said("problem").contains("RFC 2986"), "{told}");
            }
            SoundBySecond | ProblemBySecond(_) if !cfg!(feature = "legacy-tls") => {
                assert!(
                    said("problem").is_empty() && said("undecided").contains("no verifier in this build"),
                    "{told}"
                );
            }
            Sound | SoundBySecond => assert!(said("problem").is_empty() && said("undecided").is_empty(), "{told}"),
            Problem(why) | ProblemBySecond(why) => {
                assert!(said("problem").contains(why) && said("undecided").is_empty(), "{told}");
            }
            Undecided(why) => assert!(said("undecided").contains(why) && said("problem").is_empty(), "{told}"),
        }
        if !kind.is_empty() {
            assert_eq!(facts["key"], json!({ "kind": kind, "bits": bits }), "{name}");
        }
    }
}

#[test]
fn names_are_read_in_every_string_type() {
    for name in ["bmp-string", "teletex-string", "universal-string"] {
        let facts = certificate::request_facts(&request(name));
        assert_eq!(facts["subject"], json!({ "common_name": "CS001", "organization": "Exämple" }), "{name}");
    }
    for name in ["multi-valued-rdn", "unsorted-rdn", "two-ous", "keytool-ec"] {
        assert_eq!(certificate::request_facts(&request(name))["subject"]["common_name"], "CS001", "{name}");
    }
}

#[test]
fn the_form_of_a_request_does_not_matter() {
    let sound = request("two-ous");
    let facts = certificate::request_facts(&sound);
    let new = sound.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST");
    for odd in [
        sound.replace('\n', "\r\n"),
        sound.trim_end().to_owned(),
        format!("{sound}\0"),
        format!("Certificate Request:\n    Data:\n        Version: 1 (0x0)\n{sound}"),
        new,
    ] {
        assert_eq!(certificate::request_facts(&odd), facts, "{odd}");
    }
    let problem = |text: &str| certificate::request_facts(text)["problem"].as_str().unwrap_or_default().to_owned();
    assert!(problem("").contains("not a valid PEM"));
    assert!(problem(&sound.replace('\n', "\\n")).contains("not a valid PEM"));
    assert!(problem(&sound.replace("CERTIFICATE REQUEST", "PUBLIC KEY")).contains("label is PUBLIC KEY"));
    assert!(problem(&fixture("certificates/rsa-pss-client.pem")).contains("label is CERTIFICATE"));
    // A certificate under the label of a request.
    let disguised = fixture("certificates/rsa-pss-client.pem").replace("CERTIFICATE", "CERTIFICATE REQUEST");
    assert!(problem(&disguised).contains("RFC 2986"), "{}", problem(&disguised));
}

/// The extensions of a certificate, as far as they matter.
fn extensions(certificate: &X509Certificate<'_>) -> Value {
    let mut found = json!({});
    for extension in certificate.extensions() {
        match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => {
                found["usage"] = usage.to_string().into();
                assert!(extension.critical);
            }
            ParsedExtension::BasicConstraints(constraints) => found["ca"] = constraints.ca.into(),
            ParsedExtension::SubjectKeyIdentifier(id) => found["subject-key"] = format!("{id:x}").into(),
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                found["authority-key"] = format!("{:x}", authority.key_identifier.as_ref().unwrap()).into();
            }
            other => panic!("{other:?}"),
        }
    }
    found
}

#[test]
fn a_certificate_has_the_name_and_the_key_of_its_request() {
    for authority in [KeyKind::Ecdsa, KeyKind::Rsa] {
        let pki = Pki::new(authority, now()).unwrap();
        let root = Certificate::first(pki.root_pem()).unwrap();
        let root_key = extensions(&X509Certificate::from_der(root.der()).unwrap().1)["subject-key"].clone();
        let mut serials = BTreeSet::new();
        for (name, facts, ..) in REQUESTS {
            let text = request(name);
            let signed = pki.sign_request(&text, CertificateKind::Valid, now());
            let refused = match facts {
                Problem(why) if why == WRONG => true,
                ProblemBySecond(_) => cfg!(feature = "legacy-tls"),
                _ => ["ber", "rsa-1024"].contains(&name),
            };
            if refused {
                assert!(signed.is_err(), "{name}");
                continue;
            }
            let signed = signed.unwrap_or_else(|error| panic!("{name}: {error}"));
            let leaf = Certificate::first(&signed).unwrap();
            let asked = SigningRequest::read(&text).unwrap();
            assert!(!asked.subject().is_empty() && !asked.key().is_empty());
            assert_eq!(leaf.subject(), asked.subject(), "{name}");
            assert_eq!(leaf.key(), asked.key(), "{name}");
            assert!(leaf.answers(&text) && leaf.is_signed_by(&root), "{name}");
            let (rest, parsed) = X509Certificate::from_der(leaf.der()).unwrap();
            assert!(rest.is_empty());
            assert_eq!(parsed.issuer().as_raw(), root.subject(), "{name}");
            // Another reader finds the same, where it can read the request at all.
            let block = x509_parser::pem::parse_x509_pem(text.as_bytes()).unwrap().1;
            if let Ok((_, other)) = X509CertificationRequest::from_der(&block.contents) {
                assert_eq!(parsed.subject().as_raw(), other.certification_request_info.subject.as_raw(), "{name}");
                assert_eq!(parsed.public_key().raw, other.certification_request_info.subject_pki.raw, "{name}");
            }
            // A00.FR.508, 512, 514; RFC 5280.
            let found = extensions(&parsed);
            let plain_rsa = parsed.public_key().algorithm.algorithm.to_id_string() == "1.2.840.113549.1.1.1";
            let usage = if plain_rsa { "Digital Signature, Key Encipherment" } else { "Digital Signature" };
            assert_eq!((&found["usage"], &found["ca"]), (&json!(usage), &json!(false)), "{name}");
            assert_eq!(found["authority-key"], root_key, "{name}");
            assert_ne!(found["subject-key"], root_key, "{name}");
            assert!((31..=40).contains(&leaf.serial().len()) && serials.insert(leaf.serial()), "{name}");
            // Begun, for a clock that is behind too, and later than what the station had before (A02.FR.06).
            let ago = |minutes: i64| now() - jiff::SignedDuration::from_mins(minutes);
            assert!(leaf.is_valid_at(now()) && leaf.is_valid_at(ago(30)) && !leaf.is_valid_at(ago(90)), "{name}");
            assert_eq!(inspect::certificate(&signed, Some(pki.root_pem()), now()).unwrap()["trusted"], true, "{name}");
        }
        let expired = pki.sign_request(&request("two-ous"), CertificateKind::Expired, now()).unwrap();
        assert!(!Certificate::first(&expired).unwrap().is_valid_at(now()));
    }
}

/// As OpenSSL sees it: what we issue, for whatever request, is a sound certificate.
#[cfg(feature = "legacy-tls")]
#[test]
fn openssl_takes_what_is_issued() {
    use openssl::x509::{X509, X509Req};
    let pki = Pki::new(KeyKind::Ecdsa, now()).unwrap();
    let root = X509::from_pem(pki.root_pem().as_bytes()).unwrap();
    for name in ["two-ous", "keytool-ec", "openssl-extensions", "rsa-pss-key", "ed448", "bmp-string", "unsorted-rdn"] {
        let signed = pki.sign_request(&request(name), CertificateKind::Valid, now()).unwrap();
        let leaf = X509::from_pem(signed.as_bytes()).unwrap();
        assert!(leaf.verify(&root.public_key().unwrap()).unwrap(), "{name}");
        assert_eq!(leaf.issuer_name().try_cmp(root.subject_name()).unwrap(), std::cmp::Ordering::Equal, "{name}");
        let asked = X509Req::from_pem(request(name).as_bytes()).unwrap();
        assert_eq!(leaf.subject_name().to_der().unwrap(), asked.subject_name().to_der().unwrap(), "{name}");
        assert!(leaf.public_key().unwrap().public_eq(&asked.public_key().unwrap()), "{name}");
    }
}

#[test]
fn hash_data_is_what_ocsp_makes_of_a_certificate() {
    // By `openssl ocsp -sha256 -issuer … -cert … -req_text`.
    let chain = format!("{}{}", fixture("certificates/rsa-pss-client.pem"), fixture("certificates/rsa-pss-root.pem"));
    let of_client = json!({
        "hashAlgorithm": "SHA256",
        "issuerNameHash": "ca013b3d32f1749c4abac74f15b039d693d7e082058a149236e166ec86a468d0",
        "issuerKeyHash": "6605e755f1fec8029d76c817082208b1b9477bd8edeea48c1895c16c620ae6a2",
        "serialNumber": "22c5fd5b5f322b9383296a6e028a3c3d12ed781",
    });
    assert_eq!(certificate::hash_data(&chain, "SHA256"), Some(of_client.clone()));
    assert!(certificate::is_hash_of(&of_client, &chain));
    // The issuer is found wherever it stands.
    let [client, root, other] = ["rsa-pss-client", "rsa-pss-root", "serial-20"]
        .map(|name| fixture(&format!("certificates/{name}.pem")).replace('\n', "\r\n"));
    assert_eq!(certificate::hash_data(&format!("{client}{other}{root}"), "SHA256"), Some(of_client));
    let bundle = certificate::hash_data(&format!("{root}{other}"), "SHA256");
    assert_eq!(bundle, certificate::hash_data(&root, "SHA256"), "a root's issuer is itself, not the next of its file");
}

#[test]
fn hash_data_of_a_certificate_whose_issuer_is_not_there_is_compared_without_its_key() {
    let [own, issuer] =
        ["issuer-absent", "issuer-of-issuer-absent"].map(|name| fixture(&format!("certificates/{name}.pem")));
    let mut told = certificate::hash_data(&format!("{own}{issuer}"), "SHA256").unwrap();
    assert_eq!(told["issuerKeyHash"], "ef5ea1249ee556bfa590f1d77062b1557dfb6c83f6d7970ef645d9428a70e76c");
    assert!(certificate::is_hash_of(&told, &own), "the station knows the issuer, and the bench does not");
    told["serialNumber"] = "1".into();
    assert!(!certificate::is_hash_of(&told, &own));
}

#[test]
fn serial_numbers_have_no_leading_zeros() {
    for (name, serial) in [
        ("20", "ffeeddccbbaa99887766554433221100ffeeddcc"),
        ("zero-byte", "ff112233"),
        ("leading-zero", "ff11223"),
        ("negative", "ff01"),
    ] {
        let text = fixture(&format!("certificates/serial-{name}.pem"));
        let mut hash = certificate::hash_data(&text, "SHA256").unwrap();
        assert_eq!(hash["serialNumber"], serial, "{name}");
        assert!(certificate::is_hash_of(&hash, &text), "{name}");
        assert_eq!(inspect::certificate(&text, None, now()).unwrap()["serial_number"], serial, "{name}");
        // Of one that is negative, some write the sign.
        hash["serialNumber"] = "-FF".into();
        assert_eq!(certificate::is_hash_of(&hash, &text), name == "negative", "{name}");
    }
}

#[test]
fn a_chain_that_is_signed_with_another_salt_is_trusted() {
    let [client, root, utf8] = ["rsa-pss-client", "rsa-pss-root", "client-of-the-root-in-utf8"]
        .map(|name| fixture(&format!("certificates/{name}.pem")));
    let [leaf, issuer, other] = [&client, &root, &utf8].map(|pem| Certificate::first(pem).unwrap());
    // The issuer's name in another string type is the same name (RFC 5280, section 7.1).
    assert_eq!(other.verify(&issuer), Verification::Valid);
    let trusted = |chain: &str, root: &str| inspect::certificate(chain, Some(root), now()).unwrap();
    let pki = Pki::new(KeyKind::Ecdsa, now()).unwrap();
    assert_eq!(trusted(&client, pki.root_pem())["trusted"], false);
    if cfg!(feature = "legacy-tls") {
        assert_eq!(leaf.verify(&issuer), Verification::Valid);
        assert_eq!(
            (&trusted(&client, &root)["trusted"], &trusted(&client, &root)["undecided"]),
            (&json!(true), &json!(""))
        );
        assert_eq!(trusted(&utf8, &root)["trusted"], true);
        let later = inspect::certificate(&client, Some(&root), "2040-01-01T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(later["trusted"], false);
    } else {
        assert!(matches!(leaf.verify(&issuer), Verification::Undecided(_)));
        assert!(trusted(&utf8, &root).get("trusted").is_none());
        let facts = trusted(&client, &root);
        assert!(facts.get("trusted").is_none() && facts["undecided"].as_str() != Some(""), "{facts}");
    }
}
