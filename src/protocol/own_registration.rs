//! Whether the CSMS has accepted the station that we play (2.x: B01 to B03; 1.6: 4.2).

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The status of a registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Status {
    Accepted,
    Pending,
    Rejected,
}

/// What the CSMS answered to our last BootNotification.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct Registration {
    /// None until the answer has arrived.
    status: Option<Status>,
    /// Seconds.
    interval: u64,
    /// When it was answered, seconds of the run.
    at: f64,
    /// The CSMS has accepted the station in this run.
    known: bool,
}

impl Registration {
    /// A BootNotification is being sent. Until it is answered the station is not accepted.
    pub(crate) fn asked(&mut self) {
        self.status = None;
    }

    /// The CSMS has answered it.
    pub(crate) fn answered(&mut self, response: &Value, at: f64) {
        self.status = serde_json::from_value(response["status"].clone()).ok();
        self.interval = response["interval"].as_u64().unwrap_or_default();
        self.at = at;
        self.known |= self.is_accepted();
    }

    /// True if the CSMS has accepted the station.
    pub(crate) fn is_accepted(&self) -> bool {
        self.status == Some(Status::Accepted)
    }

    /// The status that the CSMS answered.
    pub(crate) fn status(&self) -> Option<Status> {
        self.status
    }

    /// The heartbeat interval that came with Accepted.
    pub(crate) fn heartbeat_interval(&self) -> Option<u64> {
        Some(self.interval).filter(|interval| self.is_accepted() && *interval > 0)
    }

    /// As expressions of test cases see it.
    pub(crate) fn describe(&self) -> Value {
        json!({
            "status": self.status.map_or(json!(""), |status| json!(status)),
            "interval": self.interval,
            "at": self.at,
            "known": self.known,
        })
    }
}
