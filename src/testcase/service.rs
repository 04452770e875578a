//! Services of the harness that a test case can ask for, and what each is given.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    link::CertificateKind,
    protocol::semantics::WordSet,
    vocabulary::{Owner, Property, Scope, Takes, check_value, words_of},
};

/// A service as the files name it.
#[derive(Debug)]
pub struct ServiceInfo {
    /// Its name.
    pub name: &'static str,
    /// What it is given, under `with`.
    pub parameters: &'static [Property],
    /// A line of documentation.
    pub about: &'static str,
}

const LOCATION: Property = Property::required("location", Takes::Text);
const SLOW: Property =
    Property::optional("slow", Takes::Integer(0, 86_400)).about("the minimum duration of the transfer in seconds");
const CERTIFICATE: Property = Property::optional("certificate", Takes::Word(&CertificateKind::WORDS));

/// All of them.
pub static SERVICES: [ServiceInfo; 17] = [
    ServiceInfo {
        name: "firmware",
        parameters: &[
            Property::optional("signature", Takes::Word(&["valid", "invalid"])),
            Property::optional("image", Takes::Word(&["broken"])).about("correctly signed, but can't be installed"),
            CERTIFICATE,
            SLOW,
        ],
        about: "serves a firmware image; yields its `location`, `signature` and `signing_certificate`",
    },
    ServiceInfo {
        name: "downloads",
        parameters: &[LOCATION],
        about: "yields how often a `location` of `firmware` was downloaded (`count`)",
    },
    ServiceInfo {
        name: "log",
        parameters: &[SLOW],
        about: "accepts an upload; yields a `location` for it, a `missing` one that does not exist, and one that has `moved` (an HTTP redirect to `location`; none without HTTP)",
    },
    ServiceInfo {
        name: "guarded-log",
        parameters: &[Property::required("secure", Takes::Flag).about("over HTTPS, otherwise over HTTP")],
        about: "accepts an upload of who gives the password; yields a `location` with it",
    },
    ServiceInfo {
        name: "uploads",
        parameters: &[LOCATION],
        about: "yields what was uploaded to a `location` of `log` or `guarded-log` (`count`, `names`, `sizes`)",
    },
    ServiceInfo {
        name: "sign",
        parameters: &[
            Property::required("csr", Takes::Text),
            CERTIFICATE,
            Property::optional("authority", Takes::Word(&["csms", "v2g"]))
                .about("whose: that of the bench's CSMS, unless it is given, or the V2G sub-CA"),
        ],
        about: "signs a request, whose subject and key are kept as they are encoded; yields the `chain`",
    },
    ServiceInfo {
        name: "ocsp",
        parameters: &[
            Property::required("chain", Takes::Text),
            Property::optional("status", Takes::Word(&["good", "revoked", "unknown"])),
        ],
        about: "makes signed OCSP responses for the certificates of a chain that the harness has issued; yields `answers`, \
                of which the filter `answer_for` takes the one that an `ocspRequestData` asks for, and the `certificates`, each \
                with those above it",
    },
    ServiceInfo {
        name: "ocsp-responder",
        parameters: &[
            Property::optional("emaid", Takes::Text)
                .about("whose contract certificate; without it only the V2G sub-CAs are issued"),
            Property::optional("status", Takes::Word(&["good", "revoked", "unknown"]))
                .about("what is said of the first certificate; those above it are good"),
        ],
        about: "issues certificates anew that name the OCSP responder of the harness, which answers for them over HTTP; \
                yields the `chain`, without the root, and for each of its certificates the `ocspRequestData` (`requests`)",
    },
    ServiceInfo {
        name: "ocsp-requests",
        parameters: &[Property::required("chain", Takes::Text)],
        about: "yields how often the OCSP responder was asked for each certificate of a `chain` of `ocsp-responder` (`counts`)",
    },
    ServiceInfo {
        name: "succeed-root",
        parameters: &[],
        about: "the SUT trusts `bench.next_root` now, and so does the bench",
    },
    ServiceInfo {
        name: "fetch",
        parameters: &[LOCATION],
        about: "as a station: downloads firmware from the `location` that the CSMS names; yields its `size`, or why it \
                `failed`, which is a remark and not a failure",
    },
    ServiceInfo {
        name: "deliver",
        parameters: &[LOCATION],
        about: "as a station: uploads a log to the `location` that the CSMS names; yields what `fetch` does",
    },
    ServiceInfo {
        name: "upload-status",
        parameters: &[
            LOCATION,
            Property::optional("anonymous", Takes::Flag).about("without the user and password of the location"),
        ],
        about: "as a station: uploads a log to the `location` that the CSMS names, by HTTP POST, or PUT where the server takes no POST; yields the HTTP `status` of the \
                answer, or the `problem` for which there is none",
    },
    ServiceInfo {
        name: "password",
        parameters: &[],
        about: "yields the bench's password (`key`) as messages have it: in OCPP 1.6 in hexadecimal digits",
    },
    ServiceInfo {
        name: "csr",
        parameters: &[Property::optional("organization", Takes::Text)
            .about("organizationName of the subject, if it is not that of the PICS")],
        about: "as a station: makes a signing request (`csr`, `key`, `public_key`)",
    },
    ServiceInfo {
        name: "certificate",
        parameters: &[Property::required("chain", Takes::Text)],
        about: "as a station: facts of the first certificate of a chain (`common_name`, `key_kind`, `key_bits`, \
                `public_key`, `trusted` by the root of the bench, `undecided`: why that can't be decided, otherwise empty …)",
    },
    ServiceInfo {
        name: "signed-meter-value",
        parameters: &[
            Property::required("time", Takes::Text),
            Property::required("value", Takes::Number).about("Wh"),
            Property::required("context", Takes::Named(reading_contexts)),
        ],
        about: "as a station: yields the signedMeterValue of a reading",
    },
];

