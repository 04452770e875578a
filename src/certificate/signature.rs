//! Whose signature a certificate or a signing request bears.
//!
//! Two verifiers are asked: the algorithms of rustls (aws-lc), which are named by their exact identifiers, and OpenSSL
//! (feature `legacy-tls`), which knows nearly all others. "No" of the first counts only for a key that it can judge:
//! it says the same of a key that it does not support. What none of them can judge is undecided, and held against nobody.

use rustls::crypto::aws_lc_rs;
use x509_parser::{
    asn1_rs::{Any, BitString},
    oid_registry::Oid,
    prelude::FromDer,
    x509::SubjectPublicKeyInfo,
};

use super::key;

/// What came of looking at a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verification {
    /// It is the key's.
    Valid,
    /// It is not the key's.
    Invalid,
    /// No verifier of this build can tell; why not.
    Undecided(String),
}

impl Verification {
    /// True where it is the key's.
    pub fn is_valid(&self) -> bool {
        *self == Self::Valid
    }
}

/// What is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    Certificate,
    Request,
}

/// The parts of what is signed (X.509, SIGNED).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Envelope<'d> {
    /// What the signature is over.
    pub(super) content: &'d [u8],
    /// The algorithm, as it is written between tag and length and the end.
    algorithm: &'d [u8],
    signature: BitString<'d>,
}

/// Takes an element off: its bytes, what is in it, and the rest.
pub(super) fn element(der: &[u8]) -> Option<(&[u8], Any<'_>, &[u8])> {
    let (rest, any) = Any::from_der(der).ok()?;
    Some((&der[..der.len() - rest.len()], any, rest))
}

/// Takes a SEQUENCE off: its bytes, what is in it, and the rest.
pub(super) fn sequence(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (raw, any, rest) = element(der)?;
    (any.tag() == x509_parser::asn1_rs::Tag::Sequence).then(|| (raw, any.as_bytes(), rest))
}

impl<'d> Envelope<'d> {
    pub(super) fn read(der: &'d [u8]) -> Option<Self> {
        let (_, inside, _) = sequence(der)?;
        let (content, _, rest) = sequence(inside)?;
        let (_, algorithm, rest) = sequence(rest)?;
        let (_, signature) = BitString::from_der(rest).ok()?;
        // A signature is made of whole bytes.
        if signature.unused_bits != 0 {
            return None;
        }
        Some(Self { content, algorithm, signature })
    }

    /// Whether the signature is of a key.
    pub(super) fn verify(&self, what: Signed, der: &[u8], key: &SubjectPublicKeyInfo<'_>) -> Verification {
        let first = self.by_rustls(key);
        if first == Some(true) {
            return Verification::Valid;
        }
        match second::opinion(what, der, key.raw).or(first) {
            Some(true) => Verification::Valid,
            Some(false) => Verification::Invalid,
            None => Verification::Undecided(self.why_undecided(key)),
        }
    }

    fn by_rustls(&self, key: &SubjectPublicKeyInfo<'_>) -> Option<bool> {
        let (_, spki, _) = sequence(key.raw)?;
        let (_, key_algorithm, _) = sequence(spki)?;
        let provider = aws_lc_rs::default_provider().signature_verification_algorithms;
        let fits = provider.all.iter().find(|known| {
            known.public_key_alg_id().as_ref() == key_algorithm && known.signature_alg_id().as_ref() == self.algorithm
        })?;
        let bits = &key.subject_public_key.data;
        match fits.verify_signature(bits, self.content, &self.signature.data) {
            Ok(()) => Some(true),
            Err(_) => can_be_judged(key).then_some(false),
        }
    }

    fn why_undecided(&self, key: &SubjectPublicKeyInfo<'_>) -> String {
        let algorithm = Oid::from_der(self.algorithm).map_or_else(|_| "?".to_owned(), |(_, oid)| oid.to_id_string());
        let (kind, bits) = key::strength(key);
        let key = match kind {
            key::Kind::Other => format!("a key of algorithm {}", key.algorithm.algorithm.to_id_string()),
            kind => format!("a key of {bits} bits ({})", kind.name()),
        };
        let algorithm = crate::yaml::shorten(&algorithm, 60);
        format!("no verifier in this build supports signature algorithm {algorithm}, with its parameters, and {key}")
    }
}

/// False for keys that aws-lc takes for broken: by their length, their exponent or the form of their point.
fn can_be_judged(key: &SubjectPublicKeyInfo<'_>) -> bool {
    match key::strength(key) {
        (key::Kind::Rsa, bits) => {
            (2048..=8192).contains(&bits) && key::rsa(key).is_some_and(|key| key::bits(key.exponent) <= 32)
        }
        (key::Kind::Ec, 256 | 384 | 521) if key.parsed().is_ok() => {
            let uncompressed = |data: &[u8]| data.first() == Some(&4) || data.len() == 32;
            uncompressed(&key.subject_public_key.data)
        }
        _ => true,
    }
}

#[cfg(feature = "legacy-tls")]
mod second {
    //! OpenSSL.

    use openssl::{
        error::ErrorStack,
        pkey::PKey,
        x509::{X509, X509Req},
    };

    use super::Signed;

    pub(super) fn opinion(what: Signed, der: &[u8], key: &[u8]) -> Option<bool> {
        let asked = || {
            let key = PKey::public_key_from_der(key)?;
            match what {
                Signed::Certificate => X509::from_der(der)?.verify(&key),
                Signed::Request => X509Req::from_der(der)?.verify(&key),
            }
        };
        let opinion = asked().ok();
        // Of "no" it leaves reasons in the thread's queue, which the next TLS connection would take for its own.
        let _ = ErrorStack::get();
        opinion
    }
}

#[cfg(not(feature = "legacy-tls"))]
mod second {
    //! This build has no second verifier.

    pub(super) fn opinion(_: super::Signed, _: &[u8], _: &[u8]) -> Option<bool> {
        None
    }
}
