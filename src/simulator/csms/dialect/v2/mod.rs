//! A CSMS that speaks OCPP 2.x.

mod battery_swaps;
mod certificates;
mod contract_pool;
mod contracts;
mod costs;
mod customers;
mod der_controls;
mod dynamic_profiles;
mod energy_transfers;
mod ev_schedules;
mod event_streams;
mod item_limits;
mod limits;
mod monitoring;
mod payments;
mod profile_rules;
mod reservations;
mod resumption;
mod smart_charging;
mod tariffs;
mod transactions;
mod variables;

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use self::{
    certificates::Certificates,
    contract_pool::ContractPool,
    customers::Customers,
    dynamic_profiles::DynamicProfiles,
    energy_transfers::{EnergyTransfers, Policy},
    ev_schedules::EvSchedules,
    event_streams::EventStreams,
    limits::Limits,
    monitoring::Monitors,
    payments::Payments,
    reservations::Reservations,
    smart_charging::SmartCharging,
    transactions::TransactionStore,
    variables::Variables,
};
use super::Dialect;
use crate::{
    clock::ocpp_time,
    manual_action::{ActionOutcome, settings::Setting},
    protocol::Version,
    simulator::csms::{Common, certificate_status::CertificateStatus, tokens::Tokens},
};

/// How long a reservation holds of which the operator does not say it.
const RESERVED: SignedDuration = SignedDuration::from_hours(1);

/// What is known of one station beside what does not depend on the version.
pub(super) struct Csms {
    /// The device model is still to be asked for (B07.FR.14).
    inventory: bool,
    /// The last signing request that it was told to send is for a combined certificate.
    combined: bool,
    variables: Variables,
    transactions: TransactionStore,
    certificates: Certificates,
    customers: Customers,
    monitors: Monitors,
    smart_charging: SmartCharging,
    ev_schedules: EvSchedules,
    reservations: Reservations,
    contract_pool: ContractPool,
    dynamic_profiles: DynamicProfiles,
    energy_transfers: EnergyTransfers,
    event_streams: EventStreams,
    limits: Limits,
    payments: Payments,
}

impl Csms {
    pub(super) fn new(inventory: bool) -> Self {
        Self {
            inventory,
            combined: false,
            variables: Variables::default(),
            transactions: TransactionStore::default(),
            certificates: Certificates::default(),
            customers: Customers::default(),
            monitors: Monitors::default(),
            smart_charging: SmartCharging::default(),
            ev_schedules: EvSchedules::default(),
            reservations: Reservations::default(),
            contract_pool: ContractPool::default(),
            dynamic_profiles: DynamicProfiles::default(),
            energy_transfers: EnergyTransfers::default(),
            event_streams: EventStreams::default(),
            limits: Limits::default(),
            payments: Payments::default(),
        }
    }

    fn boot(&mut self, common: &mut Common, payload: &Value) -> Value {
        common.endpoints.named(payload["chargingStation"]["serialNumber"].as_str());
        let (status, interval) = common.registration.boot();
        if common.registration.is("Accepted") && std::mem::take(&mut self.inventory) {
            let request = json!({ "requestId": common.number(), "reportBase": "FullInventory" });
            common.call("GetBaseReport", request);
        }
        json!({ "currentTime": common.wall(), "interval": interval, "status": status })
    }

    /// The running cost follows each periodic reading (I02.FR.01); the last event is answered with the total (I03.FR.02).
    fn transaction_event(&mut self, common: &mut Common, payload: &Value) -> Value {
        self.reservations.told(payload);
        self.ev_schedules.told(payload);
        let mut response = self.transactions.event(payload, &common.tokens);
        let live = payload["eventType"] == "Updated" && payload["offline"] != true;
        let id = payload["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        if live && payload["triggerReason"] == "MeterValuePeriodic" {
            if let Some(cost) = self.transactions.cost(id) {
                common.call("CostUpdated", json!({ "totalCost": cost, "transactionId": id }));
            }
        }
        self.limit(common, id, payload, &mut response);
        for profile in resumption::lost_profiles(&self.variables, &self.smart_charging, payload) {
            common.call("SetChargingProfile", profile);
        }
        response
    }

