//! Steps on the connection: what is done with it, what we offer there, and what has to come of it.

use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    link::{AttemptFailure, CertificateKind, TlsVersion, cipher_suites},
    vocabulary::{Owner, Property, Takes, check_value},
};

/// What to do with the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionAct {
    /// Wait until the SUT is connected.
    Open,
    /// Wait until the SUT has connected anew since the test part began or since `since`.
    Reconnected,
    /// Wait until the SUT closed the connection.
    Closed,
    /// Close it ourselves.
    Close,
    /// Drop the stream.
    Abort,
    /// Refuse connections from now on.
    Refuse,
    /// Accept connections (again), with the policy given.
    Accept,
    /// Drop the connection, show the offer, and see what the SUT makes of it.
    Handshake,
    /// Knock at the CSMS.
    Connect,
    /// Send a WebSocket ping and await the pong.
    Ping,
    /// Close the open connection unless it is one as the bench opens it, and answers a ping.
    Alive,
}

impl ConnectionAct {
    /// The words in the files.
    pub const WORDS: [&'static str; 11] = [
        "open",
        "reconnected",
        "closed",
        "close",
        "abort",
        "refuse",
        "accept",
        "handshake",
        "connect",
        "ping",
        "alive",
    ];
    const ALL: [Self; 11] = [
        Self::Open,
        Self::Reconnected,
        Self::Closed,
        Self::Close,
        Self::Abort,
        Self::Refuse,
        Self::Accept,
        Self::Handshake,
        Self::Connect,
        Self::Ping,
        Self::Alive,
    ];

    /// The word in the file.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().zip(Self::WORDS).find(|(act, _)| **act == self).map_or("?", |(_, word)| word)
    }

    /// The one of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::WORDS.iter().zip(Self::ALL).find(|(known, _)| **known == word).map(|(_, act)| act)
    }

    /// What it does, in a phrase.
    pub fn about(self) -> &'static str {
        match self {
            Self::Open => "waits until the SUT is connected",
            Self::Reconnected => "waits until the SUT has reconnected since the step was reached, or since `since`",
            Self::Closed => "waits until the connection is closed",
            Self::Close => "closes the connection",
            Self::Abort => "drops the connection without closing it",
            Self::Refuse => "refuses connections from now on",
            Self::Accept => "accepts connections again, with what is offered",
            Self::Handshake => "drops the connection and checks how the SUT reacts to the offer when it reconnects",
            Self::Connect => "connects to a CSMS under test",
            Self::Ping => "sends a WebSocket ping and waits for the pong",
            Self::Alive => "closes the open connection unless it is as the bench opens it and answers a ping",
        }
    }

    /// What can be offered there; empty where nothing is.
    pub fn offers(self) -> &'static [Property] {
        match self {
            Self::Refuse => &[STATUS],
            Self::Accept => &OFFERED[..7],
            Self::Handshake => &OFFERED,
            Self::Connect => &KNOCKED,
            _ => &[],
        }
    }

    /// What can come of it; empty where nothing is to be judged.
    pub fn outcomes(self) -> &'static [&'static str] {
        match self {
            Self::Handshake => &Outcome::OF_HANDSHAKE,
            Self::Connect => &Outcome::OF_CONNECT,
            _ => &[],
        }
    }
}

const STATUS: Property =
    Property::optional("status", Takes::Integer(300, 599)).about("refuse the upgrade with this HTTP status");
const VERSIONS: Property =
    Property::optional("versions", Takes::List(&Takes::Word(&TlsVersion::WORDS))).about("TLS versions to speak");
const SUITES: Property = Property::optional("suites", Takes::List(&Takes::Named(|_| cipher_suites())))
    .about("TLS cipher suites to speak, IANA names");
const SUBPROTOCOLS: Property =
    Property::optional("subprotocols", Takes::List(&Takes::Text)).about("WebSocket sub-protocols, in order");
const SECURITY_PROFILE: Property =
    Property::optional("security-profile", Takes::Integer(0, 3)).about("the security profile from now on");

/// What a CSMS offers; the last one is for a handshake alone.
const OFFERED: [Property; 8] = [
    Property::optional("certificate", Takes::Word(&CertificateKind::WORDS)).about("the certificate that we use"),
    VERSIONS,
    SUITES,
    Property::optional("password", Takes::Text).secret().about("is right from now on"),
    SECURITY_PROFILE,
    SUBPROTOCOLS,
    STATUS,
    Property::optional("keep", Takes::Flag).about("leave the open connection open"),
];

