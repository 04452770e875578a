//! Certification paths (A00.FR.403, A00.FR.411): whether what somebody shows comes from a root.
//!
//! rustls is asked first. It refuses what it doesn't know just as it refuses what is wrong: a chain that is signed by
//! RSA-PSS with another salt than the usual, or names that are the same in two string types. So OpenSSL (feature
//! `legacy-tls`) is asked after it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rustls::{
    CertificateError, Error, RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, UnixTime},
    server::WebPkiClientVerifier,
};

use super::{Certificate, Verification};

/// Whose certificate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'h> {
    /// A station's.
    Client,
    /// That of a server that is called by this name or address.
    Server(&'h str),
}

/// Whether a server that trusts these roots would let in who shows this chain (leaf first) at a time.
pub fn client_path(chain: &[Certificate], roots: &[Certificate], now: Timestamp) -> Verification {
    let ders: Vec<CertificateDer<'_>> = chain.iter().map(|one| CertificateDer::from(one.der())).collect();
    let Err(error) = by_rustls(&ders, roots, now) else { return Verification::Valid };
    match second_opinion(&ders, roots, Owner::Client, now) {
        Some(true) => Verification::Valid,
        Some(false) => Verification::Invalid,
        None if is_certain(&error, chain, roots) => Verification::Invalid,
        None => Verification::Undecided(error.to_string()),
    }
}

fn by_rustls(chain: &[CertificateDer<'_>], roots: &[Certificate], now: Timestamp) -> Result<(), Error> {
    let mut store = RootCertStore::empty();
    for root in roots {
        store.add(CertificateDer::from(root.der().to_vec()))?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| Error::General(error.to_string()))?;
    let (leaf, rest) = chain.split_first().ok_or(Error::NoCertificatesPresented)?;
    let seconds = u64::try_from(now.as_second()).unwrap_or_default();
    verifier.verify_client_cert(leaf, rest, UnixTime::since_unix_epoch(Duration::from_secs(seconds)))?;
    Ok(())
}

/// True where a refusal of rustls has nothing to do with what it supports.
fn is_certain(error: &Error, chain: &[Certificate], roots: &[Certificate]) -> bool {
    use CertificateError as Refused;
    match error {
        Error::NoCertificatesPresented
        | Error::InvalidCertificate(
            Refused::Expired
            | Refused::ExpiredContext { .. }
            | Refused::NotValidYet
            | Refused::NotValidYetContext { .. }
            | Refused::InvalidPurpose
            | Refused::InvalidPurposeContext { .. },
        ) => true,
        // It compares names byte by byte, and calls a signature bad whose key is of a length that it does not support.
        Error::InvalidCertificate(Refused::UnknownIssuer | Refused::BadSignature) => {
            let undecided = |one: &Certificate, issuer| matches!(one.verify(issuer), Verification::Undecided(_));
            !chain.iter().any(|one| {
                roots.iter().any(|root| one.is_signed_by(root))
                    || roots.iter().chain(chain).any(|issuer| undecided(one, issuer))
            })
        }
        _ => false,
    }
}

/// What OpenSSL says of a chain (leaf first); `None` where it can't tell, or is not there. By the rules of OCPP a server's
/// name may stand in its common name alone (A00.FR.510, A00.FR.511).
#[cfg(feature = "legacy-tls")]
pub(crate) fn second_opinion(
    chain: &[CertificateDer<'_>],
    roots: &[Certificate],
    owner: Owner<'_>,
    now: Timestamp,
) -> Option<bool> {
    let opinion = openssl_says(chain, roots, owner, now).ok();
    // What it leaves in the thread's queue, the next TLS connection would take for its own.
    let _ = openssl::error::ErrorStack::get();
    opinion.flatten()
}

#[cfg(feature = "legacy-tls")]
fn openssl_says(
    chain: &[CertificateDer<'_>],
    roots: &[Certificate],
    owner: Owner<'_>,
    now: Timestamp,
) -> Result<Option<bool>, openssl::error::ErrorStack> {
    use openssl::{
        stack::Stack,
        x509::{
            X509, X509PurposeId, X509StoreContext, X509VerifyResult,
            store::X509StoreBuilder,
            verify::{X509CheckFlags, X509VerifyFlags, X509VerifyParam},
        },
    };
    /// X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY, and X509_V_ERR_CERT_SIGNATURE_FAILURE, which is also said of an
    /// algorithm that is not known.
    const UNCERTAIN: [i32; 2] = [6, 7];

    let Some((leaf, rest)) = chain.split_first() else { return Ok(None) };
    let mut param = X509VerifyParam::new()?;
    param.set_time(now.as_second());
    // What is trusted is an anchor, even when another authority has signed it.
    param.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    match owner {
        Owner::Client => param.set_purpose(X509PurposeId::SSL_CLIENT)?,
        Owner::Server(host) => {
            param.set_purpose(X509PurposeId::SSL_SERVER)?;
            match host.parse() {
                Ok(address) => param.set_ip(address)?,
                Err(_) => {
                    param.set_hostflags(X509CheckFlags::ALWAYS_CHECK_SUBJECT);
                    param.set_host(host)?;
                }
            }
        }
    }
    let mut store = X509StoreBuilder::new()?;
    store.set_param(&param)?;
    for root in roots {
        store.add_cert(X509::from_der(root.der())?)?;
    }
    let mut others = Stack::new()?;
    for der in rest {
        others.push(X509::from_der(der)?)?;
    }
    let (store, leaf) = (store.build(), X509::from_der(leaf)?);
    let (accepts, error) = X509StoreContext::new()?.init(&store, &leaf, &others, |context| {
        let accepts = context.verify_cert()?;
        Ok((accepts, context.error()))
    })?;
    let certain = accepts || (error != X509VerifyResult::OK && !UNCERTAIN.contains(&error.as_raw()));
    Ok(certain.then_some(accepts))
}

/// This build has no second verifier.
#[cfg(not(feature = "legacy-tls"))]
pub(crate) fn second_opinion(_: &[CertificateDer<'_>], _: &[Certificate], _: Owner<'_>, _: Timestamp) -> Option<bool> {
    None
}
