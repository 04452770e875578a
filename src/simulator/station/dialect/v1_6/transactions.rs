//! Transactions: started, judged by the central system, stopped (4.8, 4.10).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ChargePoint, Timer, authorization::key, queue::Outgoing};

/// A running transaction.
#[derive(Debug)]
pub(super) struct Transaction {
    /// Our own number: the central system's id may come late, or never.
    pub(super) number: u64,
    /// The connector, by index.
    pub(super) connector: usize,
    /// When it began.
    pub(super) begun: Timestamp,
    /// Meter reading when it began, Wh.
    meter_start: f64,
    /// Meter reading at which energy ends, for an idTag that proved invalid.
    energy_limit: Option<f64>,
    /// What its end will tell (StopTxnSampledData, StopTxnAlignedData).
    pub(super) data: Vec<Value>,
}

/// A meter reading in Wh, as StartTransaction and StopTransaction give it.
#[expect(clippy::cast_possible_truncation, reason = "a meter counts nowhere near 2^53 Wh")]
fn whole(meter: f64) -> i64 {
    meter.round() as i64
}

impl ChargePoint {
    /// Starts a transaction where a driver is authorised and an EV is connected, and the plug is held fast.
    pub(super) fn try_starting(&mut self, index: usize) {
        let evse = &self.physical.evses[index];
        let held = evse.plugged.is_some_and(|plugged| !evse.is_stuck(plugged));
        let sound = !self.is_faulted(self.connector_in_use(index));
        let ready = evse.connected() && held && sound && self.sessions[index].transaction.is_none();
        let Some(id_tag) = self.sessions[index].id_tag.clone().filter(|_| ready) else { return };
        self.cancel(|timer| *timer == Timer::ConnectionTimeout(index));
        self.transactions_made += 1;
        let connector = self.connector_in_use(index);
        let meter_start = self.physical.evses[index].meter;
        let (number, begun) = (self.transactions_made, self.physical.now());
        self.sessions[index].transaction =
            Some(Transaction { number, connector, begun, meter_start, energy_limit: None, data: Vec::new() });
        self.physical.evses[index].charging = true;
        self.physical.evses[index].supply_suspended = false;
        let mut payload = json!({
            "connectorId": connector + 1,
            "idTag": id_tag,
            "meterStart": whole(meter_start),
            "timestamp": self.physical.wall(),
        });
        if let Some(reservation) = self.use_reservation(connector, &id_tag, self.sessions[index].parent.clone()) {
            payload["reservationId"] = reservation.into();
        }
        self.keep_for_stop(index, "StopTxnSampledData", "Transaction.Begin", self.physical.wall());
        self.deliver("StartTransaction", payload, Some(number));
        self.adopt_profile(index);
        self.apply_limits();
        self.report_evse(index);
        self.schedule_samples(index);
    }

    pub(super) fn start_answered(&mut self, request: &Outgoing, response: &Value) {
        let Some(number) = request.transaction else { return };
        if let Some(id) = response["transactionId"].as_i64() {
            self.transaction_ids.insert(number, id);
        }
        let info = &response["idTagInfo"];
        let id_tag = request.payload["idTag"].as_str().unwrap_or_default();
        self.remember(id_tag, info);
        self.tell_conflict(id_tag, info);
        let running = |session: &super::Session| session.transaction.as_ref().is_some_and(|tx| tx.number == number);
        let Some(index) = self.sessions.iter().position(running) else { return };
        if info["status"] == "Accepted" {
            if let Some(parent) = info["parentIdTag"].as_str() {
                self.sessions[index].parent = Some(parent.to_owned());
            }
        } else if self.configuration.is("StopTransactionOnInvalidId") {
            self.stop(index, "DeAuthorized", None);
        } else {
            // Only energy delivery stops, perhaps after the amount that is granted (3.5.4).
            let allowance = self.configuration.number("MaxEnergyOnInvalidId");
            if let Some(transaction) = &mut self.sessions[index].transaction {
                let allowance = u32::try_from(allowance).unwrap_or(u32::MAX);
                transaction.energy_limit = Some(transaction.meter_start + f64::from(allowance));
            }
            self.check_energy_limit(index);
        }
    }

    /// 3.5.2: the central system hears that its answer contradicts the local list.
    fn tell_conflict(&mut self, id_tag: &str, info: &Value) {
        let enabled = self.configuration.is("LocalAuthListEnabled");
        let Some(listed) = self.local_list.look_up(&key(id_tag)).filter(|_| enabled) else { return };
        if listed["status"] != info["status"] {
            let status = self.whole_status().word();
            let payload = json!({
                "connectorId": 0,
                "errorCode": "LocalListConflict",
                "status": status,
                "timestamp": self.physical.wall(),
            });
            self.call("StatusNotification", payload);
        }
    }

    pub(super) fn check_energy_limit(&mut self, index: usize) {
        let Some(limit) = self.sessions[index].transaction.as_ref().and_then(|tx| tx.energy_limit) else { return };
        let evse = &mut self.physical.evses[index];
        if !evse.supply_suspended && evse.meter >= limit {
            evse.supply_suspended = true;
            self.report_evse(index);
        }
    }

    /// Ends the transaction of an EVSE, if one runs.
    pub(super) fn stop(&mut self, index: usize, reason: &'static str, id_tag: Option<String>) {
        if self.sessions[index].transaction.is_none() {
            return;
        }
        self.cancel(|timer| *timer == Timer::Sample(index));
        self.physical.count_energy(index);
        self.keep_for_stop(index, "StopTxnSampledData", "Transaction.End", self.physical.wall());
        let evse = &mut self.physical.evses[index];
        evse.charging = false;
        evse.ev_suspended = false;
        evse.supply_suspended = false;
        let (meter, plugged) = (evse.meter, evse.plugged.is_some());
        let session = &mut self.sessions[index];
        let Some(transaction) = session.transaction.take() else { return };
        session.id_tag = None;
        session.parent = None;
        session.finishing = plugged;
        // 4.10, 5.12: a regular end unlocks the cable.
        if matches!(reason, "Local" | "Remote") {
            session.cable_of = None;
            self.physical.evses[index].cable_held = false;
        }
        session.profile_to_come = None;
        let mut payload = json!({
            "meterStop": whole(meter),
            "timestamp": self.physical.wall(),
            "transactionId": 0,
            "reason": reason,
        });
        if let Some(id_tag) = id_tag {
            payload["idTag"] = id_tag.into();
        }
        if !transaction.data.is_empty() {
            payload["transactionData"] = transaction.data.into();
        }
        self.deliver("StopTransaction", payload, Some(transaction.number));
        self.forget_profiles_of(transaction.number);
        self.apply_limits();
        self.report_evse(index);
        self.apply_waiting();
    }

    pub(super) fn stop_answered(&mut self, request: &Outgoing, response: &Value) {
        if let (Some(id_tag), Some(info)) = (request.payload["idTag"].as_str(), response.get("idTagInfo")) {
            self.remember(id_tag, info);
        }
        if let Some(number) = request.transaction {
            self.transaction_ids.remove(&number);
        }
    }

    /// The EVSE whose transaction has this transactionId.
    pub(super) fn running(&self, transaction_id: i64) -> Option<usize> {
        self.sessions.iter().position(|session| {
            let number = session.transaction.as_ref().map(|transaction| transaction.number);
            number.and_then(|number| self.transaction_ids.get(&number)) == Some(&transaction_id)
        })
    }
}
