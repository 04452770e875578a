//! The responder over HTTP, with OpenSSL as the client.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use der::asn1::OctetString;
use jiff::Timestamp;
use openssl::{
    hash::MessageDigest,
    ocsp::{OcspCertId, OcspCertStatus, OcspFlag, OcspRequest, OcspResponse, OcspResponseStatus},
    stack::Stack,
    x509::{X509, store::X509StoreBuilder},
};
use proptest::prelude::*;

use super::{
    Extension, NONCE, OcspResponder, Status, Subject, cert_id,
    client::{AnswerError, Standing, judge, request},
};
use crate::{
    bench::Bench,
    certificate::Certificate,
    clock::Clock,
    link::{MemoryNetwork, Network},
    services::{
        files::{FileServer, FileSetup},
        pki::{AnsweredFor, KeyKind, Pki},
        transfer::Client,
    },
};

const EMAID: &str = "NLATTC00000001";

fn openssl_request(subject: &X509, issuer: &X509, digest: MessageDigest) -> Vec<u8> {
    let mut asked = OcspRequest::new().unwrap();
    asked.add_id(OcspCertId::from_cert(digest, subject, issuer).unwrap()).unwrap();
    asked.to_der().unwrap()
}

#[tokio::test]
async fn openssl_verifies_what_the_responder_answers() {
    let (now, clock) = (Timestamp::now(), Clock::start());
    let pki = Pki::new(KeyKind::Rsa, now).unwrap();
    let network = Network::Memory(MemoryNetwork::default());
    let setup = FileSetup::in_memory(&Bench::default(), None::<&crate::pics::Pics>, "files.test");
    let server = FileServer::start(&setup, &network, None, clock).await.unwrap();
    let client = Client { network, roots: None, clock };
    let (responder, url) = server.responder().unwrap();
    let issue = |which, status| pki.issue_answered(which, status, responder, &url).unwrap();
    for (which, root, status, word) in [
        (AnsweredFor::Contract(EMAID), pki.mobility_root_pem(), Status::Good, OcspCertStatus::GOOD),
        (AnsweredFor::Contract(EMAID), pki.mobility_root_pem(), Status::Revoked(now), OcspCertStatus::REVOKED),
        (AnsweredFor::V2gSubCas, pki.v2g_root_pem(), Status::Good, OcspCertStatus::GOOD),
    ] {
        let (chain, requests) = issue(which, status);
        let root = X509::from_pem(root.as_bytes()).unwrap();
        let mut store = X509StoreBuilder::new().unwrap();
        store.add_cert(root.clone()).unwrap();
        let store = store.build();
        let mut issuers = X509::stack_from_pem(chain.as_bytes()).unwrap();
        issuers.push(root);
        assert_eq!(requests.len(), issuers.len() - 1);
        for (at, pair) in issuers.windows(2).enumerate() {
            let [subject, issuer] = pair else { panic!("a pair") };
            assert_eq!(subject.ocsp_responders().unwrap().get(0).map(ToString::to_string), Some(url.clone()));
            for digest in [MessageDigest::sha1(), MessageDigest::sha256(), MessageDigest::sha512()] {
                let asked = openssl_request(subject, issuer, digest);
                let posted = client.ask_status(&url, asked.clone()).await.unwrap();
                let encoded = STANDARD.encode(&asked).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
                let got = client.download(&format!("{url}/{encoded}")).await.unwrap();
                for answer in [posted, got] {
                    let response = OcspResponse::from_der(&answer).unwrap();
                    assert_eq!(response.status(), OcspResponseStatus::SUCCESSFUL);
                    let basic = response.basic().unwrap();
                    basic.verify(&Stack::new().unwrap(), &store, OcspFlag::empty()).unwrap();
                    let id = OcspCertId::from_cert(digest, subject, issuer).unwrap();
                    let found = basic.find_status(&id).expect("the certificate that was asked about");
                    assert_eq!(found.status, if at == 0 { word } else { OcspCertStatus::GOOD });
                    found.check_validity(300, Some(60)).unwrap();
                }
            }
            let one = Certificate::from_der(&subject.to_der().unwrap()).unwrap();
            assert_eq!(responder.asked(&one), 6);
        }
        // Our own client makes the request, too, and comes to the same judgement.
        // Seconds may have passed since the test began.
        let soon = now + jiff::SignedDuration::from_mins(10);
        let answer = client.ask_status(&url, request(&requests[0]).unwrap()).await.unwrap();
        let standing = if word == OcspCertStatus::GOOD { Standing::Good } else { Standing::Revoked };
        assert_eq!(judge(&answer, &requests[0], Some(soon)), Ok(standing));
        assert_eq!(judge(&answer, &requests[1], Some(soon)), Err(AnswerError::NotSigned));
        let late = now + jiff::SignedDuration::from_hours(24 * 8);
        assert_eq!(judge(&answer, &requests[0], Some(late)), Err(AnswerError::Outdated));
        let mut broken = answer.clone();
        // The serial number within what is signed.
        let serial = one_bit_of(&mut broken, &requests[0]);
        assert!(serial && judge(&broken, &requests[0], Some(soon)) == Err(AnswerError::NotSigned));
        let mut unregistered = requests[0].clone();
        unregistered["serialNumber"] = "1234".into();
        let answer = client.ask_status(&url, request(&unregistered).unwrap()).await.unwrap();
        assert_eq!(judge(&answer, &unregistered, Some(soon)), Ok(Standing::Unknown));
    }
    // Whatever is no request for these.
    let refused = async |body: Vec<u8>| {
        let answer = client.ask_status(&url, body).await.unwrap();
        OcspResponse::from_der(&answer).unwrap().status()
    };
    assert_eq!(refused(b"garbage".to_vec()).await, OcspResponseStatus::MALFORMED_REQUEST);
    assert_eq!(refused(Vec::new()).await, OcspResponseStatus::MALFORMED_REQUEST);
    let [root, other] = [pki.root_pem(), pki.other_root_pem()].map(|pem| X509::from_pem(pem.as_bytes()).unwrap());
    let strange = openssl_request(&other, &root, MessageDigest::sha256());
    assert_eq!(refused(strange).await, OcspResponseStatus::UNAUTHORIZED);
    assert!(client.ask_status(&url, vec![0; 17 << 10]).await.is_err());
    assert!(client.download(&format!("{url}x")).await.is_err());
}

