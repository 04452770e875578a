//! Booting, heartbeats, and the connection (4.2, 4.6).

use std::time::Duration;

use serde_json::{Value, json};

use super::{ChargePoint, Timer, short};

/// How the central system registered the charge point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Registration {
    /// Off, or not connected yet.
    Down,
    /// Connected; the BootNotification is not answered yet.
    Asked,
    /// The central system wants to configure it first.
    Pending,
    /// The central system refuses it for a while.
    Rejected,
    /// Accepted.
    Accepted,
}

/// The wait before the next BootNotification where the central system leaves it to the charge point.
const OWN_INTERVAL: u64 = 30;
/// The wait before the first attempt to connect again; it doubles with every failure (OCPP-J, 5.3).
const RECONNECT: u64 = 5;
/// How often that wait doubles.
const MOST_DOUBLINGS: u32 = 4;

impl ChargePoint {
    pub(super) fn boot_notification(&mut self) {
        let product = &self.pics.product;
        let mut payload = json!({
            "chargePointVendor": short(&product.vendor, 20),
            "chargePointModel": short(&product.designation, 20),
            "chargePointSerialNumber": short(&self.physical.identity, 25),
        });
        if let Some(version) = &product.firmware_version {
            payload["firmwareVersion"] = short(version, 50).into();
        }
        if self.registration == Registration::Down {
            self.registration = Registration::Asked;
        }
        self.cancel(|timer| *timer == Timer::BootAgain);
        self.call("BootNotification", payload);
    }

    pub(super) fn boot_answered(&mut self, response: &Value) {
        let interval = response["interval"].as_u64().unwrap_or(0);
        match response["status"].as_str() {
            Some("Accepted") => {
                let booted = self.registration != Registration::Accepted;
                self.registration = Registration::Accepted;
                self.was_accepted = true;
                if interval > 0 {
                    self.configuration.put("HeartbeatInterval", &interval.to_string());
                }
                self.schedule_heartbeat();
                if booted {
                    self.forget_reported();
                    self.report_all();
                    self.schedule_aligned();
                    self.firmware_runs();
                }
            }
            Some(status) => {
                let pending = status == "Pending";
                self.registration = if pending { Registration::Pending } else { Registration::Rejected };
                let wait = if interval == 0 { OWN_INTERVAL } else { interval };
                self.cancel(|timer| matches!(timer, Timer::BootAgain | Timer::Heartbeat));
                self.schedule(Duration::from_secs(wait), Timer::BootAgain);
            }
            None => {}
        }
    }

    /// The BootNotification was refused, or not answered.
    pub(super) fn boot_failed(&mut self) {
        self.schedule(Duration::from_secs(OWN_INTERVAL), Timer::BootAgain);
    }

    pub(super) fn schedule_heartbeat(&mut self) {
        self.cancel(|timer| *timer == Timer::Heartbeat);
        let interval = self.configuration.number("HeartbeatInterval");
        if interval > 0 {
            self.schedule(Duration::from_secs(interval), Timer::Heartbeat);
        }
    }

    pub(super) fn heartbeat(&mut self) {
        self.call("Heartbeat", json!({}));
        self.schedule_heartbeat();
    }

    // ---- the connection ----

    pub(super) fn connected(&mut self) {
        self.failed_attempts = 0;
        let profile = self.profile.as_ref().map_or(1, |profile| profile.security_profile);
        self.physical.certificates.connected(profile);
        if self.registration == Registration::Accepted {
            self.report_all();
            self.schedule_heartbeat();
        } else {
            self.boot_notification();
        }
    }

    pub(super) fn connection_failed(&mut self) {
        self.failed_attempts = self.failed_attempts.saturating_add(1);
        self.connect_later();
    }

    pub(super) fn disconnected(&mut self) {
        self.keep_undelivered();
        self.cancel(|timer| matches!(timer, Timer::Heartbeat | Timer::BootAgain));
        if self.registration != Registration::Accepted {
            self.registration = Registration::Down;
        }
        if !self.timers.any(|timer| matches!(timer, Timer::Restart | Timer::Connect)) {
            self.connect_later();
        }
    }

    fn connect_later(&mut self) {
        let wait = RECONNECT << self.failed_attempts.min(MOST_DOUBLINGS);
        self.schedule(Duration::from_secs(wait), Timer::Connect);
    }
}
