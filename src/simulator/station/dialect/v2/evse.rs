//! An EVSE: which TransactionEvents follow from what happens to it (use cases E01 to E12).

use serde_json::{Value, json};

use super::{Station, schedule_negotiation::Negotiation};

/// An idToken.
pub type Token = Value;

/// What is known of one EVSE beside its hardware.
#[derive(Debug, Clone)]
pub struct Evse {
    /// Id.
    pub id: u32,
    /// Connectors.
    pub connectors: Vec<Connector>,
    /// The EVSE itself is operative.
    pub operative: bool,
    /// That it (or the station) is not takes effect after the running transaction.
    pub waits: bool,
    /// Who is authorised.
    pub authorized: Option<Token>,
    /// The group of who is authorised.
    pub group: Option<Value>,
    /// The meter reading at which energy ends, for a token that proved invalid.
    pub energy_limit: Option<f64>,
    /// The cable stays locked until a driver is authorised (E09.FR.03, E10.FR.01); with this token at any rate.
    pub locked_for: Option<Token>,
    /// The running transaction.
    pub transaction: Option<Transaction>,
    /// The transaction that ended last.
    pub ended: Option<String>,
    /// The token that the next event has to name.
    pub token_to_report: Option<Token>,
    /// The remote start that the next event has to name.
    pub remote_start: Option<i64>,
    /// The reservation that the driver who is being authorised uses.
    pub claimed: Option<i64>,
    /// The used reservation that the next event has to name.
    pub reservation_to_report: Option<i64>,
    /// When that reservation was made.
    pub reserved_since: Option<jiff::Timestamp>,
    /// It is kept for somebody who has reserved it.
    pub reserved: bool,
    /// An EV was plugged in while it was reserved, by nobody knows whom (G01.FR.09).
    pub stranger: bool,
    /// The charging profile that came with it, for the transaction.
    pub profile_to_come: Option<Value>,
    /// How far its EV is with its schedule.
    pub(super) negotiation: Negotiation,
    /// The EV is to be told of another schedule.
    pub(super) schedule_changed: bool,
    /// When it was ready to deliver energy: the driver authorised, the EV connected (K01.FR.42).
    pub ready_since: Option<jiff::Timestamp>,
    /// Why authorisation ended, for `stoppedReason`.
    pub stopped_by: Option<&'static str>,
    /// It resets, and can do nothing meanwhile.
    pub resetting: bool,
    /// A firmware update waits; nobody new is served meanwhile (L01.FR.07).
    pub updating: bool,
    /// It resets once its transaction has ended.
    pub reset_when_idle: bool,
    /// It was available when a reset was scheduled, and takes no EV any more.
    pub awaits_reset: bool,
}

/// What is known of a connector beside its hardware.
#[derive(Debug, Clone)]
pub struct Connector {
    /// Id.
    pub id: u32,
    /// It is operative, as far as it alone goes.
    pub operative: bool,
    /// That it is not takes effect after the running transaction.
    pub waits: bool,
    /// Last status that was reported.
    pub reported: Option<&'static str>,
}

/// A running transaction.
#[derive(Debug, Clone)]
pub struct Transaction {
    /// Id.
    pub id: String,
    /// Next seqNo.
    pub seq: i64,
    /// Connector, once known.
    pub evse_reported: bool,
    /// Last charging state reported.
    pub charging_state: &'static str,
    /// Remote start that began it or authorised it.
    pub remote_start: Option<i64>,
    /// Meter reading when it began, Wh.
    pub meter_start: f64,
    /// Readings that its end will tell.
    pub for_end: Vec<Value>,
    /// The meter's public key was told.
    pub key_told: bool,
}

impl Evse {
    /// An idle EVSE.
    pub fn new(of: &crate::pics::model::Evse) -> Self {
        Self {
            id: of.id,
            connectors: of
                .connectors
                .iter()
                .map(|connector| Connector { id: connector.id, operative: true, waits: false, reported: None })
                .collect(),
            operative: true,
            waits: false,
            authorized: None,
            group: None,
            energy_limit: None,
            locked_for: None,
            transaction: None,
            ended: None,
            token_to_report: None,
            remote_start: None,
            claimed: None,
            reservation_to_report: None,
            reserved_since: None,
            reserved: false,
            stranger: false,
            profile_to_come: None,
            negotiation: Negotiation::default(),
            schedule_changed: false,
            ready_since: None,
            stopped_by: None,
            resetting: false,
            updating: false,
            reset_when_idle: false,
            awaits_reset: false,
        }
    }