/// The contexts of a reading (ReadingContextEnumType).
fn reading_contexts(scope: Scope) -> Vec<String> {
    words_of(WordSet::ReadingContexts, scope)
}

impl ServiceInfo {
    /// The service of this name.
    pub fn named(name: &str) -> Option<&'static ServiceInfo> {
        SERVICES.iter().find(|service| service.name == name)
    }

    /// Who owns its parameters, for what authors are told.
    pub fn owner(&self, scope: Scope) -> Owner<'static> {
        Owner { name: self.name, noun: "parameter", place: " under `with`", scope }
    }
}

/// A service with what it is given.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "service", content = "with", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Service {
    /// Serves a firmware image.
    Firmware {
        /// Whether its signature is right.
        #[serde(default)]
        signature: Signature,
        /// Which image.
        #[serde(default)]
        image: Image,
        /// The kind of its signing certificate.
        #[serde(default)]
        certificate: CertificateKind,
        /// The seconds that the download lasts at least.
        #[serde(default)]
        slow: u64,
    },
    /// Tells how often an image was downloaded.
    Downloads {
        /// Where it is served.
        location: String,
    },
    /// Takes an upload.
    Log {
        /// The seconds that the upload lasts at least.
        #[serde(default)]
        slow: u64,
    },
    /// Tells what was uploaded.
    Uploads {
        /// Where to.
        location: String,
    },
    /// Signs a request.
    Sign {
        /// PEM.
        csr: String,
        /// The kind of certificate that is made of it.
        #[serde(default)]
        certificate: CertificateKind,
        /// Who signs it.
        #[serde(default)]
        authority: Authority,
    },
    /// Answers as the OCSP responder of what the harness has issued.
    Ocsp {
        /// PEM.
        chain: String,
        /// What the answers say.
        #[serde(default)]
        status: Revocation,
    },
    /// Issues certificates that the OCSP responder answers for.
    OcspResponder {
        /// Whose contract certificate.
        #[serde(default)]
        emaid: Option<String>,
        /// What is said of the first one.
        #[serde(default)]
        status: Revocation,
    },
    /// Tells how often the OCSP responder was asked for certificates.
    OcspRequests {
        /// PEM.
        chain: String,
    },
    /// The SUT trusts the next root from now on.
    SucceedRoot {},
    /// Downloads as a station.
    Fetch {
        /// Where from.
        location: String,
    },
    /// Uploads as a station.
    Deliver {
        /// Where to.
        location: String,
    },
    /// Takes an upload of who has the password.
    GuardedLog {
        /// Over HTTPS.
        secure: bool,
    },
    /// Uploads as a station, and tells what the server says.
    UploadStatus {
        /// Where to.
        location: String,
        /// Without credentials.
        #[serde(default)]
        anonymous: bool,
    },
    /// The bench's password.
    Password {},
    /// A signing request of our station.
    Csr {
        /// The organizationName of its subject, if it is another than the vendor.
        #[serde(default)]
        organization: Option<String>,
    },
    /// Facts of a certificate.
    Certificate {
        /// PEM, the certificate first.
        chain: String,
    },
    /// The signed value of a reading.
    SignedMeterValue {
        /// When it was read.
        time: String,
        /// Wh.
        value: f64,
        /// Why it was read.
        context: String,
    },
}

