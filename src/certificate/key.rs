//! Kind and strength of a public key (A00.FR.501 to 503).

use x509_parser::{
    asn1_rs::{Any, Integer, Sequence},
    oid_registry::Oid,
    prelude::FromDer,
    public_key::{PublicKey, RSAPublicKey},
    x509::SubjectPublicKeyInfo,
};

const RSA_PSS: &str = "1.2.840.113549.1.1.10";
const RSA_OAEP: &str = "1.2.840.113549.1.1.7";
const P521: &str = "1.3.132.0.35";

/// What the strength of a key is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa,
    Ec,
    Dsa,
    /// One that can't be measured here.
    Other,
}

impl Kind {
    /// As test cases name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rsa => "RSA",
            Self::Ec => "EC",
            Self::Dsa => "DSA",
            Self::Other => "other",
        }
    }

    /// The least length that OCPP allows (A00.FR.502, A00.FR.503).
    pub(super) fn least_bits(self) -> usize {
        match self {
            Self::Rsa | Self::Dsa => 2048,
            Self::Ec => 224,
            Self::Other => 0,
        }
    }
}

/// Kind and length in bits of a key.
pub(super) fn strength(key: &SubjectPublicKeyInfo<'_>) -> (Kind, usize) {
    match measured(key) {
        Some((kind, bits)) if bits > 0 => (kind, bits),
        _ => (Kind::Other, 0),
    }
}

fn measured(key: &SubjectPublicKeyInfo<'_>) -> Option<(Kind, usize)> {
    match key.algorithm.algorithm.to_id_string().as_str() {
        // A key that is for RSA-PSS alone is an RSA key by its structure (RFC 4055).
        RSA_PSS | RSA_OAEP => return Some((Kind::Rsa, bits(rsa(key)?.modulus))),
        // RFC 8410: elliptic curves too.
        "1.3.101.112" => return Some((Kind::Ec, 256)),
        "1.3.101.113" => return Some((Kind::Ec, 448)),
        _ => {}
    }
    match key.parsed().ok()? {
        PublicKey::RSA(key) => Some((Kind::Rsa, bits(key.modulus))),
        // The points of P-521 have 66 bytes for each coordinate.
        PublicKey::EC(_) if curve(key).is_some_and(|curve| curve.to_id_string() == P521) => Some((Kind::Ec, 521)),
        PublicKey::EC(point) => Some((Kind::Ec, point.key_size())),
        PublicKey::DSA(_) => Some((Kind::Dsa, dsa_bits(key)?)),
        _ => None,
    }
}

/// The RSA key that one holds.
pub(super) fn rsa<'k>(key: &'k SubjectPublicKeyInfo<'_>) -> Option<RSAPublicKey<'k>> {
    RSAPublicKey::from_der(&key.subject_public_key.data).ok().map(|(_, key)| key)
}

/// The curve of an elliptic curve key, where it is named.
fn curve<'k>(key: &'k SubjectPublicKeyInfo<'_>) -> Option<Oid<'k>> {
    key.algorithm.parameters.as_ref()?.as_oid().ok()
}

/// DSA: what counts is the prime of the parameters (RFC 3279), not the key.
fn dsa_bits(key: &SubjectPublicKeyInfo<'_>) -> Option<usize> {
    let parameters: &Any<'_> = key.algorithm.parameters.as_ref()?;
    let sequence = Sequence::try_from(parameters.clone()).ok()?;
    let (_, prime) = Integer::from_der(&sequence.content).ok()?;
    Some(bits(prime.as_ref()))
}

/// The length of a number.
pub(super) fn bits(number: &[u8]) -> usize {
    let leading = number.iter().take_while(|byte| **byte == 0).count();
    match number.get(leading) {
        None => 0,
        Some(first) => (number.len() - leading) * 8 - first.leading_zeros() as usize,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_as_long_as_its_bits() {
        for (number, length) in
            [(&[0x00, 0x80, 0x00][..], 16), (&[0x7f, 0xff], 15), (&[0x00, 0x00, 0x01], 1), (&[0x00], 0), (&[], 0)]
        {
            assert_eq!(bits(number), length, "{number:?}");
        }
    }
}
