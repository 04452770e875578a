//! How the station reaches its CSMS, and what it does when it can't.

use std::time::Duration;

use tokio::time::Instant;

use super::{Boot, Station, Timer};
use crate::{
    link::{AttemptFailure, ClientPolicy, ClientTls, ConnId, LinkCommand, LinkEvent, TlsVersion},
    protocol::OCPP_2_0_1,
};

impl Station {
    pub(super) fn connect(&mut self) {
        if self.conn.is_some() || !self.network_up {
            return;
        }
        let Some(profile) = self.profile().cloned() else { return };
        let suites = self.pics.list("C-41").to_vec();
        let tls = (profile.security_profile >= 2).then(|| ClientTls {
            roots: Some(self.certificates.trusted()),
            identity: self.certificates.own.shown().cloned().filter(|_| profile.security_profile == 3),
            // A product that names no suite of TLS 1.3 speaks TLS 1.2.
            versions: if suites
                .iter()
                .any(|suite| suite.starts_with("TLS_AES") || suite.starts_with("TLS_CHACHA20_POLY1305_SHA256"))
            {
                vec![TlsVersion::V1_2, TlsVersion::V1_3]
            } else {
                vec![TlsVersion::V1_2]
            },
            suites,
        });
        let credentials = (profile.security_profile < 3).then(|| (self.identity.clone(), self.password.clone()));
        self.next_conn += 1;
        let policy = ClientPolicy {
            url: profile.url,
            identity: self.identity.clone(),
            credentials,
            subprotocols: vec![OCPP_2_0_1.subprotocol.into()],
            tls,
            max_frame: 1 << 20,
        };
        self.link.send(LinkCommand::Connect(ConnId(self.next_conn), policy));
    }

    pub(super) fn linked(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Opened { conn, .. } => {
                self.conn = Some(conn);
                let migrated = self.slot_works();
                let offline_since = self.offline_since.take();
                let profile = self.profile().map_or(1, |profile| profile.security_profile);
                self.forget_weaker_profiles(profile);
                self.certificates.connected(profile);
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
                } else {
                    self.boot_notification();
                }
            }
            LinkEvent::AttemptFailed { failure, .. } => {
                let why = match failure {
                    AttemptFailure::TlsRefusedByUs(why) => why.to_lowercase(),
                    _ => String::new(),
                };
                if why.contains("certificate") {
                    // M05.FR.14 and 16: the former root may still be the one, but not for another CSMS (M05.FR.15).
                    let migrating = self.last_good_slot.is_some_and(|slot| slot != self.active_slot);
                    if !migrating && self.certificates.fall_back() {
                        self.schedule(Duration::from_secs(1), Timer::Connect);
                        return;
                    }
                    self.security_event("InvalidCsmsCertificate");
                }
                self.attempt_failed();
                let wait = self.back_off();
                self.schedule(wait, Timer::Connect);
            }
            LinkEvent::Text { text, .. } => self.received(&text),
            LinkEvent::Closed { conn, .. } if self.conn == Some(conn) => {
                self.conn = None;
                self.keep_undelivered();
                self.offline_since = Some(Instant::now());
                self.cancel(|timer| matches!(timer, Timer::Heartbeat | Timer::BootAgain));
                if self.boot != Boot::Accepted {
                    self.boot = Boot::Down;
                }
                if !self.timers.iter().any(|(_, timer)| matches!(timer, Timer::Restart(_) | Timer::Connect)) {
                    let wait = self.back_off();
                    self.schedule(wait, Timer::Connect);
                }
            }
            _ => {}
        }
    }
}
