//! Drivers who authorize with the contract certificate of their EV (C07), and the status of certificates (M06).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::token_info;
use crate::{
    certificate::{Certificate, ocsp::client::Standing, path},
    simulator::csms::{Common, certificate_status::CertificateStatus},
};

/// How a contract certificate is judged before anybody is asked.
#[derive(Debug, Clone, PartialEq)]
enum Judgement {
    /// These certificates are to be asked about (OCSPRequestDataType).
    Ask(Vec<Value>),
    /// It or one above it has expired (C07.FR.15).
    Expired,
    /// It can't be verified (C07.FR.17).
    Unverified,
}

/// The certificates whose status has to be known before a CALL can be answered (C07.FR.05, M06.FR.01).
pub(super) fn inquiries(common: &Common, action: &str, payload: &Value) -> Vec<Value> {
    match action {
        "Authorize" => match judge(common, payload) {
            Some(Judgement::Ask(asked)) => asked,
            _ => Vec::new(),
        },
        "GetCertificateStatus" => vec![payload["ocspRequestData"].clone()],
        _ => Vec::new(),
    }
}

/// The contract certificate of an AuthorizeRequest; `None` where it has none.
fn judge(common: &Common, payload: &Value) -> Option<Judgement> {
    let hashes = payload["iso15118CertificateHashData"].as_array();
    let chain = payload["certificate"].as_str().map(Certificate::chain);
    let Some(chain) = chain else {
        return hashes.map(|hashes| Judgement::Ask(hashes.clone()));
    };
    let now = common.clock.now().wall;
    let roots = common.authority.as_ref().map(|pki| format!("{}{}", pki.mobility_root_pem(), pki.v2g_root_pem()));
    let roots = Certificate::bundle(&roots.unwrap_or_default());
    Some(match verified(&chain, &roots, now) {
        // C07.FR.05: what the station has worked out is as good.
        Judgement::Ask(own) => Judgement::Ask(hashes.cloned().unwrap_or(own)),
        other => other,
    })
}

fn verified(chain: &[Certificate], roots: &[Certificate], now: Timestamp) -> Judgement {
    // A root that the station sends along is trusted no more than it is here already.
    let below: Vec<Certificate> = chain.iter().filter(|one| !roots.contains(one)).cloned().collect();
    if !path::client_path(&below, roots, now).is_valid() {
        let valid = |one: &Certificate| one.is_valid_at(now);
        return if below.is_empty() || below.iter().all(valid) { Judgement::Unverified } else { Judgement::Expired };
    }
    let asked = below.iter().map(|one| {
        let issuer = below.iter().chain(roots).find(|issuer| one.is_signed_by(issuer))?;
        let mut asked = one.hash_data(issuer, "SHA256")?;
        asked["responderURL"] = one.ocsp_responder()?.into();
        Some(asked)
    });
    asked.collect::<Option<_>>().map_or(Judgement::Unverified, Judgement::Ask)
}

/// The AuthorizeResponse (C01.FR.07), and where there is a contract certificate, what it is worth (C07.FR.13 to C07.FR.17).
pub(super) fn authorize(common: &Common, payload: &Value, found: &[Option<CertificateStatus>]) -> Value {
    answer(judge(common, payload), &token_info(&common.tokens, &payload["idToken"]), found)
}

fn answer(judged: Option<Judgement>, info: &Value, found: &[Option<CertificateStatus>]) -> Value {
    let refused = |certificate: &str, token: &str| json!({ "certificateStatus": certificate, "idTokenInfo": { "status": token } });
    let has = |standing: Standing| {
        move |one: &Option<CertificateStatus>| one.as_ref().is_some_and(|one| one.standing == standing)
    };
    match judged {
        None => json!({ "idTokenInfo": info }),
        Some(Judgement::Expired) => refused("CertificateExpired", "Expired"),
        Some(Judgement::Ask(_)) if found.iter().any(has(Standing::Revoked)) => refused("CertificateRevoked", "Invalid"),
        Some(Judgement::Ask(asked)) if asked.len() == found.len() && found.iter().all(has(Standing::Good)) => {
            let cancelled = matches!(info["status"].as_str(), Some("Blocked" | "Expired" | "Invalid" | "Unknown"));
            let certificate = if cancelled { "ContractCancelled" } else { "Accepted" };
            json!({ "certificateStatus": certificate, "idTokenInfo": info })
        }
        Some(_) => refused("CertChainError", "Invalid"),
    }
}