/// How a station knocks at a CSMS.
const KNOCKED: [Property; 12] = [
    Property::optional(
        "certificate",
        Takes::Either(
            &[
                Property::required("chain", Takes::Text).about("PEM, leaf first"),
                Property::required("key", Takes::Text).secret().about("PEM"),
            ],
            &Takes::Word(&CertificateKind::OF_CLIENTS),
        ),
    )
    .about("the station's certificate"),
    VERSIONS,
    SUITES,
    Property::optional("user", Takes::Text).about("user name of HTTP Basic authentication"),
    Property::optional("password", Takes::Text).secret().about("password of HTTP Basic authentication"),
    Property::optional("without-credentials", Takes::Flag).about("without HTTP Basic authentication"),
    Property::optional("identity", Takes::Text).about("the last part of the URL's path"),
    SECURITY_PROFILE,
    SUBPROTOCOLS,
    Property::optional("url", Takes::Text).about("another URL of the CSMS"),
    Property::optional("remember", Takes::Flag).about("connect like this from now on, if the CSMS accepts us"),
    Property::optional("as-configured", Takes::Flag).about("forget what was remembered"),
];

/// What we offer at the connection, evaluated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Offer {
    /// What we show.
    pub certificate: Option<OfferedCertificate>,
    /// TLS versions.
    pub versions: Option<Vec<TlsVersion>>,
    /// TLS cipher suites.
    pub suites: Option<Vec<String>>,
    /// Of HTTP Basic authentication.
    pub user: Option<String>,
    /// Of HTTP Basic authentication.
    pub password: Option<String>,
    /// No HTTP Basic authentication.
    pub without_credentials: bool,
    /// The station's identity.
    pub identity: Option<String>,
    /// The security profile.
    pub security_profile: Option<u8>,
    /// WebSocket sub-protocols.
    pub subprotocols: Option<Vec<String>>,
    /// HTTP status that refuses the upgrade.
    pub status: Option<u16>,
    /// The URL to knock at.
    pub url: Option<String>,
    /// The open connection stays.
    pub keep: bool,
    /// This is how we knock from now on.
    pub remember: bool,
    /// What was remembered is forgotten.
    pub as_configured: bool,
}

/// A certificate to show.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum OfferedCertificate {
    /// One of the bench's.
    Kind(CertificateKind),
    /// One that the test case has come by.
    Own {
        /// PEM, leaf first.
        chain: String,
        /// PEM.
        key: String,
    },
}

/// An offer that an expression has made a wrong one: a mistake of the test case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the offer is wrong: {0}")]
pub struct WrongOffer(String);

impl Offer {
    /// The offer of what its template has yielded.
    pub fn of(act: ConnectionAct, value: &Value) -> Result<Self, WrongOffer> {
        let owner = Owner { name: act.word(), noun: "offer", place: "", scope: None };
        check_value(owner, act.offers(), value).map_err(WrongOffer)?;
        serde_json::from_value(value.clone()).map_err(|error| WrongOffer(error.to_string()))
    }
}

/// What has to come of a handshake or of knocking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The SUT opens the WebSocket, at once or after further attempts.
    Upgraded,
    /// The SUT breaks off the TLS handshake, with an alert or by closing before the upgrade request.
    RefusedBySut,
    /// We turn it away, with an HTTP status.
    RefusedByUs,
    /// The CSMS lets us in.
    Opened,
    /// The CSMS does not let us in: at TLS, at HTTP, or by closing.
    Refused,
    /// No WebSocket, or one without any sub-protocol, which Part 4 (3.1.2) wants closed at once.
    NoSubprotocol,
    /// The CSMS lets us in, or does not.
    Any,
}

impl Outcome {
    /// Those of a handshake.
    pub const OF_HANDSHAKE: [&'static str; 3] = ["upgraded", "refused-by-sut", "refused-by-us"];
    /// Those of knocking at a CSMS.
    pub const OF_CONNECT: [&'static str; 4] = ["opened", "refused", "no-subprotocol", "any"];
    const ALL: [Self; 7] = [
        Self::Upgraded,
        Self::RefusedBySut,
        Self::RefusedByUs,
        Self::Opened,
        Self::Refused,
        Self::NoSubprotocol,
        Self::Any,
    ];

    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Upgraded => "upgraded",
            Self::RefusedBySut => "refused-by-sut",
            Self::RefusedByUs => "refused-by-us",
            Self::Opened => "opened",
            Self::Refused => "refused",
            Self::NoSubprotocol => "no-subprotocol",
            Self::Any => "any",
        }
    }

    /// The one of this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.word() == word)
    }

    /// True where an attempt has come to this; `facts` are those of the attempt.
    pub fn is_met(self, attempt: Result<(), &AttemptFailure>, facts: &Value) -> bool {
        use AttemptFailure as Failure;
        let turned_away = matches!(
            attempt,
            Err(Failure::UpgradeRefusedBySut(_) | Failure::ClosedBeforeUpgrade | Failure::BadUpgrade(_))
        );
        match self {
            Self::Upgraded | Self::Opened => attempt.is_ok(),
            Self::RefusedBySut => {
                matches!(attempt, Err(Failure::TlsRefusedBySut(_) | Failure::ClosedBeforeUpgrade))
            }
            Self::RefusedByUs => matches!(attempt, Err(Failure::UpgradeRefusedByUs(..))),
            Self::Refused => turned_away || matches!(attempt, Err(Failure::TlsRefusedBySut(_))),
            Self::NoSubprotocol => turned_away || (attempt.is_ok() && facts.get("subprotocol").is_none()),
            Self::Any => attempt.is_ok() || Self::Refused.is_met(attempt, facts),
        }
    }
}