/// Changes a bit of the serial number in a response; true if it was found.
fn one_bit_of(response: &mut [u8], hash: &serde_json::Value) -> bool {
    let digits = hash["serialNumber"].as_str().unwrap();
    let serial: Vec<u8> =
        (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect();
    let found = response.windows(serial.len()).position(|window| window == serial);
    found.inspect(|at| response[at + 1] ^= 1).is_some()
}

#[test]
fn a_nonce_is_sent_back_and_two_authorities_are_not_answered_at_once() {
    let now = Timestamp::now();
    let pki = Pki::new(KeyKind::Ecdsa, now).unwrap();
    let responder = OcspResponder::default();
    let (chain, requests) =
        pki.issue_answered(AnsweredFor::Contract(EMAID), Status::Good, &responder, "http://x.test/ocsp").unwrap();
    let chain = X509::stack_from_pem(chain.as_bytes()).unwrap();
    let value: Vec<u8> = [&[0x04, 0x10][..], &[0x5a; 16]].concat();
    let nonce = Extension { id: NONCE, critical: false, value: OctetString::new(value.clone()).unwrap() };
    let subject = &requests[0];
    let text = |member: &str| subject[member].as_str().unwrap();
    let asked = cert_id(&Subject {
        algorithm: "SHA256",
        issuer_name_hash: text("issuerNameHash"),
        issuer_key_hash: text("issuerKeyHash"),
        serial: text("serialNumber"),
    });
    let with_nonce = super::responder::request(asked.unwrap(), Some(nonce)).unwrap();
    let answer = responder.respond(&with_nonce, now);
    assert_eq!(judge(&answer, &requests[0], Some(now)), Ok(Standing::Good));
    assert!(answer.windows(value.len()).any(|window| window == value));

    let mut both = OcspRequest::new().unwrap();
    for pair in chain.windows(2) {
        both.add_id(OcspCertId::from_cert(MessageDigest::sha1(), &pair[0], &pair[1]).unwrap()).unwrap();
    }
    let answer = OcspResponse::from_der(&responder.respond(&both.to_der().unwrap(), now)).unwrap();
    assert_eq!(answer.status(), OcspResponseStatus::UNAUTHORIZED);
}

proptest! {
    #[test]
    fn anything_is_answered_with_an_ocsp_response(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let answer = OcspResponder::default().respond(&bytes, Timestamp::UNIX_EPOCH);
        prop_assert!(OcspResponse::from_der(&answer).is_ok());
    }
}
