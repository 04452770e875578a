//! Between a boot and the answer Accepted or Pending a charge point sends nothing but BootNotifications; while it is Pending also
//! what it was triggered to send, and while it is Rejected nothing until its time is up (4.2). A central system answers anything else
//! with SecurityError (errata of OCPP-J, 3.10).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::kpis::triggered;
use crate::protocol::{
    rules::Rule,
    session::{Breach, Call},
};

/// The message that registers a charge point.
pub(crate) const BOOT: &str = "BootNotification";

/// How far a charge point is with its registration at our central system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Status {
    /// It may have booted before we listened.
    #[default]
    Unknown,
    /// It has rebooted, and no BootNotification of it has been answered since.
    Booting,
    /// As the last answer to a BootNotification said.
    Pending,
    /// As the last answer to a BootNotification said.
    Rejected,
    /// As the last answer to a BootNotification said.
    Accepted,
}

/// What is known of a charge point's registration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(super) struct Registration {
    status: Status,
    /// It was told to reboot, so that its next connection begins with a BootNotification.
    reboots: bool,
    /// Actions that we have triggered since the last BootNotification.
    triggered: BTreeSet<String>,
}

impl Registration {
    /// True when its last boot was accepted.
    pub(super) fn is_accepted(&self) -> bool {
        self.status == Status::Accepted
    }

    /// It is told to reboot, or no longer.
    pub(super) fn reboots(&mut self, reboots: bool) {
        self.reboots = reboots;
    }

    /// It has connected.
    pub(super) fn connected(&mut self) {
        if std::mem::take(&mut self.reboots) {
            self.status = Status::Booting;
            self.triggered.clear();
        }
    }

    /// Its BootNotification has come, and is not answered yet. One that we have triggered is no boot: until it is answered the
    /// charge point is what it was.
    pub(super) fn boots(&mut self) {
        if self.is_accepted() && self.triggered.contains(BOOT) {
            self.triggered.remove(BOOT);
            return;
        }
        *self = Self { status: Status::Booting, ..Self::default() };
    }

    /// Its BootNotification was answered with this status.
    pub(super) fn answered(&mut self, status: &str) {
        self.status = match status {
            "Accepted" => Status::Accepted,
            "Pending" => Status::Pending,
            "Rejected" => Status::Rejected,
            _ => self.status,
        };
    }

    /// A CALL of ours that demands a message while a boot is Pending (4.2). It counts from when it is sent: a hasty charge point
    /// sends before it answers.
    pub(super) fn asks(&mut self, action: &str, payload: &Value) {
        if matches!(action, "TriggerMessage" | "ExtendedTriggerMessage") {
            let wanted = payload["requestedMessage"].as_str().unwrap_or_default();
            self.triggered.insert(triggered(action, wanted).to_owned());
        }
    }

    /// True when we have asked for this action since the last boot.
    pub(super) fn has_triggered(&self, action: &str) -> bool {
        self.triggered.contains(action)
    }

    /// Why a charge point may not send this now.
    fn forbids(&self, action: &str) -> Option<&'static str> {
        match self.status {
            _ if action == BOOT => None,
            Status::Unknown | Status::Accepted => None,
            Status::Booting => Some("before its BootNotification was answered"),
            Status::Rejected => Some("while its boot is Rejected"),
            Status::Pending if self.triggered.contains(action) => None,
            Status::Pending => Some("while its boot is Pending, without a TriggerMessage for it"),
        }
    }

    /// The breach of a CALL that may not come at this point; `summary`: the CALL in a few words.
    pub(super) fn breach(&self, call: &Call, summary: &str) -> Option<Breach> {
        let when = self.forbids(&call.action)?;
        Some(Breach {
            expected: Some("only BootNotification, and what we triggered while Pending".into()),
            found: Some(summary.to_owned()),
            requirements: vec!["1.6, 4.2".into()],
            ..Breach::new(Rule::NoCallBeforeAcceptance, format!("the station sent {} {when}", call.action), &call.text)
        })
    }
}