/// What checks on a connection can speak of: the facts of an attempt.
pub static FACTS: LazyLock<Value> = LazyLock::new(|| {
    let object =
        |properties: Value| json!({ "type": "object", "properties": properties, "additionalProperties": false });
    let (text, number, version) = (
        json!({ "type": "string" }),
        json!({ "type": "number" }),
        json!({ "type": "string", "enum": TlsVersion::WORDS }),
    );
    let list = |of: &Value| json!({ "type": "array", "items": of });
    let name = object(json!({ "common_name": text, "organization": text }));
    object(json!({
        "path": text,
        "identity": text,
        "user": text,
        "password": text,
        "subprotocols": list(&text),
        "subprotocol": text,
        "status": number,
        "at": number,
        "endpoint": number,
        "tls": object(json!({ "version": version, "suite": text, "peer-chain": list(&text) })),
        "hello": object(json!({ "versions": list(&version), "suites": list(&text), "server-name": text })),
        "certificate": object(json!({
            "subject": name,
            "issuer": name,
            "serial": text,
            "key": object(json!({ "kind": text, "bits": number })),
            "not_before": text,
            "not_after": text,
        })),
    }))
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_stands_for_one_thing() {
        for word in ConnectionAct::WORDS {
            assert_eq!(ConnectionAct::named(word).map(ConnectionAct::word), Some(word));
        }
        for word in Outcome::OF_HANDSHAKE.iter().chain(&Outcome::OF_CONNECT) {
            assert_eq!(Outcome::named(word).map(Outcome::word), Some(*word));
        }
        assert_eq!(Outcome::named("upgradet"), None);
    }

    /// A value that each key takes.
    fn example(takes: Takes) -> Value {
        match takes {
            Takes::Word(words) => words[0].into(),
            Takes::Named(words) => words(None)[0].clone().into(),
            Takes::Integer(from, _) => from.into(),
            Takes::Flag => true.into(),
            Takes::List(item) => json!([example(*item)]),
            Takes::Either(_, other) => example(*other),
            _ => "text".into(),
        }
    }

    #[test]
    fn what_the_table_lets_through_is_an_offer() {
        for act in ConnectionAct::WORDS.iter().filter_map(|word| ConnectionAct::named(word)) {
            for property in act.offers() {
                let offer = Offer::of(act, &json!({ property.name: example(property.takes) }));
                assert_ne!(offer.unwrap(), Offer::default(), "{} {}", act.word(), property.name);
            }
        }
        for word in CertificateKind::WORDS {
            Offer::of(ConnectionAct::Handshake, &json!({ "certificate": word })).unwrap();
        }
        for word in TlsVersion::WORDS {
            Offer::of(ConnectionAct::Connect, &json!({ "versions": [word] })).unwrap();
        }
        let own = json!({ "certificate": { "chain": "c", "key": "k" } });
        assert!(Offer::of(ConnectionAct::Connect, &own).is_ok());
        assert!(Offer::of(ConnectionAct::Handshake, &own).is_err());
    }

    #[test]
    fn a_wrong_value_of_an_expression_is_never_an_offer_of_something_else() {
        let wrong = [
            json!({ "certificate": "valdi" }),
            json!({ "versions": ["TLSv1.4"] }),
            json!({ "versions": "TLSv1.2" }),
            json!({ "suites": ["TLS_NONE"] }),
            json!({ "security-profile": "2" }),
            json!({ "security-profile": 4 }),
            json!({ "passwort": "x" }),
            json!({ "status": 200 }),
            json!({ "keep": "true" }),
            json!([]),
        ];
        let told: Vec<String> =
            wrong.iter().map(|offer| Offer::of(ConnectionAct::Handshake, offer).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        the offer is wrong: `certificate` can't be the text "valdi" (known: valid, unknown-authority, expired, not-yet-valid, wrong-name, next-root, other-root)
        the offer is wrong: `versions` can't be the text "TLSv1.4" (did you mean `TLSv1.0`?)
        the offer is wrong: `versions` must be a list, found the text "TLSv1.2" (correct it, or write an expression that yields such a value)
        the offer is wrong: `suites` can't be the text "TLS_NONE" (known: TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256, TLS_CHACHA20_POLY1305_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, TLS_RSA_WITH_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_256_GCM_SHA384)
        the offer is wrong: `security-profile` must be a whole number from 0 to 3, found the text "2" (correct it, or write an expression that yields such a value)
        the offer is wrong: `security-profile` must be a whole number from 0 to 3, found the number 4 (correct it, or write an expression that yields such a value)
        the offer is wrong: `handshake` has no offer `passwort` (did you mean `password`?)
        the offer is wrong: `status` must be a whole number from 300 to 599, found the number 200 (correct it, or write an expression that yields such a value)
        the offer is wrong: `keep` must be true or false, found the text "true" (correct it, or write an expression that yields such a value)
        the offer is wrong: the offers of `handshake` must be a mapping, found a list (write `name: value`)
        "#);
    }
}