    /// Adds the limits of a transaction, and its cost where that is limited and nobody else calculates it (E16.FR.02, E16.FR.11).
    fn limit(&mut self, common: &Common, id: &str, payload: &Value, response: &mut Value) {
        if let Some(token) = payload.get("idToken") {
            payments::keep_out_of_caches(&common.tokens, token, &common.wall(), &mut response["idTokenInfo"]);
        }
        if payload["eventType"] == "Ended" {
            return self.limits.ended(id);
        }
        self.limits.told(id, &payload["transactionInfo"]["transactionLimit"]);
        if payload["eventType"] == "Started" {
            self.limits.starts(id);
        }
        if let Some(token) = payload.get("idToken") {
            let paid = self.payments.limit_of(&common.tokens, token);
            self.limits.set(Some(id), paid);
        }
        let supported = self.variables.value("TxCtrlr.SupportedLimits").unwrap_or_default();
        if let Some(limit) = self.limits.take_news(id, supported) {
            response["transactionLimit"] = limit.into();
        }
        if self.limits.has_most_cost(id) && !self.transactions.has_own_costs(id) {
            response["totalCost"] = self.transactions.cost(id).unwrap_or_default().into();
        }
    }

    fn authorize(&self, common: &Common, payload: &Value, found: &[Option<CertificateStatus>]) -> Value {
        let mut response = contracts::authorize(common, payload, found);
        let token = &payload["idToken"];
        payments::keep_out_of_caches(&common.tokens, token, &common.wall(), &mut response["idTokenInfo"]);
        if response["idTokenInfo"]["status"] == "Accepted" {
            if let Some(tariff) = tariffs::of_driver(&common.tokens, &self.variables, token) {
                response["tariff"] = tariff;
            } else if let Some(price) = costs::told(&self.variables) {
                response["idTokenInfo"]["personalMessage"] = price;
            }
        }
        if common.protocol.version == Version::V2_1 {
            self.energy_transfers.authorize(&self.variables, payload, &mut response);
        }
        response
    }

    /// Whether a QR code leads to a payment, and the messages of the payment then.
    fn visited(&mut self, common: &mut Common, address: &str) -> Result<(), &'static str> {
        let now = common.clock.now().wall;
        let visit = self.payments.visited(&self.variables, common.endpoints.identity(), address, now)?;
        for (action, payload) in self.payments.on_page(common.number(), visit) {
            common.call(action, payload);
        }
        Ok(())
    }

    /// Sends the EV on an EVSE its schedule; false where there is no transaction (K15.FR.03, K15.FR.04).
    fn give_schedule(&self, common: &mut Common, payload: &Value) -> bool {
        let evse = payload["evseId"].as_i64().unwrap_or_default();
        let known = self.ev_schedules.transaction(evse).and_then(|id| self.smart_charging.of_transaction(id));
        let units = self.variables.value("SmartChargingCtrlr.RateUnit").unwrap_or("A");
        let unit = if units.split(',').any(|unit| unit.trim() == "A") { "A" } else { "W" };
        let request = self.ev_schedules.request(evse, known, unit, &common.wall());
        let given = request.is_some();
        if let Some(mut request) = request {
            if energy_transfers::is_15118_20(payload) {
                energy_transfers::adapt(&mut request, payload, common.clock.now().wall);
            }
            request["chargingProfile"]["id"] = self.allowed_id(&request["chargingProfile"]).into();
            common.call("SetChargingProfile", request);
        }
        given
    }

    /// The id of a profile, or another one where the station has made that one its own (K01.FR.80).
    fn allowed_id(&self, profile: &Value) -> i64 {
        let id = profile["id"].as_i64().unwrap_or_default();
        let is_own = profile_rules::is_own_id(&self.variables, id);
        if is_own { profile_rules::free_id(&self.variables, id) } else { id }
    }

    /// An EV tells its needs (K15 to K20, Q01).
    fn charging_needs(&self, common: &mut Common, payload: &Value) -> Value {
        let transaction = self.ev_schedules.transaction(payload["evseId"].as_i64().unwrap_or_default());
        let by_15118_20 = energy_transfers::is_15118_20(payload);
        if let Some(refused) = by_15118_20.then(|| self.energy_transfers.refuse(transaction, payload)).flatten() {
            return json!({ "status": refused });
        }
        let without = if by_15118_20 { "NoChargingProfile" } else { "Rejected" }; // K18.FR.04, K19.FR.04
        json!({ "status": if self.give_schedule(common, payload) { "Accepted" } else { without } })
    }

    /// An EV has returned its schedule; one that does not fit makes it negotiate again (K15.FR.11 to K15.FR.13).
    fn ev_schedule(&self, common: &mut Common, payload: &Value) -> Value {
        let evse = payload["evseId"].as_i64().unwrap_or_default();
        let profile = self.ev_schedules.transaction(evse).and_then(|id| self.smart_charging.of_transaction(id));
        // Where nothing was given there are no limits of ours.
        let fits = profile.is_none_or(|profile| ev_schedules::fits(payload, profile));
        if !fits {
            self.give_schedule(common, payload);
        }
        json!({ "status": if fits { "Accepted" } else { "Rejected" } })
    }

    fn sign(&self, common: &mut Common, payload: &Value) -> Value {
        let now = common.clock.now().wall;
        let signed = certificates::sign(common.authority.as_ref(), payload, self.combined, now);
        let status = if signed.is_some() { "Accepted" } else { "Rejected" };
        if let Some(signed) = signed {
            common.call("CertificateSigned", signed);
        }
        json!({ "status": status })
    }
}

