//! An EVSE: which TransactionEvents follow from what happens to it (use cases E01 to E12).

use serde_json::Value;

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

    pub(super) fn starts_at(&self, point: &str) -> bool {
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
        if !ready || !self.plug_is_held(index) {
            return;
        }
        if !self.has_schedule(index) {
            // E01.FR.05: also where EV and station have yet to agree on a schedule.
            if self.evses[index].transaction.is_none() && self.starts_at("PowerPathClosed") {
                self.start_with_state(index, "ChargingStateChanged", "SuspendedEVSE");
            }
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
}
