//! Why an attempt to connect failed, in words.

use super::types::AttemptFailure;

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