    /// The connector's status as it is to be reported, with an EV plugged into one of them or none.
    pub fn status(&self, connector: &Connector, plugged: Option<u32>, station_operative: bool) -> &'static str {
        let operative = (self.operative && station_operative) || self.waits;
        if !operative || !(connector.operative || connector.waits) {
            "Unavailable"
        } else if self.reserved && !(self.resetting || self.updating) {
            "Reserved"
        } else if plugged == Some(connector.id) {
            "Occupied"
        } else if self.resetting || self.updating || self.awaits_reset {
            "Unavailable"
        } else {
            "Available"
        }
    }

    /// True when the EVSE has this connector.
    pub fn has(&self, connector: u32) -> bool {
        self.connectors.iter().any(|known| known.id == connector)
    }

    /// What waited for the end of the transaction waits no longer.
    pub fn stop_waiting(&mut self) {
        self.waits = false;
        for connector in &mut self.connectors {
            connector.waits = false;
        }
    }

    /// Every status will be reported again.
    pub fn forget_reported(&mut self) {
        for connector in &mut self.connectors {
            connector.reported = None;
        }
    }
}

impl Station {
    /// Nothing but the driver's authorisation decides about energy again.
    pub(super) fn allow_energy(&mut self, index: usize) {
        self.physical.evses[index].supply_suspended = false;
        self.evses[index].energy_limit = None;
    }

    /// Whose cable the station holds, if anybody's.
    pub(super) fn hold_cable(&mut self, index: usize, owner: Option<Token>) {
        self.physical.evses[index].cable_held = owner.is_some();
        self.evses[index].locked_for = owner;
    }