/// What is said of a token (C01.FR.06, C01.FR.07).
fn token_info(tokens: &Tokens, token: &Value) -> Value {
    // Whoever pays at a terminal, at a kiosk or on a page is authorised by that (C18.FR.03).
    if token["type"] == "NoAuthorization" || token["type"] == "DirectPayment" {
        return json!({ "status": "Accepted" });
    }
    let judged = tokens.judge(token["idToken"].as_str().unwrap_or_default(), token["type"].as_str());
    let mut info = json!({ "status": judged.status });
    if let Some(group) = judged.group {
        info["groupIdToken"] = json!({ "idToken": group, "type": "Central" });
    }
    info
}

impl Dialect for Csms {
    fn permits(&self, common: &Common, action: &str, payload: &Value) -> bool {
        let report = (action == "NotifyReport").then(|| payload["requestId"].to_string());
        common.registration.permits(action, report.as_deref().unwrap_or(action))
    }

    fn respond(&mut self, common: &mut Common, action: &str, payload: &Value) -> Value {
        self.smart_charging.told(action, payload);
        match action {
            "BootNotification" => self.boot(common, payload),
            "Heartbeat" => json!({ "currentTime": common.wall() }),
            "NotifyReport" => self.variables.reported(payload),
            "NotifyMonitoringReport" => {
                self.monitors.reported(payload);
                json!({})
            }
            "NotifyEvent" => self.variables.happened(payload),
            "Authorize" => self.authorize(common, payload, &[]),
            "TransactionEvent" => self.transaction_event(common, payload),
            "ReservationStatusUpdate" => {
                self.reservations.told(payload);
                json!({})
            }
            "VatNumberValidation" => payments::vat_number(payload),
            "NotifySettlement" => payments::settled(&self.variables, payload),
            "SignCertificate" => self.sign(common, payload),
            "DataTransfer" => json!({ "status": "UnknownVendorId" }),
            "NotifyEVChargingNeeds" => self.charging_needs(common, payload),
            "NotifyEVChargingSchedule" => self.ev_schedule(common, payload),
            "GetCertificateStatus" => contracts::status(&[]),
            "Get15118EVCertificate" => self.contract_pool.answer(payload),
            "PullDynamicScheduleUpdate" => self.dynamic_profiles.pulled(payload),
            "OpenPeriodicEventStream" => self.event_streams.open(payload),
            "ClosePeriodicEventStream" => self.event_streams.close(payload),
            _ => json!({}),
        }
    }

    fn inquiries(&self, common: &Common, action: &str, payload: &Value) -> Vec<Value> {
        contracts::inquiries(common, action, payload)
    }

    fn conclude(
        &mut self,
        common: &mut Common,
        action: &str,
        payload: &Value,
        found: &[Option<CertificateStatus>],
    ) -> Value {
        match action {
            "Authorize" => self.authorize(common, payload, found),
            "GetCertificateStatus" => contracts::status(found),
            _ => self.respond(common, action, payload),
        }
    }

