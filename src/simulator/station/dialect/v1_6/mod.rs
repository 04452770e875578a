//! A charge point that speaks OCPP 1.6.

mod authorization;
mod availability;
mod boot;
mod charging_limits;
mod configuration;
mod connectors;
mod faults;
mod happenings;
mod local_list;
mod messages;
mod metering;
mod queue;
mod reservations;
mod reset;
mod security;
mod smart_charging;
#[cfg(test)]
mod tests;
mod transactions;
mod transfers;
mod triggers;

use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

use self::{
    boot::Registration,
    configuration::{Configuration, Features},
    connectors::Connector,
    queue::Outgoing,
    reservations::Reservation,
    smart_charging::{Installed, ProfileToCome},
    transactions::Transaction,
};
use super::Dialect;
use crate::{
    pics::Pics,
    protocol::Protocol,
    simulator::station::{
        NetworkProfile, StationSetup,
        physical::{Equipment, Event, LocalList, NotPossible, Physical, Surroundings, Timers, TokenCache},
    },
};

/// Most tokens that the authorization cache holds.
const CACHE_ENTRIES: usize = 1000;

/// Things that happen by themselves.
#[derive(Debug, Clone, PartialEq)]
enum Timer {
    Connect,
    BootAgain,
    Heartbeat,
    /// A driver did not plug in (ConnectionTimeOut).
    ConnectionTimeout(usize),
    /// MeterValueSampleInterval has passed in a transaction.
    Sample(usize),
    /// ClockAlignedDataInterval has passed.
    Aligned,
    /// The charge point restarts.
    Restart,
    /// A CALL was not answered in time.
    Unanswered,
    /// A transaction-related message may be sent again.
    Retry,
    /// A connector's status has lasted for MinimumStatusDuration.
    StatusLasted(usize),
    /// A reservation ends.
    ReservationEnds(i64),
    /// A firmware update begins, or goes on.
    Firmware(transfers::Stage),
    /// Diagnostics are uploaded.
    Diagnostics,
    /// The limit of a connector changes.
    Limits,
}

/// What an EVSE is used for. A charge point of OCPP 1.6 knows only connectors; those of one EVSE share this.
#[derive(Debug, Default)]
struct Session {
    /// Who is authorised.
    id_tag: Option<String>,
    /// The parent of who is authorised.
    parent: Option<String>,
    /// The running transaction.
    transaction: Option<Transaction>,
    /// A transaction has ended, and the cable is still in.
    finishing: bool,
    /// The plug that is in could not be locked.
    lock_failed: bool,
    /// Whose cable the station holds, after the EV's end was pulled.
    cable_of: Option<String>,
    /// The profile of a remote start whose transaction has not begun.
    profile_to_come: Option<ProfileToCome>,
    /// Why the status is what it is, for the driver's side of the last change.
    info: Option<&'static str>,
}

/// The charge point.
pub(super) struct ChargePoint {
    protocol: &'static Protocol,
    physical: Physical,
    pics: Pics,
    profile: Option<NetworkProfile>,
    /// What the charge point falls back to where a new security profile does not work.
    former_profile: Option<NetworkProfile>,
    features: Features,
    configuration: Configuration,
    /// In the order of their numbers, from 1.
    connectors: Vec<Connector>,
    sessions: Vec<Session>,
    /// The charge point as a whole.
    whole: Connector,
    registration: Registration,
    /// It was accepted once with these settings.
    was_accepted: bool,
    boots: u32,
    messages_made: u64,
    failed_attempts: u32,
    outstanding: Option<(String, Outgoing)>,
    queue: VecDeque<Outgoing>,
    /// Transaction-related messages in the order in which they have to be delivered (3.7).
    transaction_queue: VecDeque<Outgoing>,
    /// Transactions made, each with a number of our own.
    transactions_made: u64,
    /// What the central system calls them: own number → transactionId.
    transaction_ids: HashMap<u64, i64>,
    cache: TokenCache,
    local_list: LocalList,
    authorizing: VecDeque<authorization::Question>,
    reservations: Vec<Reservation>,
    charging_profiles: Vec<Installed>,
    firmware: transfers::Firmware,
    diagnostics: transfers::Diagnostics,
    /// The security log, a line for each event.
    security_log: VecDeque<String>,
    timers: Timers<Timer>,
}

