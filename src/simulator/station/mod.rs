//! The reference charging station: it does what Part 2 demands of the product that the PICS describes.

mod authorization;
mod availability;
mod cache;
mod customer;
pub mod device;
pub mod evse;
mod local_list;
mod messages;
mod metering;
mod network;
mod operations;
mod physical;
mod queue;
mod reports;
mod reset;
#[cfg(test)]
mod tests;
mod triggers;
mod variables;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use self::{device::Device, evse::Evse};
use super::operator::Request;
use crate::{
    clock::Clock,
    link::{ClientPolicy, ClientTls, ConnId, LinkCommand, LinkEvent, LinkHandle, Network, Secret, TlsVersion, serve},
    pics::Pics,
};

/// How the station reaches its CSMS.
#[derive(Debug, Clone)]
pub struct NetworkProfile {
    /// `ws://…` or `wss://…`.
    pub url: String,
    /// 1, 2 or 3.
    pub security_profile: u8,
}

/// What a station is delivered with.
#[derive(Debug, Clone)]
pub struct StationSetup {
    /// The product.
    pub pics: Pics,
    /// Identity.
    pub identity: String,
    /// Basic authentication password.
    pub password: Secret,
    /// Network profiles by slot.
    pub profiles: Vec<(i64, NetworkProfile)>,
    /// Roots that it trusts, PEM.
    pub roots: String,
    /// Its certificate for security profile 3.
    pub certificate: Option<crate::link::Identity>,
    /// Initial values of variables: `Component.Variable` → value.
    pub variables: Vec<(String, String)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Boot {
    /// Off, or starting: not connected yet.
    Down,
    /// Connected, waiting for the answer to the BootNotification.
    Asked,
    /// Told to wait.
    Pending,
    /// Told to go away for a while.
    Rejected,
    /// Accepted.
    Accepted,
}

/// Things that happen by themselves.
#[derive(Debug, Clone, PartialEq)]
enum Timer {
    Connect,
    BootAgain,
    Heartbeat,
    ConnectionTimeout(usize),
    Sample(usize),
    Aligned,
    /// A reading for the end of a transaction.
    SampleForEnd(usize),
    AlignedForEnd,
    Restart(&'static str),
    EvseReset(usize),
    /// A CALL was not answered in time.
    Unanswered,
    /// A TransactionEvent may be sent again.
    Retry,
    Firmware(usize),
    Log(usize),
    MasterPass,
}

/// Most tokens that the authorization cache holds.
const CACHE_ENTRIES: usize = 1000;

#[derive(Debug, Clone)]
struct Outgoing {
    action: &'static str,
    payload: Value,
    /// How often it was refused or left unanswered.
    failures: u64,
}

/// The station.
pub struct Station {
    pics: Pics,
    identity: String,
    password: Secret,
    profiles: Vec<(i64, NetworkProfile)>,
    active_slot: i64,
    failed_attempts: u64,
    exhausted_slots: usize,
    fallen_back: bool,
    last_good_slot: Option<i64>,
    roots: String,
    installed: Vec<(String, String)>,
    certificate: Option<crate::link::Identity>,
    pending_key: Option<Secret>,
    device: Device,
    evses: Vec<Evse>,
    operative: bool,
    clock: Clock,
    link: LinkHandle,
    network: Network,
    conn: Option<ConnId>,
    next_conn: u32,
    boot: Boot,
    boot_reason: &'static str,
    boots: u32,
    transactions_made: u32,
    messages_made: u64,
    outstanding: Option<(String, Outgoing)>,
    queue: VecDeque<Outgoing>,
    transaction_queue: VecDeque<Outgoing>,
    ended: Vec<String>,
    customers: Vec<String>,
    cache: cache::TokenCache,
    local_list: local_list::LocalList,
    master_pass: Option<Value>,
    authorizing: VecDeque<(usize, Value, bool)>,
    selected: Option<usize>,
    reset_when_idle: bool,
    reset_wanted: bool,
    network_up: bool,
    offline_since: Option<Instant>,
    timers: Vec<(Instant, Timer)>,
    firmware: Option<operations::Firmware>,
    log: Option<operations::Log>,
    upload: Option<mpsc::UnboundedReceiver<operations::TransferDone>>,
    files: mpsc::UnboundedSender<operations::TransferDone>,
}

/// Runs a station until its operator goes away.
pub async fn run(
    setup: StationSetup,
    network: Network,
    clock: Clock,
    mut requests: mpsc::UnboundedReceiver<Request>,
) -> std::io::Result<()> {
    let link = serve(network.clone(), &[], HashMap::new(), clock).await?;
    let (files, transfers) = mpsc::unbounded_channel();
    let mut station = Station::new(setup, network, clock, link, files);
    station.upload = Some(transfers);
    station.schedule(Duration::ZERO, Timer::Connect);
    let mut transfers = station.upload.take();
    loop {
        let wake = station.timers.iter().map(|(at, _)| *at).min();
        let sleep = async {
            match wake {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let transfer = async {
            match &mut transfers {
                Some(transfers) => transfers.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = station.link.next() => match event {
                Some((_, event)) => station.linked(event),
                None => return Ok(()),
            },
            Some(done) = transfer => station.transferred(done),
            request = requests.recv() => match request {
                Some(request) => station.operated(request),
                None => return Ok(()),
            },
            () = sleep => station.timers_due(),
        }
        station.send_next();
    }
}

impl Station {
    fn new(
        setup: StationSetup,
        network: Network,
        clock: Clock,
        link: LinkHandle,
        files: mpsc::UnboundedSender<operations::TransferDone>,
    ) -> Self {
        let mut device = Device::new(&setup.pics);
        device.put("SecurityCtrlr", "Identity", setup.identity.clone());
        let profile = setup.profiles.first().map_or(1, |(_, profile)| profile.security_profile);
        device.put("SecurityCtrlr", "SecurityProfile", profile.to_string());
        let slots: Vec<String> = setup.profiles.iter().map(|(slot, _)| slot.to_string()).collect();
        device.put("OCPPCommCtrlr", "NetworkConfigurationPriority", slots.join(","));
        for (name, value) in &setup.variables {
            if let Some((component, variable)) = name.split_once('.') {
                device.put(component, variable, value.clone());
            }
        }
        Self {
            evses: setup.pics.evses.iter().map(Evse::new).collect(),
            pics: setup.pics,
            identity: setup.identity,
            password: setup.password,
            active_slot: setup.profiles.first().map_or(1, |(slot, _)| *slot),
            profiles: setup.profiles,
            failed_attempts: 0,
            exhausted_slots: 0,
            fallen_back: false,
            last_good_slot: None,
            roots: setup.roots,
            installed: Vec::new(),
            certificate: setup.certificate,
            pending_key: None,
            device,
            operative: true,
            clock,
            link,
            network,
            conn: None,
            next_conn: 0,
            boot: Boot::Down,
            boot_reason: "PowerUp",
            boots: 0,
            transactions_made: 0,
            messages_made: 0,
            outstanding: None,
            queue: VecDeque::new(),
            transaction_queue: VecDeque::new(),
            ended: Vec::new(),
            customers: Vec::new(),
            cache: cache::TokenCache::new(CACHE_ENTRIES),
            local_list: local_list::LocalList::default(),
            master_pass: None,
            authorizing: VecDeque::new(),
            selected: None,
            reset_when_idle: false,
            reset_wanted: false,
            network_up: true,
            offline_since: None,
            timers: Vec::new(),
            firmware: None,
            log: None,
            upload: None,
            files,
        }
    }

    /// The wall time as OCPP writes it.
    fn wall(&self) -> String {
        // Milliseconds are what OCPP allows at most.
        self.clock.now().wall.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
    }

    /// Connected and accepted.
    fn online(&self) -> bool {
        self.conn.is_some() && self.boot == Boot::Accepted
    }

    fn schedule(&mut self, after: Duration, timer: Timer) {
        self.timers.push((Instant::now() + after, timer));
    }

    fn cancel(&mut self, which: impl Fn(&Timer) -> bool) {
        self.timers.retain(|(_, timer)| !which(timer));
    }

    fn timers_due(&mut self) {
        let now = Instant::now();
        let due: Vec<Timer> = self.timers.iter().filter(|(at, _)| *at <= now).map(|(_, timer)| timer.clone()).collect();
        self.timers.retain(|(at, _)| *at > now);
        for timer in due {
            match timer {
                Timer::Connect => self.connect(),
                Timer::BootAgain => self.boot_notification(),
                Timer::Heartbeat => {
                    self.call("Heartbeat", json!({}));
                    self.schedule_heartbeat();
                }
                Timer::ConnectionTimeout(index) => self.connection_timed_out(index),
                Timer::Sample(index) => self.sample(index),
                Timer::Aligned => self.aligned(),
                Timer::SampleForEnd(index) => self.sample_for_end(index),
                Timer::AlignedForEnd => self.aligned_for_end(),
                Timer::Restart(reason) => self.restart(reason),
                Timer::EvseReset(index) => self.evse_was_reset(index),
                Timer::Unanswered => self.unanswered(),
                Timer::Retry => {}
                Timer::Firmware(stage) => self.firmware_stage(stage),
                Timer::Log(stage) => self.log_stage(stage),
                // Nobody selected anything: back to normal operation.
                Timer::MasterPass => self.master_pass = None,
            }
        }
    }

    // ---- connection ----

    fn connect(&mut self) {
        if self.conn.is_some() || !self.network_up {
            return;
        }
        let Some(profile) = self.profile().cloned() else { return };
        let suites = self.pics.list("C-41").to_vec();
        let tls = (profile.security_profile >= 2).then(|| ClientTls {
            roots: Some(self.roots.clone()),
            identity: self.certificate.clone().filter(|_| profile.security_profile == 3),
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
            subprotocols: vec!["ocpp2.0.1".into()],
            tls,
            max_frame: 1 << 20,
        };
        self.link.send(LinkCommand::Connect(ConnId(self.next_conn), policy));
    }

    fn linked(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Opened { conn, .. } => {
                self.conn = Some(conn);
                let migrated = self.slot_works();
                let offline_since = self.offline_since.take();
                let profile = self.profile().map_or(1, |profile| profile.security_profile);
                self.forget_weaker_profiles(profile);
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
                } else {
                    self.boot_notification();
                }
            }
            LinkEvent::AttemptFailed { failure, .. } => {
                if matches!(failure, crate::link::AttemptFailure::TlsRefusedByUs(_)) {
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

    fn schedule_heartbeat(&mut self) {
        self.cancel(|timer| *timer == Timer::Heartbeat);
        let interval = self.device.number("OCPPCommCtrlr", "HeartbeatInterval").max(1);
        self.schedule(Duration::from_secs(interval), Timer::Heartbeat);
    }

    // ---- booting ----

    fn boot_notification(&mut self) {
        let product = &self.pics.product;
        let short = |text: &str, length: usize| text.chars().take(length).collect::<String>();
        let mut station = json!({
            "model": short(&product.designation, 20),
            "vendorName": short(&product.vendor, 50),
            "serialNumber": short(&self.identity, 25),
        });
        if let Some(version) = &product.firmware_version {
            station["firmwareVersion"] = short(version, 50).into();
        }
        let payload = json!({ "reason": self.boot_reason, "chargingStation": station });
        if self.boot == Boot::Down {
            self.boot = Boot::Asked;
        }
        self.call("BootNotification", payload);
    }

    fn boot_answered(&mut self, response: &Value) {
        let interval = response["interval"].as_u64().unwrap_or(0);
        match response["status"].as_str() {
            Some("Accepted") => {
                let booted = self.boot != Boot::Accepted;
                self.boot = Boot::Accepted;
                if interval > 0 {
                    self.device.put("OCPPCommCtrlr", "HeartbeatInterval", interval.to_string());
                }
                self.schedule_heartbeat();
                if booted {
                    for index in 0..self.evses.len() {
                        self.evses[index].forget_reported();
                        self.report_status(index);
                    }
                    let kind = if self.boot_reason == "PowerUp" { "StartupOfTheDevice" } else { "ResetOrReboot" };
                    self.security_event(kind);
                    self.firmware_after_boot();
                    self.schedule_aligned();
                }
                self.boot_reason = "Triggered";
            }
            Some(status) => {
                self.boot = if status == "Pending" { Boot::Pending } else { Boot::Rejected };
                // B02.FR.05 / B03.FR.06: an interval of 0 lets the station choose.
                let wait = if interval == 0 { 30 } else { interval };
                self.cancel(|timer| *timer == Timer::BootAgain);
                self.schedule(Duration::from_secs(wait), Timer::BootAgain);
            }
            None => {}
        }
    }

    fn restart(&mut self, reason: &'static str) {
        if let Some(conn) = self.conn.take() {
            self.link.send(LinkCommand::Close(conn, 1001));
        }
        self.boots += 1;
        self.boot = Boot::Down;
        self.boot_reason = reason;
        self.keep_undelivered();
        self.timers.clear();
        self.reset_when_idle = false;
        self.reset_wanted = false;
        self.first_slot();
        for index in 0..self.evses.len() {
            self.evses[index].authorized = None;
            self.evses[index].charging = false;
            self.evses[index].allow_energy();
            self.evses[index].resetting = false;
            self.evses[index].reset_when_idle = false;
        }
        self.master_pass = None;
        self.schedule(Duration::from_secs(5), Timer::Connect);
    }

    fn security_event(&mut self, kind: &str) {
        let payload = json!({ "type": kind, "timestamp": self.wall() });
        if self.conn.is_some() {
            self.call("SecurityEventNotification", payload);
        } else {
            // Critical events are queued (A04.FR.02); they leave before transaction messages do.
            self.queue.push_back(Outgoing { action: "SecurityEventNotification", payload, failures: 0 });
        }
    }

    fn start_connection_timeout(&mut self, index: usize) {
        self.cancel_connection_timeout(index);
        let seconds = self.device.number("TxCtrlr", "EVConnectionTimeOut");
        self.schedule(Duration::from_secs(seconds), Timer::ConnectionTimeout(index));
    }

    fn cancel_connection_timeout(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::ConnectionTimeout(index));
    }

    fn has_fixed_cable(&self, index: usize) -> bool {
        self.pics.evses[index].connectors.iter().all(|connector| connector.cable == "fixed")
    }

    fn index_of(&self, evse: u32) -> Option<usize> {
        self.evses.iter().position(|known| known.id == evse)
    }
}