    /// B03.FR.03
    fn forbids(&self, common: &Common, action: &str, payload: &Value) -> Option<&'static str> {
        let rejected =
            common.registration.is("Rejected").then_some("the station is rejected: nothing may be sent to it");
        rejected
            .or_else(|| self.smart_charging.forbids(action, payload))
            .or_else(|| profile_rules::forbids(&self.variables, &payload["chargingProfile"]))
            .or_else(|| self.dynamic_profiles.forbids(action, payload))
            .or_else(|| self.event_streams.forbids(action, payload))
            .or_else(|| der_controls::forbids(action, payload))
            .or_else(|| battery_swaps::forbids(&common.tokens, action, payload))
    }

    fn split(&self, action: &str, payload: Value) -> Vec<Value> {
        item_limits::split(&self.variables, action, payload)
    }

    fn complete(&self, common: &mut Common, action: &str, payload: &mut Value) {
        let number = common.number();
        for name in ["requestId", "remoteStartId"] {
            if common.protocol.messages().requires(action, name) && payload.get(name).is_none() {
                payload[name] = number.into();
            }
        }
        der_controls::complete(action, payload, number);
        if action == "SetChargingProfile" && payload["chargingProfile"].is_object() {
            let profile = &payload["chargingProfile"];
            if profile.get("id").is_none() {
                let new = profile_rules::free_id(&self.variables, i64::try_from(number).unwrap_or(1));
                let id = self.smart_charging.twin(payload).filter(|id| !profile_rules::is_own_id(&self.variables, *id));
                payload["chargingProfile"]["id"] = id.unwrap_or(new).into();
            }
        }
        if action == "ReserveNow" {
            if payload.get("id").is_none() {
                payload["id"] = self.reservations.free_id(i64::try_from(number).unwrap_or(1)).into();
            }
            if payload.get("expiryDateTime").is_none() {
                let expiry = common.clock.now().wall + RESERVED;
                payload["expiryDateTime"] = ocpp_time(expiry).into();
            }
        }
    }

    fn prepare(&self, common: &mut Common, action: &str, payload: &Value) {
        if action == "DeleteCertificate" && self.certificates.must_look(payload) {
            common.call("GetInstalledCertificateIds", json!({}));
        }
    }

    /// What a CALL asks for will be let in.
    fn asked(&mut self, common: &mut Common, action: &str, payload: &Value) {
        let wanted = match action {
            "TriggerMessage" => match payload["requestedMessage"].as_str().unwrap_or_default() {
                message @ ("SignChargingStationCertificate" | "SignV2GCertificate" | "SignCombinedCertificate") => {
                    self.combined = message == "SignCombinedCertificate";
                    "SignCertificate".to_owned()
                }
                other => other.to_owned(),
            },
            "GetBaseReport" | "GetReport" => payload["requestId"].to_string(),
            _ => return,
        };
        common.registration.allow(wanted);
    }

    fn answered(&mut self, common: &mut Common, action: &str, request: &Value, response: &Value) {
        self.variables.answered(action, request, response);
        self.certificates.answered(action, request, response);
        self.monitors.answered(action, request, response);
        self.smart_charging.answered(action, request, response);
        self.reservations.answered(action, request, response);
        self.energy_transfers.answered(action, request, response);
        self.dynamic_profiles.answered(action, request, response);
        self.dynamic_profiles.keep(|id| self.smart_charging.has(id));
        self.payments.answered(action, request, response);
        if let Some(update) = self.customers.answered(action, request, response) {
            common.call("SendLocalList", update);
        }
        match action {
            "SetNetworkProfile" if response["status"] == "Accepted" => {
                let slot = request["configurationSlot"].as_i64().unwrap_or_default();
                let profile = request["connectionData"]["securityProfile"].as_u64().unwrap_or_default();
                common.endpoints.slot_was_set(slot, u8::try_from(profile).unwrap_or_default());
                common.endpoints_changed = true;
            }
            // From now on only the new credentials are right (A01.FR.03).
            "SetVariables" => {
                if let Some(password) = variables::new_password(request, response) {
                    common.endpoints.set_password(password);
                    common.endpoints_changed = true;
                }
            }
            _ => {}
        }
    }

    fn set(&mut self, setting: Setting, value: &str) -> ActionOutcome {
        match (setting, Policy::named(value)) {
            (Setting::EnergyTransfer, Some(policy)) => self.energy_transfers.policy = policy,
            (Setting::EvSchedules, _) => self.energy_transfers.without_profiles = value == "none",
            _ => return ActionOutcome::NotPossible(format!("`{}` can't be `{value}`", setting.word())),
        }
        ActionOutcome::Done
    }

    fn operated(
        &mut self,
        common: &mut Common,
        action: &str,
        parameters: &Map<String, Value>,
    ) -> Option<ActionOutcome> {
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        match action {
            "limit-transaction" => {
                let most = parameters.get("most").cloned().unwrap_or_default();
                let running = self.transactions.running().map(str::to_owned);
                self.limits.set(running.as_deref(), Map::from_iter([(text("limit").to_owned(), most)]));
            }
            "pay-at-kiosk" => {
                let evse = parameters.get("evse").and_then(Value::as_u64).unwrap_or_default();
                let start = self.payments.at_kiosk(common.number(), evse, text("card"));
                common.call("RequestStartTransaction", start);
            }
            "pay-on-page" => match self.visited(common, text("address")) {
                Ok(()) => {}
                Err(reason) => {
                    return Some(ActionOutcome::NotPossible(format!("the page refuses the QR code: {reason}")));
                }
            },
            "check-page-refused" => {
                if self.visited(common, text("address")).is_ok() {
                    return Some(ActionOutcome::Denied("the QR code leads to a page for payment".into()));
                }
            }
            _ => return None,
        }
        Some(ActionOutcome::Done)
    }

    fn shows(&self, component: &str, variable: &str, value: &str) -> ActionOutcome {
        self.variables.shows(component, variable, value)
    }

    fn shows_monitor(&self, asked: &Value) -> ActionOutcome {
        self.monitors.shows(asked)
    }
}
