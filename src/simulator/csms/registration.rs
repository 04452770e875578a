//! Whether a station may take part, and what it may send until then.

use std::collections::{HashSet, VecDeque};

/// How long a status holds that was set for the next BootNotification.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BootSetting {
    /// For one BootNotification.
    #[default]
    Once,
    /// Until somebody sets it back.
    UntilRestored,
}

/// The station's registration.
pub(super) struct Registration {
    interval: u64,
    /// Statuses for the next BootNotifications, before Accepted.
    next_boots: VecDeque<(String, Option<u64>)>,
    /// How long such a status holds.
    boot_setting: BootSetting,
    /// The status of the last answer to a BootNotification.
    status: Option<String>,
    /// What was triggered or asked for while the station is not accepted.
    triggered: HashSet<String>,
}

impl Registration {
    pub(super) fn new(interval: u64, boot_setting: BootSetting) -> Self {
        Self { interval, next_boots: VecDeque::new(), boot_setting, status: None, triggered: HashSet::new() }
    }

    pub(super) fn next_boot(&mut self, status: &str, interval: Option<u64>) {
        if self.boot_setting == BootSetting::UntilRestored {
            self.next_boots.clear();
        }
        self.next_boots.push_back((status.to_owned(), interval));
    }

    /// What was set for boots holds no longer.
    pub(super) fn accept_boots(&mut self) {
        self.next_boots.clear();
    }

    pub(super) fn connected(&mut self) {
        self.triggered.clear();
    }

    /// The status and the interval that a BootNotification is answered with.
    pub(super) fn boot(&mut self) -> (String, u64) {
        let set = match self.boot_setting {
            BootSetting::Once => self.next_boots.pop_front(),
            BootSetting::UntilRestored => self.next_boots.front().cloned(),
        };
        let (status, interval) = set.unwrap_or_else(|| ("Accepted".into(), None));
        if self.is("Accepted") {
            // What was asked for while it was accepted lets a station that is told to wait send nothing (B02.FR.09).
            self.triggered.clear();
        }
        self.status = Some(status.clone());
        (status, interval.unwrap_or(self.interval))
    }

    /// True when the last answer had this status.
    pub(super) fn is(&self, status: &str) -> bool {
        self.status.as_deref() == Some(status)
    }

    /// The station may send this from now on, though it has to wait.
    pub(super) fn allow(&mut self, what: String) {
        self.triggered.insert(what);
    }

    /// Whether a station may send this now: until it is accepted only its boot, and what it was asked for (B02.FR.09,
    /// B03.FR.07; OCPP 1.6, 4.2).
    pub(super) fn permits(&self, action: &str, what: &str) -> bool {
        match self.status.as_deref() {
            Some("Accepted") => true,
            _ if action == "BootNotification" => true,
            Some("Pending") => self.triggered.contains(what),
            _ => false,
        }
    }
}
