//! Who may charge.

use serde_json::Value;

/// What the CSMS says of a token. The statuses have the same words in all versions of OCPP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Judgement {
    /// `Accepted`, `Blocked`, `Expired`, `Invalid`, `NoCredit` (of OCPP 2.x) or, for a token that nobody knows, `Unknown`.
    pub(super) status: &'static str,
    /// The group that the token belongs to.
    pub(super) group: Option<String>,
}

/// The tokens that the CSMS knows.
pub(super) struct Tokens {
    known: Value,
}

impl Tokens {
    pub(super) fn new(known: Value) -> Self {
        Self { known }
    }

    /// Whether a token is the one of this name.
    pub(super) fn is(&self, name: &str, token: &Value) -> bool {
        let same = |member: &str| match (self.known[name][member].as_str(), token[member].as_str()) {
            (Some(known), Some(given)) => known.eq_ignore_ascii_case(given),
            _ => false,
        };
        same("idToken") && same("type")
    }

    /// What is to be said of a token, with its group (C01.FR.06, C01.FR.07); of one without a type by its text alone.
    pub(super) fn judge(&self, text: &str, kind: Option<&str>) -> Judgement {
        let known = self.known.as_object().into_iter().flatten().find(|(_, known)| {
            known["idToken"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(text))
                && kind.is_none_or(|kind| known["type"] == kind)
        });
        let status = match known.map(|(name, _)| name.as_str()) {
            Some("invalid") => "Invalid",
            Some("blocked") => "Blocked",
            Some("expired") => "Expired",
            Some("unknown") | None => "Unknown",
            Some("no_credit" | "no-credit") => "NoCredit",
            Some(_) => "Accepted",
        };
        let group = known.and_then(|(_, known)| known["group"].as_str()).map(str::to_owned);
        Judgement { status, group }
    }
}
