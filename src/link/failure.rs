//! Why an attempt to connect failed, in words.

use super::types::{AttemptFailure, HelloInfo, TlsVersion};

/// Most cipher suites that are named one by one.
const MOST_SUITES: usize = 8;

/// Versions of TLS in a row.
pub(super) fn list(versions: &[TlsVersion]) -> String {
    versions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn suites(names: &[String]) -> String {
    let rest = names.len().saturating_sub(MOST_SUITES);
    let named = names.iter().take(MOST_SUITES).map(String::as_str).collect::<Vec<_>>().join(", ");
    if rest == 0 { named } else { format!("{named} and {rest} more") }
}

/// What a ClientHello offers.
pub(super) fn offer(hello: &HelloInfo) -> String {
    format!("{} with {}", list(&hello.versions), suites(&hello.suites))
}

/// What we take; no versions or no suites are those that every handshake is judged by.
pub(super) fn takes(versions: &[TlsVersion], named: &[String]) -> String {
    let versions = if versions.is_empty() { &[TlsVersion::V1_2, TlsVersion::V1_3][..] } else { versions };
    let with = if named.is_empty() { "suites with forward secrecy (ECDHE)".to_owned() } else { suites(named) };
    format!("{} with {with}", list(versions))
}

impl AttemptFailure {
    /// What happened, as a clause.
    pub fn words(&self) -> String {
        match self {
            AttemptFailure::NoClientHello(what) => format!("TLS was never begun: {what}"),
            AttemptFailure::TlsRefusedBySut(what) => format!("the SUT broke off the TLS handshake: {what}"),
            AttemptFailure::TlsRefusedByUs(why) => format!("the harness broke off the TLS handshake: {why}"),
            AttemptFailure::ClosedBeforeUpgrade => {
                "the SUT closed the connection before the HTTP upgrade, and after the TLS handshake where there is one"
                    .into()
            }
            AttemptFailure::UpgradeRefusedByUs(101, why) => {
                format!("we completed the upgrade without a sub-protocol, and closed ({why})")
            }
            AttemptFailure::UpgradeRefusedByUs(status, why) => format!("we refused the upgrade with {status} ({why})"),
            AttemptFailure::UpgradeRefusedBySut(status) => {
                let why = match status {
                    401 | 403 => ": identity or password",
                    404 => ": unknown identity or path",
                    _ => "",
                };
                format!("the SUT refused the upgrade with {status}{why}")
            }
            AttemptFailure::BadUpgrade(why) => format!("the HTTP upgrade is invalid ({why})"),
            AttemptFailure::Unreachable(why) => format!("unreachable ({why})"),
            AttemptFailure::TimedOut => "the handshake took too long".into(),
        }
    }
}
