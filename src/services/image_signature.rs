//! Whose signature a firmware image has.
//!
//! As with certificates two verifiers are asked: aws-lc, and OpenSSL (feature `legacy-tls`) for what that does not know,
//! such as RSA-PSS with another salt than one of 32 bytes.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use x509_parser::{prelude::FromDer as _, x509::SubjectPublicKeyInfo};

use crate::certificate::Certificate;

const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";

/// How an image is signed: over its SHA-256, if nothing else is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Ecdsa,
    EcdsaSha384,
    RsaPss,
    RsaPkcs1,
}

impl Scheme {
    fn known(self) -> &'static [&'static dyn VerificationAlgorithm] {
        match self {
            Self::Ecdsa => &[&signature::ECDSA_P256_SHA256_ASN1, &signature::ECDSA_P384_SHA256_ASN1],
            Self::EcdsaSha384 => &[&signature::ECDSA_P384_SHA384_ASN1],
            Self::RsaPss => &[&signature::RSA_PSS_2048_8192_SHA256],
            Self::RsaPkcs1 => &[&signature::RSA_PKCS1_2048_8192_SHA256],
        }
    }
}

/// Whether a signature (base64) over an image is the certificate's, by one of these schemes; `None` where no verifier can
/// tell.
pub(super) fn is_valid(image: &[u8], signature: &str, certificate: &Certificate, schemes: &[Scheme]) -> Option<bool> {
    let Ok(signature) = STANDARD.decode(signature) else { return Some(false) };
    let (_, key) = SubjectPublicKeyInfo::from_der(certificate.key()).ok()?;
    let verifies = |known: &'static dyn VerificationAlgorithm| {
        UnparsedPublicKey::new(known, &key.subject_public_key.data).verify(image, &signature).is_ok()
    };
    if schemes.iter().flat_map(|scheme| scheme.known()).any(|known| verifies(*known)) {
        return Some(true);
    }
    // Of aws-lc alone, "no" counts only for what has no parameters that it might not know.
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| parameters.as_oid().ok());
    let is_known_curve = curve.is_some_and(|curve| [P256, P384].contains(&curve.to_id_string().as_str()));
    second::opinion(image, &signature, certificate.key(), schemes).or(is_known_curve.then_some(false))
}

#[cfg(feature = "legacy-tls")]
mod second {
    //! OpenSSL.

    use openssl::{
        error::ErrorStack,
        hash::MessageDigest,
        pkey::{Id, PKey, Public},
        rsa::Padding,
        sign::{RsaPssSaltlen, Verifier},
    };

    use super::Scheme;

    pub(super) fn opinion(image: &[u8], signature: &[u8], key: &[u8], schemes: &[Scheme]) -> Option<bool> {
        let opinion = PKey::public_key_from_der(key).ok().and_then(|key| {
            let fitting: Vec<Scheme> = schemes.iter().copied().filter(|scheme| fits(*scheme, &key)).collect();
            let valid = || fitting.iter().any(|scheme| verifies(*scheme, image, signature, &key).unwrap_or(false));
            (!fitting.is_empty()).then(valid)
        });
        // Of "no" it leaves reasons in the thread's queue, which the next TLS connection would take for its own.
        let _ = ErrorStack::get();
        opinion
    }

    fn fits(scheme: Scheme, key: &PKey<Public>) -> bool {
        match scheme {
            Scheme::Ecdsa | Scheme::EcdsaSha384 => key.id() == Id::EC,
            Scheme::RsaPss => [Id::RSA, Id::RSA_PSS].contains(&key.id()),
            Scheme::RsaPkcs1 => key.id() == Id::RSA,
        }
    }

    fn verifies(scheme: Scheme, image: &[u8], signature: &[u8], key: &PKey<Public>) -> Result<bool, ErrorStack> {
        let digest = if scheme == Scheme::EcdsaSha384 { MessageDigest::sha384() } else { MessageDigest::sha256() };
        let mut verifier = Verifier::new(digest, key)?;
        if scheme == Scheme::RsaPss {
            verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
            // Of a verifier that is any length.
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::MAXIMUM_LENGTH)?;
        }
        verifier.verify_oneshot(signature, image)
    }
}

#[cfg(not(feature = "legacy-tls"))]
mod second {
    //! This build has no second verifier.

    pub(super) fn opinion(_: &[u8], _: &[u8], _: &[u8], _: &[super::Scheme]) -> Option<bool> {
        None
    }
}

#[cfg(all(test, feature = "legacy-tls"))]
mod tests {
    use openssl::{
        hash::MessageDigest,
        pkey::PKey,
        rsa::{Padding, Rsa},
        sign::{RsaPssSaltlen, Signer},
        x509::X509,
    };

    use super::*;

    #[test]
    fn rsa_pss_may_have_a_salt_of_any_length() {
        let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
        let mut builder = X509::builder().unwrap();
        builder.set_pubkey(&key).unwrap();
        builder.set_not_before(&openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
        builder.set_not_after(&openssl::asn1::Asn1Time::days_from_now(1).unwrap()).unwrap();
        builder.sign(&key, MessageDigest::sha256()).unwrap();
        let pem = String::from_utf8(builder.build().to_pem().unwrap()).unwrap();
        let signer = Certificate::first(&pem).unwrap();
        let signature = |padding, salt| {
            let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
            signer.set_rsa_padding(padding).unwrap();
            if padding == Padding::PKCS1_PSS {
                signer.set_rsa_pss_saltlen(salt).unwrap();
            }
            STANDARD.encode(signer.sign_oneshot_to_vec(b"image").unwrap())
        };
        for salt in [RsaPssSaltlen::DIGEST_LENGTH, RsaPssSaltlen::MAXIMUM_LENGTH, RsaPssSaltlen::custom(20)] {
            let signature = signature(Padding::PKCS1_PSS, salt);
            assert_eq!(is_valid(b"image", &signature, &signer, &[Scheme::Ecdsa, Scheme::RsaPss]), Some(true));
            assert_eq!(is_valid(b"another", &signature, &signer, &[Scheme::RsaPss]), Some(false));
        }
        let signature = signature(Padding::PKCS1, RsaPssSaltlen::DIGEST_LENGTH);
        assert_eq!(is_valid(b"image", &signature, &signer, &[Scheme::RsaPkcs1]), Some(true));
        // L01.FR.04 does not have this one.
        assert_eq!(is_valid(b"image", &signature, &signer, &[Scheme::Ecdsa, Scheme::RsaPss]), Some(false));
    }
}