/// The GetCertificateStatusResponse (M06.FR.02 to M06.FR.04).
pub(super) fn status(found: &[Option<CertificateStatus>]) -> Value {
    match found {
        [Some(known)] => json!({ "status": "Accepted", "ocspResult": STANDARD.encode(&known.response) }),
        _ => json!({ "status": "Failed" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate::ocsp::{OcspResponder, Status},
        services::pki::{AnsweredFor, KeyKind, Pki},
    };

    const URL: &str = "http://ocsp.test/ocsp";

    fn told(judged: Judgement, token: &str, found: &[Option<Standing>]) -> String {
        let found: Vec<Option<CertificateStatus>> = found
            .iter()
            .map(|standing| standing.map(|standing| CertificateStatus { response: Vec::new(), standing }))
            .collect();
        let response = answer(Some(judged), &json!({ "status": token }), &found);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        format!("{} {}", text(&response["certificateStatus"]), text(&response["idTokenInfo"]["status"]))
    }

    /// C07.FR.13 to C07.FR.17.
    #[test]
    fn certificate_and_emaid_are_judged_together() {
        let ask = || Judgement::Ask(vec![json!({}), json!({})]);
        let (good, revoked, unknown) = (Some(Standing::Good), Some(Standing::Revoked), Some(Standing::Unknown));
        assert_eq!(told(ask(), "Accepted", &[good, good]), "Accepted Accepted");
        assert_eq!(told(ask(), "ConcurrentTx", &[good, good]), "Accepted ConcurrentTx");
        for token in ["Blocked", "Expired", "Invalid", "Unknown"] {
            assert_eq!(told(ask(), token, &[good, good]), format!("ContractCancelled {token}"));
        }
        assert_eq!(told(ask(), "Accepted", &[good, revoked]), "CertificateRevoked Invalid");
        assert_eq!(told(ask(), "Accepted", &[None, revoked]), "CertificateRevoked Invalid");
        for found in [&[good, unknown][..], &[good, None], &[good], &[]] {
            assert_eq!(told(ask(), "Accepted", found), "CertChainError Invalid");
        }
        assert_eq!(told(Judgement::Unverified, "Accepted", &[]), "CertChainError Invalid");
        assert_eq!(told(Judgement::Expired, "Accepted", &[]), "CertificateExpired Expired");
        assert_eq!(
            answer(None, &json!({ "status": "Accepted" }), &[]),
            json!({ "idTokenInfo": { "status": "Accepted" } })
        );
    }

    #[test]
    fn a_chain_is_asked_about_as_the_station_would_and_only_if_it_leads_to_a_root() {
        let now = Timestamp::now();
        let pki = Pki::new(KeyKind::Ecdsa, now).unwrap();
        let which = AnsweredFor::Contract("NLATTC00000001");
        let (chain, requests) = pki.issue_answered(which, Status::Good, &OcspResponder::default(), URL).unwrap();
        let chain = Certificate::chain(&chain);
        let roots = Certificate::bundle(pki.mobility_root_pem());
        let asked = Judgement::Ask(requests);
        assert_eq!(verified(&chain, &roots, now), asked);
        assert_eq!(verified(&[chain.clone(), roots.clone()].concat(), &roots, now), asked);
        assert_eq!(verified(&chain, &Certificate::bundle(pki.v2g_root_pem()), now), Judgement::Unverified);
        assert_eq!(verified(&chain[..1], &roots, now), Judgement::Unverified);
        assert_eq!(verified(&[], &roots, now), Judgement::Unverified);
        let later = now + jiff::SignedDuration::from_hours(24 * 400);
        assert_eq!(verified(&chain, &roots, later), Judgement::Expired);
    }
}
