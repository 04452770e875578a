//! What follows when the connection opens, fails or closes (B04, B10).

use std::time::Duration;

use tokio::time::Instant;

use super::{Boot, Station, Timer};

impl Station {
    pub(super) fn connected(&mut self) {
        let migrated = self.slot_works();
        self.end_offline_limits();
        let offline_since = self.offline_since.take();
        let profile = self.profile().map_or(1, |profile| profile.security_profile);
        self.forget_weaker_profiles(profile);
        self.physical.certificates.connected(profile);
        self.certificate_works(profile);
        self.device.put("SecurityCtrlr", "SecurityProfile", profile.to_string());
        if migrated && self.boot == Boot::Accepted {
            // B10.FR.10: this may be another CSMS.
            self.boot = Boot::Down;
            self.boot_reason = "Unknown";
        }
        if self.boot == Boot::Accepted {
            // B04: after a long time offline every connector is reported again.
            let threshold = self.device.number("OCPPCommCtrlr", "OfflineThreshold");
            let long = offline_since.is_some_and(|since| since.elapsed() > Duration::from_secs(threshold));
            for index in 0..self.evses.len() {
                if long {
                    self.evses[index].forget_reported();
                }
                self.report_status(index);
            }
            self.schedule_heartbeat();
            self.firmware_runs();
            self.apply_limits();
        } else {
            self.boot_notification();
        }
    }

    pub(super) fn connection_failed(&mut self, certificate: bool) {
        if certificate {
            // M05.FR.14 and 16: the former root may still be the one, but not for another CSMS (M05.FR.15).
            let migrating = self.last_good_slot.is_some_and(|slot| slot != self.active_slot);
            if !migrating && self.physical.certificates.fall_back() {
                self.schedule(Duration::from_secs(1), Timer::Connect);
                return;
            }
            self.security_event("InvalidCsmsCertificate");
        }
        self.attempt_failed();
        let wait = self.back_off();
        self.schedule(wait, Timer::Connect);
    }

    pub(super) fn disconnected(&mut self) {
        self.keep_undelivered();
        self.offline_since = Some(Instant::now());
        self.await_offline_limits();
        self.settle_schedules();
        self.cancel(|timer| matches!(timer, Timer::Heartbeat | Timer::BootAgain));
        if self.boot != Boot::Accepted {
            self.boot = Boot::Down;
        }
        if !self.timers.any(|timer| matches!(timer, Timer::Restart(_) | Timer::Connect)) {
            let wait = self.back_off();
            self.schedule(wait, Timer::Connect);
        }
    }
}