/// Who signs a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// The authority of the bench's CSMS.
    #[default]
    Csms,
    /// The lowest sub-CA of the V2G hierarchy (ISO 15118).
    V2g,
}

/// What an OCSP response says of a certificate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Revocation {
    /// It is not revoked.
    #[default]
    Good,
    /// It has just been revoked.
    Revoked,
    /// The responder does not know it.
    Unknown,
}

/// Whether the signature of an image is right.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// It is.
    #[default]
    Valid,
    /// It has the right form, and is not this image's.
    Invalid,
}

/// A firmware image.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Image {
    /// One that can be installed.
    #[default]
    Sound,
    /// One that can't.
    Broken,
}

/// A service that is asked for: what is done, and in which words it was asked for, for the records of the run.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceRequest {
    /// What is done.
    pub service: Service,
    /// Its name in the files.
    pub name: &'static str,
    /// Its parameters, evaluated.
    pub with: Value,
}

/// Parameters that expressions have made wrong ones: a mistake of the test case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the service is asked wrongly: {0}")]
pub struct WrongRequest(String);

impl ServiceRequest {
    /// The request that parameters stand for.
    pub fn of(info: &'static ServiceInfo, with: Value, scope: Scope) -> Result<Self, WrongRequest> {
        check_value(info.owner(scope), info.parameters, &with).map_err(WrongRequest)?;
        let service = serde_json::from_value(json!({ "service": info.name, "with": with }))
            .map_err(|error| WrongRequest(error.to_string()))?;
        Ok(Self { service, name: info.name, with })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, with: Value) -> Result<ServiceRequest, WrongRequest> {
        ServiceRequest::of(ServiceInfo::named(name).unwrap(), with, None)
    }

    #[test]
    fn what_the_table_lets_through_is_a_request() {
        for info in &SERVICES {
            for all in [false, true] {
                let given = info.parameters.iter().filter(|property| all || property.required);
                let with: serde_json::Map<String, Value> = given
                    .map(|property| {
                        let value = match property.takes {
                            Takes::Word(words) => words.last().copied().unwrap().into(),
                            Takes::Named(words) => words(None).pop().unwrap().into(),
                            Takes::Number => json!(1260),
                            Takes::Integer(..) => json!(10),
                            Takes::Flag => json!(true),
                            _ => json!("x"),
                        };
                        (property.name.to_owned(), value)
                    })
                    .collect();
                ServiceRequest::of(info, Value::Object(with), None).unwrap();
            }
        }
    }

    #[test]
    fn a_wrong_value_of_an_expression_is_never_another_request() {
        let wrong = [
            of("firmware", json!({ "signature": "invald" })),
            of("firmware", json!({ "image": "brocken" })),
            of("firmware", json!({ "slow": "10" })),
            of("sign", json!({ "csr": "x", "certificate": "expird" })),
            of("sign", json!({})),
            of("downloads", json!({ "location": 1 })),
            of("signed-meter-value", json!({ "time": "t", "value": "1", "context": "Transaction.End" })),
            of("signed-meter-value", json!({ "time": "t", "value": 1, "context": "Transaction.Ende" })),
            of("csr", json!({ "key": "x" })),
        ];
        let told: Vec<String> = wrong.into_iter().map(|request| request.unwrap_err().to_string()).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        the service is asked wrongly: `signature` can't be the text "invald" (did you mean `invalid`?)
        the service is asked wrongly: `image` can't be the text "brocken" (did you mean `broken`?)
        the service is asked wrongly: `slow` must be a whole number from 0 to 86400, found the text "10" (correct it, or write an expression that yields such a value)
        the service is asked wrongly: `certificate` can't be the text "expird" (did you mean `expired`?)
        the service is asked wrongly: `sign` lacks its parameter `csr` (add `csr: …` under `with`)
        the service is asked wrongly: `location` must be text, found the number 1 (correct it, or write an expression that yields such a value)
        the service is asked wrongly: `value` must be a number, found the text "1" (correct it, or write an expression that yields such a value)
        the service is asked wrongly: `context` can't be the text "Transaction.Ende" (did you mean `Transaction.End`?)
        the service is asked wrongly: `csr` has no parameter `key` (it has: organization)
        "#);
    }
}