impl ChargePoint {
    /// A charge point as it is delivered.
    pub(super) fn new(protocol: &'static Protocol, setup: StationSetup, surroundings: Surroundings) -> Self {
        let physical = Physical::new(
            protocol,
            &setup,
            Equipment {
                suites: setup.pics.list("C-41").to_vec(),
                file_protocols: setup.pics.list("ORS-24").to_vec(),
                removable_certificate: false,
                display: false,
                swaps_batteries: false,
                terminal: false,
            },
            surroundings,
        );
        let connectors = connectors::of(&setup.pics);
        let mut configuration = Configuration::new(&setup.pics, connectors.len());
        let profile = setup.profiles.first().map_or(1, |(_, profile)| profile.security_profile);
        configuration.put("SecurityProfile", &profile.to_string());
        for (key, value) in &setup.variables {
            configuration.put(key, value);
        }
        Self {
            protocol,
            profile: setup.profiles.first().map(|(_, profile)| profile.clone()),
            former_profile: None,
            features: Features::of(&setup.pics),
            configuration,
            sessions: physical.evses.iter().map(|_| Session::default()).collect(),
            connectors,
            whole: Connector::whole(),
            physical,
            pics: setup.pics,
            registration: Registration::Down,
            was_accepted: false,
            boots: 0,
            messages_made: 0,
            failed_attempts: 0,
            outstanding: None,
            queue: VecDeque::new(),
            transaction_queue: VecDeque::new(),
            transactions_made: 0,
            transaction_ids: HashMap::new(),
            cache: TokenCache::new(CACHE_ENTRIES),
            local_list: LocalList::default(),
            authorizing: VecDeque::new(),
            reservations: Vec::new(),
            charging_profiles: Vec::new(),
            firmware: transfers::Firmware::default(),
            diagnostics: transfers::Diagnostics::default(),
            security_log: VecDeque::new(),
            timers: Timers::default(),
        }
    }

    /// Connected and accepted.
    fn online(&self) -> bool {
        self.physical.conn.is_some() && self.registration == Registration::Accepted
    }

    fn schedule(&mut self, after: Duration, timer: Timer) {
        self.timers.schedule(after, timer);
    }

    fn cancel(&mut self, which: impl Fn(&Timer) -> bool) {
        self.timers.retain(|timer| !which(timer));
    }

    fn timer_due(&mut self, timer: Timer) {
        match timer {
            Timer::Connect => self.physical.dial(self.profile.as_ref()),
            Timer::BootAgain => self.boot_notification(),
            Timer::Heartbeat => self.heartbeat(),
            Timer::ConnectionTimeout(index) => self.connection_timed_out(index),
            Timer::Sample(index) => self.sample(index),
            Timer::Aligned => self.aligned(),
            Timer::Restart => self.restart(),
            Timer::Unanswered => self.unanswered(),
            Timer::Retry => {}
            Timer::StatusLasted(at) => self.report_now(at),
            Timer::ReservationEnds(id) => self.reservation_ends(id),
            Timer::Firmware(stage) => self.firmware_stage(stage),
            Timer::Diagnostics => self.upload_diagnostics(),
            Timer::Limits => self.apply_limits(),
        }
    }
}

impl Dialect for ChargePoint {
    fn physical(&mut self) -> &mut Physical {
        &mut self.physical
    }

    fn powered(&mut self) {
        self.schedule(Duration::ZERO, Timer::Connect);
    }

    fn happened(&mut self, event: Event) -> Result<(), NotPossible> {
        self.take_in(event)
    }

    fn wake(&self) -> Option<Instant> {
        self.timers.wake()
    }

    fn timers_due(&mut self) {
        for timer in self.timers.due() {
            self.timer_due(timer);
        }
    }

    fn send_next(&mut self) {
        self.send_waiting();
    }
}

/// An idTag without regard to case: CiString20Type.
fn same_tag(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

/// A number of a payload.
fn number(payload: &Value, name: &str) -> Option<i64> {
    payload[name].as_i64()
}

/// At most so many characters.
fn short(text: &str, length: usize) -> String {
    text.chars().take(length).collect()
}
