//! How a transaction begins, goes on and ends, and the TransactionEvent that tells it (E01 to E07).

use serde_json::json;

use super::{Station, evse::Transaction};

impl Station {
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

    pub(super) fn start_with_state(&mut self, index: usize, trigger: &'static str, state: &'static str) {
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
        let reserved = self.amount_to_report(index);
        let mut news = self.news_for_event(index, kind, trigger);
        news.limits = news.limits.or(reserved.map(|most| json!({ "maxCost": most })));
        let meter = self.meter_values(index, kind, trigger);
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
        news.add_to(&mut payload);
        self.call("TransactionEvent", payload);
    }
}
