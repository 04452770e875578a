//! A station that speaks OCPP 2.x.

mod authorization;
mod availability;
mod certificates;
mod charging_limits;
mod connection;
mod costs;
mod counting_profiles;
mod customer;
mod data_collector;
mod der;
mod der_alarms;
mod device;
mod device_energy;
mod displays;
mod driver_language;
mod dynamic_profiles;
mod energy_transfer;
mod evse;
mod external_limits;
mod external_schedules;
mod firmware;
mod happenings;
mod iso15118;
mod local_list;
mod locks;
mod messages;
mod metering;
mod monitoring;
mod network;
mod network_configuration;
mod operation_modes;
mod operations;
mod own_certificate;
mod payment;
mod priority_charging;
mod profile_rules;
mod queue;
mod reckoning;
mod reports;
mod reservations;
mod reset;
mod reset_and_resume;
mod resumption;
mod schedule_negotiation;
mod smart_charging;
mod smart_features;
mod swapping;
mod tariffs;
#[cfg(test)]
mod tests;
mod transaction_events;
mod transaction_limits;
mod triggers;
mod variables;
mod web_payment;

use std::{collections::VecDeque, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use self::{device::Device, displays::DisplayMessages, evse::Evse};
use super::Dialect;
use crate::{
    pics::Pics,
    protocol::{Protocol, Version},
    simulator::station::{
        NetworkProfile, StationSetup,
        physical::{Equipment, Event, LimitKind, LocalList, NotPossible, Physical, Surroundings, Timers, TokenCache},
    },
};

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
    Firmware(firmware::Stage),
    Log(usize),
    MasterPass,
    SignAgain(own_certificate::Use),
    /// What OCSP says of the certificate that EVs see is refreshed.
    CertificateStatus,
    /// The end of the own certificates is looked at.
    Renewal,
    /// The limit of an EVSE changes.
    Limits,
    /// A profile has lasted as long as it may while the station is offline.
    OfflineLimit,
    /// An update of a dynamic charging profile is asked for.
    Pull(i64),
    /// An EV has waited long enough for the schedule that the CSMS promised.
    Schedule(usize),
    /// A display message begins or ends.
    Display,
    /// A reservation expires.
    ReservationEnds,
    /// The interval of a periodic monitor has passed.
    Monitor(i64),
    /// The interval of a periodic event stream has passed.
    Stream(i64),
    /// The shock is over.
    Calm,
    /// A DER control begins or ends.
    Der,
    /// The batteries in the slots have been charged for a while.
    Batteries,
    /// The running cost of a transaction is due.
    RunningCost(usize),
    /// The limits of a transaction are looked at.
    TransactionLimits(usize),
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
    protocol: &'static Protocol,
    physical: Physical,
    pics: Pics,
    profiles: Vec<(i64, NetworkProfile)>,
    active_slot: i64,
    failed_attempts: u64,
    exhausted_slots: usize,
    fallen_back: bool,
    last_good_slot: Option<i64>,
    device: Device,
    monitors: monitoring::Monitors,
    streams: monitoring::Streams,
    evses: Vec<Evse>,
    operative: bool,
    boot: Boot,
    boot_reason: &'static str,
    boots: u32,
    transactions_made: u32,
    messages_made: u64,
    outstanding: Option<(String, Outgoing)>,
    queue: VecDeque<Outgoing>,
    transaction_queue: VecDeque<Outgoing>,
    ended: Vec<String>,
    events_made: u64,
    signing_requests: u64,
    cache: TokenCache,
    local_list: LocalList,
    /// They outlive a restart (K01.FR.27).
    charging_profiles: Vec<smart_charging::Installed>,
    /// How many were installed so far.
    profiles_installed: u64,
    /// The last id of a profile of the external system.
    external_ids: i64,
    /// The transactions that have priority.
    prior_transactions: Vec<String>,
    messages: DisplayMessages,
    master_pass: Option<Value>,
    authorizing: VecDeque<(usize, Value, bool)>,
    /// Contract certificates that EVs have shown, PEM, the last first.
    contracts: VecDeque<String>,
    /// The EVSEs whose EVs wait for a contract certificate.
    requesting_contracts: VecDeque<usize>,
    reset_when_idle: bool,
    reset_wanted: bool,
    offline_since: Option<Instant>,
    timers: Timers<Timer>,
    firmware: Option<firmware::Firmware>,
    log: Option<operations::Log>,
    reservations: reservations::Reservations,
    der: der::Controls,
    allowed_transfers: energy_transfer::Allowed,
    /// What the external system says of EVSEs, by the member of a period.
    external_values: std::collections::BTreeMap<(u32, &'static str), f64>,
    /// The last signal of the grid's operator, and from when it counts.
    reserve_signal: Option<(jiff::Timestamp, f64)>,
    /// The operation modes that transactions were last told in, by EVSE.
    modes_told: std::collections::BTreeMap<usize, (String, String)>,
    tariffs: tariffs::Tariffs,
    /// By EVSE, of running transactions.
    reckonings: Vec<Option<reckoning::Reckoning>>,
    limits: Vec<Option<transaction_limits::Limits>>,
    interruption: Option<resumption::Interruption>,
    /// What a restart put an end to, to be told after the next boot.
    interrupted: Vec<(&'static str, Value)>,
    /// The transactions that go on after a reset.
    resumption: Vec<reset_and_resume::Interrupted>,
    passwords: network_configuration::Passwords,
    payments: Vec<payment::Payment>,
    /// The VAT number for the next receipt, with the company that has it.
    vat: Option<(String, Value)>,
    being_paid: web_payment::BeingPaid,
    languages: driver_language::Languages,
    /// Limits that drivers have entered for their next transactions, by EVSE.
    limits_to_come: Vec<(usize, LimitKind, rust_decimal::Decimal)>,
}

/// A token's key in cache and list: type and text without regard to case.
fn key(token: &Value) -> String {
    format!(
        "{}:{}",
        token["type"].as_str().unwrap_or_default(),
        token["idToken"].as_str().unwrap_or_default().to_lowercase()
    )
}

impl Dialect for Station {
    fn physical(&mut self) -> &mut Physical {
        &mut self.physical
    }

    fn powered(&mut self) {
        self.schedule(Duration::ZERO, Timer::Connect);
    }

    fn happened(&mut self, event: Event) -> Result<(), NotPossible> {
        let result = self.take_in(event);
        self.refresh_display();
        result
    }

    fn wake(&self) -> Option<Instant> {
        self.timers.wake()
    }

    fn timers_due(&mut self) {
        for timer in self.timers.due() {
            self.timer_due(timer);
        }
        self.refresh_display();
    }

    fn send_next(&mut self) {
        self.watch_variables();
        self.review_reservations();
        self.tell_charging_needs();
        self.watch_der();
        self.send_waiting();
    }
}

impl Station {
    /// A station as it is delivered.
    pub fn new(protocol: &'static Protocol, setup: StationSetup, surroundings: Surroundings) -> Self {
        let mut device = Device::new(&setup.pics);
        device.bring_up_to(protocol.version);
        if protocol.version == Version::V2_1 {
            device_energy::add(&mut device, &setup.pics);
            swapping::add_variables(&mut device, &setup.pics);
        }
        device.add_smart_charging(&setup.pics, protocol.version);
        tariffs::add_variables(&mut device, &setup.pics);
        transaction_limits::add_variables(&mut device, &setup.pics);
        resumption::add_variables(&mut device, &setup.pics);
        if protocol.version == Version::V2_1 {
            device.add_security_downgrade(&setup.pics);
            device.add_payment(&setup.pics);
            device.add_custom_triggers(&setup.pics);
            device.add_languages(&setup.pics);
        }
        device.add_event_streams(&setup.pics, protocol.version);
        device.add_data_collector(&setup.pics, protocol.version);
        for (slot, profile) in &setup.profiles {
            device.put_slot(*slot, "OcppCsmsUrl", profile.url.clone());
            device.put_slot(*slot, "SecurityProfile", profile.security_profile.to_string());
        }
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
        let monitors = monitoring::Monitors::new(&setup.pics, &device.variables);
        let equipment = Equipment {
            suites: setup.pics.list("C-41").to_vec(),
            file_protocols: setup.pics.list("ORS-24").to_vec(),
            removable_certificate: setup.pics.is_yes("AQ-3"),
            display: displays::has_display(&setup.pics),
            swaps_batteries: swapping::is_supported(&setup.pics),
            terminal: setup.pics.is_yes("P-2.2"),
        };
        let mut station = Self {
            protocol,
            physical: Physical::new(protocol, &setup, equipment, surroundings),
            evses: setup.pics.evses.iter().map(Evse::new).collect(),
            tariffs: tariffs::Tariffs::default(),
            reckonings: vec![None; setup.pics.evses.len()],
            limits: vec![None; setup.pics.evses.len()],
            interruption: None,
            pics: setup.pics,
            active_slot: setup.profiles.first().map_or(1, |(slot, _)| *slot),
            profiles: setup.profiles,
            failed_attempts: 0,
            exhausted_slots: 0,
            fallen_back: false,
            last_good_slot: None,
            monitors,
            streams: monitoring::Streams::default(),
            device,
            operative: true,
            boot: Boot::Down,
            boot_reason: "PowerUp",
            boots: 0,
            transactions_made: 0,
            messages_made: 0,
            outstanding: None,
            queue: VecDeque::new(),
            transaction_queue: VecDeque::new(),
            ended: Vec::new(),
            events_made: 0,
            signing_requests: 0,
            cache: TokenCache::new(CACHE_ENTRIES),
            local_list: LocalList::default(),
            charging_profiles: Vec::new(),
            profiles_installed: 0,
            external_ids: 0,
            prior_transactions: Vec::new(),
            messages: DisplayMessages::default(),
            master_pass: None,
            authorizing: VecDeque::new(),
            contracts: VecDeque::new(),
            requesting_contracts: VecDeque::new(),
            reset_when_idle: false,
            reset_wanted: false,
            offline_since: None,
            timers: Timers::default(),
            firmware: None,
            log: None,
            reservations: reservations::Reservations::default(),
            der: der::Controls::default(),
            allowed_transfers: energy_transfer::Allowed::new(),
            external_values: std::collections::BTreeMap::new(),
            reserve_signal: None,
            modes_told: std::collections::BTreeMap::new(),
            interrupted: Vec::new(),
            resumption: Vec::new(),
            passwords: network_configuration::Passwords::default(),
            payments: Vec::new(),
            vat: None,
            being_paid: web_payment::BeingPaid::default(),
            languages: driver_language::Languages::default(),
            limits_to_come: Vec::new(),
        };
        station.deliver_credentials();
        station
    }

    /// Connected and accepted.
    fn online(&self) -> bool {
        self.physical.conn.is_some() && self.boot == Boot::Accepted
    }

    fn schedule(&mut self, after: Duration, timer: Timer) {
        self.timers.schedule(after, timer);
    }

    fn cancel(&mut self, which: impl Fn(&Timer) -> bool) {
        self.timers.retain(|timer| !which(timer));
    }

    fn timer_due(&mut self, timer: Timer) {
        match timer {
            Timer::Connect => {
                self.take_credentials();
                let profile = self.profile().cloned();
                self.physical.dial(profile.as_ref());
            }
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
            // What is due is sent, the display refreshed and reservations ended after every event.
            Timer::Retry | Timer::Display | Timer::ReservationEnds => {}
            Timer::Firmware(stage) => self.firmware_stage(stage),
            Timer::Log(stage) => self.log_stage(stage),
            // Nobody selected anything: back to normal operation.
            Timer::MasterPass => self.master_pass = None,
            Timer::SignAgain(purpose) => self.sign_again(purpose),
            Timer::CertificateStatus => self.refresh_statuses(),
            Timer::Renewal => self.renew_in_time(),
            Timer::Limits | Timer::OfflineLimit => self.apply_limits(),
            Timer::Pull(id) => self.pull_update(id),
            Timer::Schedule(index) => self.settle_schedule(index),
            Timer::Monitor(id) => self.monitor_due(id),
            Timer::Der => self.der_due(),
            Timer::Batteries => self.charge_batteries(),
            Timer::Stream(id) => self.stream_due(id),
            Timer::Calm => self.device.put("ShockSensor", "Active", "false"),
            Timer::RunningCost(index) => self.tell_running_cost(index),
            Timer::TransactionLimits(index) => self.limits_due(index),
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
            "serialNumber": short(&self.physical.identity, 25),
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
                    self.firmware_runs();
                    for (action, payload) in std::mem::take(&mut self.interrupted) {
                        self.call(action, payload);
                    }
                    self.settle_interrupted();
                    self.resume(None);
                    self.schedule_aligned();
                    self.schedule_monitors();
                    self.der_due();
                    self.watch_slots();
                    self.await_all_updates();
                    self.reopen_streams();
                    self.renew_in_time();
                    self.refresh_statuses();
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
        if let Some(conn) = self.physical.conn.take() {
            self.physical.link.send(crate::link::LinkCommand::Close(conn, 1001));
        }
        self.boots += 1;
        self.boot = Boot::Down;
        self.boot_reason = reason;
        self.keep_undelivered();
        let waits = self.update_waits();
        self.timers.retain(|timer| waits && matches!(timer, Timer::Firmware(_)));
        let (update, upload) = (self.interrupt_update(), self.interrupt_upload());
        self.physical.transfers.cancel_download();
        self.physical.transfers.cancel_upload();
        self.interrupted.extend(update.map(|payload| ("FirmwareStatusNotification", payload)));
        self.interrupted.extend(upload.map(|payload| ("LogStatusNotification", payload)));
        self.physical.certificates.own.forget_request();
        self.physical.certificates.secc.asked = None;
        self.reset_when_idle = false;
        self.reset_wanted = false;
        self.first_slot();
        for index in 0..self.evses.len() {
            self.evses[index].claimed = None;
            self.evses[index].reservation_to_report = None;
            self.physical.evses[index].charging = false;
            if !self.is_interrupted(index) {
                self.evses[index].authorized = None;
                self.allow_energy(index);
            }
            self.end_negotiation(index);
            self.evses[index].resetting = false;
            self.evses[index].updating = false;
            self.evses[index].reset_when_idle = false;
            self.evses[index].awaits_reset = false;
        }
        self.master_pass = None;
        self.apply_limits();
        self.schedule(Duration::from_secs(5), Timer::Connect);
    }

    fn security_event(&mut self, kind: &str) {
        let payload = json!({ "type": kind, "timestamp": self.physical.wall() });
        if self.physical.conn.is_some() {
            self.call("SecurityEventNotification", payload);
        } else if !self.queue.iter().any(|waiting| waiting.payload["type"] == kind) {
            // Critical events are queued (A04.FR.02), once for failures that repeat themselves (A00.FR.419); they leave
            // before transaction messages do.
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
}
