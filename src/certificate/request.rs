//! Signing requests (PKCS #10, RFC 2986).
//!
//! Read by their structure. What attributes hold is nobody's business here: of a request only the name and the key are
//! taken over, so that no odd attribute can make a sound request unreadable.

use serde_json::{Value, json};
use x509_parser::{
    asn1_rs::{Class, Tag},
    prelude::FromDer,
    x509::{SubjectPublicKeyInfo, X509Name},
};

use super::{
    key, name, pem,
    signature::{Envelope, Signed, Verification, element, sequence},
};

/// A signing request that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningRequest {
    der: Vec<u8>,
}

/// Why a text is no signing request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// There is no PEM.
    #[error("not a valid PEM (RFC 7468){}", .0.as_ref().map(|why| format!(": {why}")).unwrap_or_default())]
    NoPem(Option<String>),
    /// It is PEM of something else.
    #[error("its PEM label is {0}")]
    Label(String),
    /// It is no PKCS #10 request; `true` where another reader takes it for one.
    #[error("not a PKCS #10 request (RFC 2986): {0}")]
    Structure(&'static str, bool),
}

/// What is read of a request.
struct Parts<'d> {
    envelope: Envelope<'d>,
    version: u64,
    subject: X509Name<'d>,
    /// The subject as it is encoded, whatever is made of it.
    name: &'d [u8],
    key: SubjectPublicKeyInfo<'d>,
    /// RFC 2986 demands the field, and most readers do without it.
    has_attributes: bool,
}

impl SigningRequest {
    /// Reads the first PEM block of a text.
    pub fn read(text: &str) -> Result<Self, RequestError> {
        let block = match pem::blocks(text).into_iter().next() {
            Some(Ok(block)) => block,
            Some(Err(why)) => return Err(RequestError::NoPem(Some(why))),
            None => return Err(RequestError::NoPem(None)),
        };
        if !block.is_request() {
            return Err(RequestError::Label(crate::yaml::shorten(&block.label, 60)));
        }
        match parts(&block.der) {
            Ok(_) => Ok(Self { der: block.der }),
            Err(why) => Err(RequestError::Structure(why, is_read_by_another(&block.der))),
        }
    }

    fn parts(&self) -> Option<Parts<'_>> {
        parts(&self.der).ok()
    }

    /// Its subject, as it is encoded.
    pub fn subject(&self) -> &[u8] {
        self.parts().map(|parts| parts.name).unwrap_or_default()
    }

    /// Its public key (SubjectPublicKeyInfo), as it is encoded.
    pub fn key(&self) -> &[u8] {
        self.parts().map(|parts| parts.key.raw).unwrap_or_default()
    }

    /// Whether its signature is that of its own key.
    pub fn verify(&self) -> Verification {
        match self.parts() {
            Some(parts) => parts.envelope.verify(Signed::Request, &self.der, &parts.key),
            None => Verification::Invalid,
        }
    }

    /// What makes it a request that nobody may sign; `Err` where that can't be told.
    pub fn problem(&self) -> Result<Option<String>, String> {
        let Some(parts) = self.parts() else { return Ok(None) };
        if parts.version != 0 {
            return Ok(Some(format!("its version is {}, which RFC 2986 has be 0", parts.version)));
        }
        match self.verify() {
            Verification::Valid if !parts.has_attributes => {
                Err("the field for attributes is missing, which RFC 2986 demands and most readers do without".into())
            }
            Verification::Valid => Ok(None),
            Verification::Invalid => Ok(Some("its signature was not made with its own key".into())),
            Verification::Undecided(why) => Err(why),
        }
    }

    /// Why its key is too weak to be certified (A00.FR.502, A00.FR.503).
    pub fn weakness(&self) -> Option<String> {
        let (kind, bits) = key::strength(&self.parts()?.key);
        (bits < kind.least_bits()).then(|| format!("its key is too short: {}, {bits} bits", kind.name()))
    }

    /// True for a plain RSA key, which can also encrypt.
    pub fn can_encipher(&self) -> bool {
        self.parts().is_some_and(|parts| parts.key.algorithm.algorithm.to_id_string() == "1.2.840.113549.1.1.1")
    }
}

/// What of a signing request a check may look at. `problem` says what is wrong with it, where something is; `undecided`
/// why it can't be told whether something is.
pub fn request_facts(text: &str) -> Value {
    let request = match SigningRequest::read(text) {
        Ok(request) => request,
        Err(error @ RequestError::Structure(_, true)) => {
            return json!({ "undecided": format!("{error}, but OpenSSL accepts it") });
        }
        Err(error) => return json!({ "problem": error.to_string() }),
    };
    let Some(parts) = request.parts() else { return Value::Null };
    let mut facts = json!({ "subject": name::facts(&parts.subject), "key": super::key_facts(&parts.key) });
    match request.problem() {
        Ok(None) => {}
        Ok(Some(problem)) => facts["problem"] = problem.into(),
        Err(why) => facts["undecided"] = why.into(),
    }
    facts
}

fn parts(der: &[u8]) -> Result<Parts<'_>, &'static str> {
    let envelope = Envelope::read(der).ok_or("it is not made up of content, algorithm and signature in DER")?;
    let (_, info, _) = sequence(envelope.content).ok_or("its content is not a SEQUENCE")?;
    let (_, version, rest) = element(info).ok_or("it has no version")?;
    let version = version.as_u64().map_err(|_| "its version is not a number")?;
    let (name, _, rest) = sequence(rest).ok_or("its subject is not a distinguished name")?;
    let (_, subject) = X509Name::from_der(name).map_err(|_| "its subject is not a distinguished name")?;
    let (rest, key) = SubjectPublicKeyInfo::from_der(rest).map_err(|_| "it has no public key that can be read")?;
    let has_attributes = !rest.is_empty();
    if has_attributes {
        attributes(rest)?;
    }
    Ok(Parts { envelope, version, subject, name, key, has_attributes })
}

fn attributes(der: &[u8]) -> Result<(), &'static str> {
    let (_, field, _) = element(der).ok_or("its attributes field can't be read")?;
    if field.class() != Class::ContextSpecific || field.tag() != Tag(0) || !field.header.is_constructed() {
        return Err("something else is in place of its attributes");
    }
    let mut rest = field.as_bytes();
    while !rest.is_empty() {
        let (_, attribute, after) = sequence(rest).ok_or("an attribute is not a SEQUENCE")?;
        let (_, kind, values) = element(attribute).ok_or("an attribute has no type")?;
        let (_, values, _) = element(values).ok_or("an attribute has no values")?;
        if kind.tag() != Tag::Oid || values.tag() != Tag::Set {
            return Err("an attribute is not made up of a type and a SET of values");
        }
        rest = after;
    }
    Ok(())
}

#[cfg(feature = "legacy-tls")]
fn is_read_by_another(der: &[u8]) -> bool {
    let reads = openssl::x509::X509Req::from_der(der).is_ok_and(|request| request.public_key().is_ok());
    let _ = openssl::error::ErrorStack::get();
    reads
}

#[cfg(not(feature = "legacy-tls"))]
fn is_read_by_another(_: &[u8]) -> bool {
    false
}