    pub(super) fn charging_state(&self, index: usize) -> &'static str {
        let evse = &self.physical.evses[index];
        if evse.charging {
            match (evse.supplies(), evse.ev_suspended) {
                (false, _) => "SuspendedEVSE",
                (true, true) => "SuspendedEV",
                (true, false) => "Charging",
            }
        } else if evse.connected() {
            "EVConnected"
        } else {
            "Idle"
        }
    }

    fn starts_at(&self, point: &str) -> bool {
        self.device.lists("TxCtrlr", "TxStartPoint", point)
    }

    pub(super) fn stops_at(&self, point: &str) -> bool {
        self.device.lists("TxCtrlr", "TxStopPoint", point)
    }

    /// PowerPathClosed is over as soon as one of EVConnected and Authorized is (Part 2, 2.6.6.2).
    fn stops_without(&self, point: &str) -> bool {
        self.stops_at(point) || self.stops_at("PowerPathClosed")
    }

    /// An EV drives into the bay.
    pub(super) fn drove_in(&mut self, index: usize) {
        let idle = self.evses[index].transaction.is_none() && self.usable(index);
        if self.starts_at("ParkingBayOccupancy") && idle {
            self.start(index, "EVDetected");
        }
    }

    /// The EV drives out of the bay.
    pub(super) fn drove_out(&mut self, index: usize) {
        if self.evses[index].transaction.is_some() && self.stops_at("ParkingBayOccupancy") {
            self.end(index, "EVDeparted", None);
        }
        let evse = &mut self.evses[index];
        if evse.transaction.is_none() {
            evse.authorized = None;
            evse.stopped_by = None;
        }
    }

    /// An EV is plugged in.
    pub(super) fn plugged(&mut self, index: usize) {
        self.cancel_connection_timeout(index);
        self.evses[index].stranger = self.evses[index].reserved;
        self.report_status(index);
        if self.evses[index].transaction.is_some() {
            self.update(index, "CablePluggedIn");
        } else if self.starts_at("EVConnected") && self.usable(index) {
            self.start(index, "CablePluggedIn");
        }
        self.try_charging(index);
        self.vehicle_connected(index);
    }

    /// The EV's end of the cable is unplugged, or the whole cable (E06, E09, E10).
    pub(super) fn unplugged(&mut self, index: usize, ev_side_only: bool, was_charging: bool, was_connected: bool) {
        self.end_negotiation(index);
        let fixed = self.physical.evses[index].fixed_cable;
        if ev_side_only && !fixed {
            let evse = &self.evses[index];
            let token = evse.authorized.clone().or(evse.locked_for.clone());
            let owner = token.filter(|_| !self.device.is("OCPPCommCtrlr", "UnlockOnEVSideDisconnect"));
            self.hold_cable(index, owner);
        } else {
            self.hold_cable(index, None);
            self.evses[index].stranger = false;
            self.report_status(index);
        }
        let stop_on_disconnect = self.device.is("TxCtrlr", "StopTxOnEVSideDisconnect");
        let deauthorized = self.evses[index].authorized.is_some() && stop_on_disconnect;
        if self.evses[index].transaction.is_some() && was_connected {
            let ends = self.stops_without("EVConnected")
                || (was_charging && self.stops_at("EnergyTransfer"))
                || (deauthorized && self.stops_at("Authorized"));
            if ends {
                let reason = self.evses[index].stopped_by.unwrap_or("EVDisconnected");
                self.end(index, "EVCommunicationLost", Some(reason));
            } else {
                self.update(index, "EVCommunicationLost");
            }
        }
        let evse = &mut self.evses[index];
        if deauthorized || (evse.transaction.is_none() && !ev_side_only) {
            evse.authorized = None;
        }
        if evse.transaction.is_none() {
            evse.stopped_by = None;
        } else if ev_side_only && fixed && evse.authorized.is_some() {
            // E10.FR.02: whoever does not come back in time loses the authorisation.
            self.start_connection_timeout(index);
        }
        self.reset_if_idle();
    }

    /// The EV's end of the cable is plugged in again (E10).
    pub(super) fn ev_side_plugged(&mut self, index: usize) {
        self.hold_cable(index, None);
        if self.evses[index].transaction.is_some() {
            self.update(index, "CablePluggedIn");
        } else if self.starts_at("EVConnected") {
            self.start(index, "CablePluggedIn");
        }
        self.try_charging(index);
        self.vehicle_connected(index);
    }

    /// A token is accepted on an idle or connected EVSE.
    pub fn authorize(&mut self, index: usize, token: Token, group: Option<Value>) {
        if !self.claim(index, &token, group.as_ref()) {
            self.refused(index);
            return;
        }
        let evse = &mut self.evses[index];
        evse.reservation_to_report = evse.claimed.take();
        evse.authorized = Some(token.clone());
        evse.group = group;
        evse.token_to_report = Some(token);
        evse.stopped_by = None;
        self.allow_energy(index);
        let evse = &self.evses[index];
        let trigger = if evse.remote_start.is_some() { "RemoteStart" } else { "Authorized" };
        if evse.transaction.is_some() {
            self.adopt_profile(index);
            self.update(index, trigger);
        } else if self.starts_at("Authorized") {
            self.start(index, trigger);
        }
        if self.physical.evses[index].connected() {
            self.try_charging(index);
        } else {
            self.start_connection_timeout(index);
        }
    }

    /// Authorisation ends by the driver or the CSMS.
    pub fn stop_authorization(&mut self, index: usize, token: Option<Token>, remote: bool) {
        // E06.FR.10, E07.FR.07.
        self.hold_cable(index, None);
        let (trigger, reason) = if remote { ("RemoteStop", "Remote") } else { ("StopAuthorized", "Local") };
        self.deauthorize(index, token, trigger, reason);
    }

    /// An EV has ended its session (E15): one event tells of it, and ends the transaction where a stop point is reached.
    pub fn session_stopped(&mut self, index: usize) {
        self.hold_cable(index, None);
        let hardware = &mut self.physical.evses[index];
        hardware.charging = false;
        hardware.ev_suspended = false;
        self.evses[index].authorized = None;
        self.evses[index].stopped_by = Some("StoppedByEV");
        self.allow_energy(index);
        self.end_negotiation(index);
        if self.evses[index].transaction.is_none() {
            return;
        }
        if ["Authorized", "PowerPathClosed", "EnergyTransfer"].into_iter().any(|point| self.stops_at(point)) {
            self.end(index, "StopAuthorized", Some("StoppedByEV")); // E15.FR.04
        } else {
            self.update(index, "StopAuthorized"); // E15.FR.05
        }
    }

    /// Authorisation ends, for whatever reason.
    pub fn deauthorize(&mut self, index: usize, token: Option<Token>, trigger: &'static str, reason: &'static str) {
        let evse = &mut self.evses[index];
        evse.authorized = None;
        evse.stopped_by = Some(reason);
        evse.token_to_report = token;
        let hardware = &mut self.physical.evses[index];
        let was_charging = hardware.charging;
        hardware.charging = false;
        hardware.ev_suspended = false;
        self.allow_energy(index);
        self.end_negotiation(index);
        if self.evses[index].transaction.is_none() {
            self.give_up_payment(index, false);
            return;
        }
        // E05.FR.10: an authorisation that the CSMS takes back ends the transaction at once. E07 knows two ways for a driver
        // who stops; this station takes the shorter one only where Authorized is the stop point.
        let taken_back = trigger == "Deauthorized";
        let ends = self.stops_without("Authorized") || (was_charging && self.stops_at("EnergyTransfer"));
        if ends && (self.stops_at("Authorized") || taken_back || !was_charging) {
            self.end(index, trigger, Some(reason));
        } else if was_charging && !taken_back {
            // First the reason is told, while the charging state is still what it was; then the state changes.
            let state = self.evses[index].transaction.as_ref().map_or("Charging", |tx| tx.charging_state);
            self.event(index, "Updated", trigger, Some(state), None);
            if ends {
                self.end(index, "ChargingStateChanged", Some(reason));
            } else {
                self.update(index, "ChargingStateChanged");
            }
        } else {
            self.update(index, trigger);
        }
    }

    /// The EV was not plugged in in time (C01.FR.26, E03.FR.05, E03.FR.15, E10.FR.02).
    pub fn connection_timed_out(&mut self, index: usize) {
        let plugged = self.physical.evses[index].plugged.is_some();
        let evse = &mut self.evses[index];
        if plugged || evse.authorized.is_none() {
            return;
        }
        evse.authorized = None;
        evse.remote_start = None;
        evse.profile_to_come = None;
        evse.token_to_report = None;
        evse.reservation_to_report = None;
        self.forget_brought_tariff(index);
        if self.evses[index].transaction.is_none() {
            self.give_up_payment(index, false);
        }
        if self.evses[index].transaction.is_some() {
            if self.stops_at("ParkingBayOccupancy") && !self.stops_without("Authorized") {
                self.update(index, "EVConnectTimeout");
            } else {
                self.end(index, "EVConnectTimeout", Some("Timeout"));
            }
        }
    }

    /// The EV suspends or resumes.
    pub(super) fn ev_suspended(&mut self, index: usize, suspended: bool) {
        if !self.physical.evses[index].charging {
            return;
        }
        if self.evses[index].transaction.is_none() {
            if !suspended {
                self.start_with_energy(index);
            }
        } else if suspended && self.stops_at("EnergyTransfer") {
            self.end(index, "ChargingStateChanged", Some("StoppedByEV"));
        } else {
            self.update(index, "ChargingStateChanged");
        }
    }

    pub(super) fn try_charging(&mut self, index: usize) {
        let evse = &self.physical.evses[index];
        let ready = !evse.charging && evse.connected() && self.evses[index].authorized.is_some();
        if !ready || !self.plug_is_held(index) || !self.has_schedule(index) {
            return;
        }
        self.evses[index].ready_since = Some(self.physical.now());
        self.limit_energy(index);
        let energy = self.physical.evses[index].supplies();
        if self.evses[index].transaction.is_none() && self.starts_at("DataSigned") && self.signs_readings() {
            self.start(index, "SignedDataReceived");
        }
        if self.evses[index].transaction.is_none() && self.starts_at("PowerPathClosed") {
            self.start_with_state(index, "ChargingStateChanged", "SuspendedEVSE");
        }
        self.physical.evses[index].charging = true;
        if self.evses[index].transaction.is_some() {
            self.update(index, "ChargingStateChanged");
        } else if energy && self.starts_at("EnergyTransfer") && !self.physical.evses[index].ev_suspended {
            self.start(index, "ChargingStateChanged");
        }
        self.schedule_samples(index);
        self.apply_limits();
    }

    /// Energy flows at last, and a transaction begins where that is its start.
    pub(super) fn start_with_energy(&mut self, index: usize) {
        if self.starts_at("EnergyTransfer") {
            self.start(index, "ChargingStateChanged");
        }
    }

    pub(super) fn start(&mut self, index: usize, trigger: &'static str) {
        let state = self.charging_state(index);
        self.start_with_state(index, trigger, state);
    }

    fn start_with_state(&mut self, index: usize, trigger: &'static str, state: &'static str) {
        self.transactions_made += 1;
        let id = format!("{}-{}-{}", self.physical.identity, self.boots, self.transactions_made);
        let id: String = id.chars().rev().take(36).collect::<Vec<_>>().into_iter().rev().collect();
        let meter_start = self.physical.evses[index].meter;
        self.physical.evses[index].cost = None;
        self.evses[index].transaction = Some(Transaction {
            id,
            seq: 0,
            evse_reported: false,
            charging_state: "Idle",
            remote_start: None,
            meter_start,
            for_end: Vec::new(),
            key_told: false,
        });
        self.adopt_profile(index);
        self.begin_reckoning(index);
        self.begin_limits(index);
        self.schedule_sample_for_end(index);
        self.event(index, "Started", trigger, Some(state), None);
    }

    pub(super) fn update(&mut self, index: usize, trigger: &'static str) {
        let state = self.charging_state(index);
        self.event(index, "Updated", trigger, Some(state), None);
    }

    /// Ends the transaction.
    pub fn end(&mut self, index: usize, trigger: &'static str, reason: Option<&'static str>) {
        let reason = reason.or(self.evses[index].stopped_by).unwrap_or("Local");
        self.physical.evses[index].charging = false;
        self.physical.evses[index].ev_suspended = false;
        self.allow_energy(index);
        self.end_negotiation(index);
        let state = self.charging_state(index);
        self.event(index, "Ended", trigger, Some(state), Some(reason));
        // What the end brings about belongs to the transaction.
        self.watch_variables();
        let evse = &mut self.evses[index];
        if let Some(ended) = evse.transaction.take() {
            self.forget_profiles_of(&ended.id);
            self.messages.transaction_ended(&ended.id);
            self.end_reckoning(index);
            self.end_limits(index);
            self.evses[index].ended = Some(ended.id.clone());
            self.ended.push(ended.id);
        }
        let evse = &mut self.evses[index];
        evse.authorized = None;
        evse.ready_since = None;
        evse.profile_to_come = None;
        evse.token_to_report = None;
        evse.remote_start = None;
        evse.reservation_to_report = None;
        self.apply_limits();
        self.cost_unknown(index);
        self.release(index);
        self.reset_if_idle();
        self.update_if_idle();
    }

    /// Queues a TransactionEvent.
    pub fn event(
        &mut self,
        index: usize,
        kind: &str,
        trigger: &str,
        state: Option<&'static str>,
        stopped: Option<&str>,
    ) {
        let now = self.physical.wall();
        let offline = !self.online();
        let (tariff, costs) = self.costs_for_event(index, kind, trigger);
        let meter = self.meter_values(index, kind, trigger);
        let reserved = self.amount_to_report(index);
        let limits = self.limits_to_tell(index).or(reserved.map(|most| json!({ "maxCost": most })));
        let plugged = self.physical.evses[index].plugged;
        let token = self.evses[index].token_to_report.take().map(|token| self.with_evccid(index, token));
        let mode = self.is_bidirectional().then(|| self.operation_mode(index));
        let sleeps = self.sleeps(index);
        let evse = &mut self.evses[index];
        let connector = plugged.or(evse.connectors.first().map(|known| known.id));
        let id = evse.id;
        let remote_start = evse.remote_start.take();
        let reservation = evse.reservation_to_report.take();
        let Some(transaction) = &mut evse.transaction else { return };
        let trigger = if remote_start.is_some() { "RemoteStart" } else { trigger };
        transaction.remote_start = remote_start.or(transaction.remote_start);
        let mut info = json!({ "transactionId": transaction.id });
        if let Some(state) = state {
            if state != "Idle" || kind == "Ended" || transaction.charging_state != "Idle" {
                info["chargingState"] = state.into();
            }
            transaction.charging_state = state;
        }
        if let Some(reason) = stopped.filter(|reason| kind == "Ended" && *reason != "Local") {
            info["stoppedReason"] = reason.into();
        } else if kind == "Ended" {
            info["stoppedReason"] = "Local".into();
        }
        if let Some(mode) = mode {
            info["operationMode"] = mode.into();
        }
        if let Some(remote) = remote_start {
            info["remoteStartId"] = remote.into();
        }
        if let Some(tariff) = tariff {
            info["tariffId"] = tariff.into();
        }
        if let Some(limits) = limits {
            info["transactionLimit"] = limits;
        }
        let mut payload = json!({
            "eventType": kind,
            "timestamp": now,
            "triggerReason": trigger,
            "seqNo": transaction.seq,
            "transactionInfo": info,
        });
        transaction.seq += 1;
        if offline {
            payload["offline"] = true.into();
        }
        if !transaction.evse_reported || trigger == "CablePluggedIn" {
            payload["evse"] = json!({ "id": id });
            if plugged.is_some() {
                payload["evse"]["connectorId"] = connector.into();
                transaction.evse_reported = true;
            }
        }
        if sleeps {
            payload["evseSleep"] = true.into();
        }
        if let Some(token) = token {
            payload["idToken"] = token;
        }
        // E01.FR.13, H01.FR.15
        if let Some(reservation) = reservation {
            payload["reservationId"] = reservation.into();
        }
        if let Some(meter) = meter {
            payload["meterValue"] = meter;
        }
        if let Some(costs) = costs {
            payload["costDetails"] = costs;
        }
        self.call("TransactionEvent", payload);
    }
}
