//! Before its boot is accepted a station sends nothing but BootNotifications, and what it was asked for while it is Pending
//! (B01.FR.08, B02.FR.02, B03.FR.02). A CSMS answers anything else with SecurityError (B01.FR.10, B02.FR.09, B03.FR.07).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::{
    rules::Rule,
    session::{Breach, Call},
};

/// The message that registers a station.
pub(crate) const BOOT: &str = "BootNotification";

/// How far a station is with its registration at our CSMS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It may have booted before we listened.
    #[default]
    Unknown,
    /// It has rebooted, and no BootNotification of it has been answered since.
    Booting,
    /// As the last BootNotificationResponse said.
    Pending,
    /// As the last BootNotificationResponse said.
    Rejected,
    /// As the last BootNotificationResponse said.
    Accepted,
}

/// What is known of a station's registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Registration {
    status: Status,
    /// It was told to reboot, so that its next connection begins with a BootNotification.
    reboots: bool,
    /// Actions that we have asked for since the last BootNotification.
    asked_for: BTreeSet<String>,
}

impl Registration {
    /// A station of this status.
    pub fn of(status: Status) -> Self {
        Self { status, ..Self::default() }
    }

    /// True when its last boot was accepted.
    pub fn is_accepted(&self) -> bool {
        self.status == Status::Accepted
    }

    /// It is told to reboot, or no longer.
    pub(crate) fn reboots(&mut self, reboots: bool) {
        self.reboots = reboots;
    }

    /// It has connected.
    pub(crate) fn connected(&mut self) {
        if std::mem::take(&mut self.reboots) {
            self.status = Status::Booting;
            self.asked_for.clear();
        }
    }

    /// Its BootNotification has come, and is not answered yet.
    pub(crate) fn boots(&mut self) {
        *self = Self::of(Status::Booting);
    }

    /// Its BootNotification was answered with this status.
    pub(crate) fn answered(&mut self, status: &str) {
        self.status = match status {
            "Accepted" => Status::Accepted,
            "Pending" => Status::Pending,
            "Rejected" => Status::Rejected,
            _ => self.status,
        };
    }

    /// A CALL of ours that demands messages while a boot is Pending (B02.FR.02). It counts from when it is sent: a hasty
    /// station reports before it answers.
    pub(crate) fn asks(&mut self, action: &str, payload: &Value) {
        match action {
            "GetBaseReport" | "GetReport" => {
                self.asked_for.insert("NotifyReport".into());
            }
            "TriggerMessage" => {
                let wanted = payload["requestedMessage"].as_str().unwrap_or_default();
                let signs = wanted.starts_with("Sign") && wanted.ends_with("Certificate");
                self.asked_for.insert(if signs { "SignCertificate" } else { wanted }.to_owned());
            }
            _ => {}
        }
    }

    /// Why a station may not send this now: the requirement, and words for it.
    fn forbids(&self, action: &str) -> Option<(&'static str, &'static str)> {
        match self.status {
            _ if action == BOOT => None,
            Status::Unknown | Status::Accepted => None,
            Status::Booting => Some(("B01.FR.08", "before its BootNotification was answered")),
            Status::Rejected => Some(("B03.FR.02", "while its boot is Rejected")),
            Status::Pending if self.asked_for.contains(action) => None,
            // What a custom trigger brings is the vendor's affair (OCPP 2.1).
            Status::Pending if self.asked_for.contains("CustomTrigger") => None,
            Status::Pending => Some(("B02.FR.02", "while its boot is Pending, without a request for it")),
        }
    }
}

/// The breach of a CALL that may not come at this point of the registration; `summary`: the CALL in a few words.
pub(super) fn breach(registration: &Registration, call: &Call, summary: &str) -> Option<Breach> {
    let (requirement, when) = registration.forbids(&call.action)?;
    Some(Breach {
        expected: Some("only BootNotification, and what we requested while Pending".into()),
        found: Some(summary.to_owned()),
        requirements: vec![requirement.into()],
        ..Breach::new(Rule::NoCallBeforeAcceptance, format!("the station sent {} {when}", call.action), &call.text)
    })
}
