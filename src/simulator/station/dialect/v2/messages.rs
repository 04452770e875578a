//! What the CSMS asks, and what the station answers.

use serde_json::{Map, Value, json};

use super::{Boot, Outgoing, Station, swapping};
use crate::protocol::frame::Frame;

impl Station {
    /// A frame from the CSMS.
    pub(super) fn received(&mut self, text: &str) {
        match Frame::parse(text, self.protocol.wire) {
            Err(error) => {
                if let Some(id) = error.call_id {
                    self.refuse(&id, self.protocol.error_codes.of_fault(error.fault), &error.reason);
                }
            }
            Ok(Frame::Call { id, action, payload }) => self.asked(&id, &action, &payload, text.len()),
            Ok(Frame::CallResult { id, payload }) => {
                if let Some(outgoing) = self.take_outstanding(&id) {
                    self.answered(&outgoing, &payload);
                }
            }
            Ok(Frame::CallError { id, .. }) => {
                if let Some(outgoing) = self.take_outstanding(&id) {
                    self.not_accepted(outgoing);
                }
            }
            // A response that the CSMS could not process stays as it was, and what is not to be answered asks for nothing.
            Ok(Frame::CallResultError { .. } | Frame::Send { .. }) => {}
        }
    }

    fn answered(&mut self, outgoing: &Outgoing, response: &Value) {
        match outgoing.action {
            "BootNotification" => self.boot_answered(response),
            "Authorize" => self.authorize_answered(response),
            "TransactionEvent" => {
                self.cost_answered(&outgoing.payload, response);
                self.transaction_answered(&outgoing.payload, response);
                self.limits_answered(&outgoing.payload, response);
                self.settle(&outgoing.payload, response);
            }
            "VatNumberValidation" => self.vat_number_answered(&outgoing.payload, response),
            "SignCertificate" => self.sign_answered(&outgoing.payload, response),
            "Get15118EVCertificate" => self.contract_answered(response),
            "NotifyEVChargingNeeds" => self.needs_answered(&outgoing.payload, Some(response)),
            "GetCertificateStatus" => self.status_answered(&outgoing.payload, response),
            "PullDynamicScheduleUpdate" => self.update_pulled(&outgoing.payload, response),
            "OpenPeriodicEventStream" => self.stream_answered(&outgoing.payload, response),
            _ => {}
        }
    }

    fn refuse(&mut self, id: &str, code: &str, description: &str) {
        self.answer(&Frame::CallError {
            id: id.to_owned(),
            code: code.to_owned(),
            description: description.chars().take(255).collect(),
            details: Value::Object(Map::new()),
        });
    }

    fn asked(&mut self, id: &str, action: &str, payload: &Value, bytes: usize) {
        // B03.FR.08: while rejected nothing is answered but with SecurityError.
        if self.refuses_calls() || self.boot == Boot::Asked {
            self.refuse(id, "SecurityError", "the station is not accepted");
            return;
        }
        if !self.protocol.messages().is_action(action) {
            self.refuse(id, "NotImplemented", "no such action");
            return;
        }
        if let Some(error) = self.protocol.messages().validate(action, true, payload).first() {
            self.refuse(id, error.code, &error.message);
            return;
        }
        if let Some(code) = self.over_limit(action, payload, bytes) {
            self.refuse(id, code, "more than the device model allows in one message");
            return;
        }
        match self.respond(action, payload) {
            Some(response) => {
                self.answer(&Frame::CallResult { id: id.to_owned(), payload: response });
                self.afterwards(action, payload);
            }
            None => self.refuse(id, "NotSupported", "this station does not support it"),
        }
    }

    pub(super) fn respond(&mut self, action: &str, payload: &Value) -> Option<Value> {
        let status = |status: &str| json!({ "status": status });
        Some(match action {
            "GetVariables" => self.get_variables(payload),
            "SetVariables" => self.set_variables(payload),
            "GetBaseReport" | "GetReport" => self.report(action, payload),
            "Reset" => status(self.reset(payload)),
            "TriggerMessage" => status(self.trigger(payload)),
            "RequestStartTransaction" => self.request_start(payload),
            "RequestStopTransaction" => {
                let id = payload["transactionId"].as_str();
                let found = self
                    .evses
                    .iter()
                    .any(|evse| evse.transaction.as_ref().is_some_and(|tx| Some(tx.id.as_str()) == id));
                status(if found { "Accepted" } else { "Rejected" })
            }
            "ChangeAvailability" => status(self.change_availability(payload)),
            "UnlockConnector" => status(self.unlock(payload)),
            "ClearCache" => {
                let enabled = self.device.is("AuthCacheCtrlr", "Enabled");
                if enabled {
                    self.cache.clear();
                }
                status(if enabled { "Accepted" } else { "Rejected" })
            }
            "GetTransactionStatus" => self.transaction_status(payload),
            "SetNetworkProfile" => self.set_network_profile(payload),
            "InstallCertificate" => status(self.install_certificate(payload)),
            "GetInstalledCertificateIds" => self.installed_certificates(payload),
            "DeleteCertificate" => status(self.delete_certificate(payload)),
            "CertificateSigned" => status(self.certificate_signed(payload)),
            "GetLog" => self.get_log(payload),
            "UpdateFirmware" => status(self.update_firmware(payload)),
            "SendLocalList" if self.has_local_list() => status(self.send_local_list(payload)),
            "GetLocalListVersion" if self.has_local_list() => self.local_list_version(),
            "SetChargingProfile" if self.charges_smartly() => self.set_charging_profile(payload),
            "ClearChargingProfile" if self.charges_smartly() => status(self.clear_charging_profiles(payload)),
            "GetChargingProfiles" if self.charges_smartly() => status(self.get_charging_profiles(payload)),
            "GetCompositeSchedule" if self.charges_smartly() => self.composite_schedule(payload),
            "UsePriorityCharging" if self.charges_smartly() => self.use_priority_charging(payload),
            "UpdateDynamicSchedule" if self.charges_smartly() => self.update_dynamic_schedule(payload),
            "SetVariableMonitoring" if self.has_monitoring() => self.set_monitors(payload),
            "ClearVariableMonitoring" if self.has_monitoring() => self.clear_monitors(payload),
            "GetPeriodicEventStream" if self.has_monitoring() => self.get_streams(),
            "AdjustPeriodicEventStream" if self.has_monitoring() => self.adjust_stream(payload),
            "SetMonitoringBase" if self.has_monitoring() => self.set_monitoring_base(payload),
            "SetMonitoringLevel" if self.has_monitoring() => self.set_monitoring_level(payload),
            "GetMonitoringReport" if self.has_monitoring() => self.monitoring_report(payload),
            "CostUpdated" if self.shows_costs() || self.limits_costs() => json!({}), // I02.FR.02, E16.FR.15
            "ReserveNow" if self.has_reservations() => status(self.reserve(payload)),
            "CancelReservation" if self.has_reservations() => status(self.cancel_reservation(payload)),
            "CustomerInformation" => status(Self::customer_information(payload)),
            "SetDisplayMessage" if self.has_display() => self.set_display_message(payload),
            "GetDisplayMessages" if self.has_display() => status(self.get_display_messages(payload)),
            "ClearDisplayMessage" if self.has_display() => status(self.clear_display_message(payload)),
            "AFRRSignal" if self.is_bidirectional() => self.reserve_signal(payload),
            "RequestBatterySwap" if swapping::is_supported(&self.pics) => self.request_swap(),
            "NotifyAllowedEnergyTransfer" => status(self.allowed_transfer(payload)),
            "SetDERControl" if self.controls_der() => self.set_der_control(payload),
            "GetDERControl" if self.controls_der() => status(self.get_der_controls(payload)),
            "ClearDERControl" if self.controls_der() => status(self.clear_der_controls(payload)),
            "SetDefaultTariff" if self.takes_tariffs() => self.set_default_tariff(payload),
            "GetTariffs" if self.has_tariffs() => self.get_tariffs(payload),
            "ClearTariffs" if self.has_tariffs() => self.clear_tariffs(payload),
            "ChangeTransactionTariff" if self.takes_tariffs() => self.change_transaction_tariff(payload),
            "NotifyWebPaymentStarted" => return self.web_payment_started(payload),
            "DataTransfer" => status("UnknownVendorId"),
            _ => return None,
        })
    }

    /// What follows once the answer is out.
    pub(super) fn afterwards(&mut self, action: &str, payload: &Value) {
        match action {
            "GetBaseReport" | "GetReport" => self.send_report(action, payload),
            "GetMonitoringReport" => self.send_monitoring_report(payload),
            "TriggerMessage" => self.triggered(payload),
            "UpdateFirmware" => self.firmware_asked(payload),
            "RequestStartTransaction" => {
                let token = payload["idToken"].clone();
                if self.request_start(payload)["status"] != "Accepted" {
                    return;
                }
                if let (Some(index), Some(remote)) = (self.startable(payload), payload["remoteStartId"].as_i64()) {
                    let profile = payload.get("chargingProfile").filter(|_| self.charges_smartly());
                    self.evses[index].profile_to_come = profile.cloned();
                    self.remote_start(index, token, payload.get("groupIdToken").cloned(), remote);
                }
            }
            "RequestStopTransaction" => {
                let id = payload["transactionId"].as_str();
                let index = self
                    .evses
                    .iter()
                    .position(|evse| evse.transaction.as_ref().is_some_and(|running| Some(running.id.as_str()) == id));
                if let Some(index) = index {
                    self.stop_authorization(index, None, true);
                }
            }
            "ChangeAvailability" => self.apply_availability(payload),
            "CostUpdated" => self.cost_updated(payload),
            "ChangeTransactionTariff" => self.tariff_changes(payload),
            "ReserveNow" => self.make_reservation(payload),
            "CancelReservation" => self.forget_reservation(payload),
            "SetVariables" => self.variables_were_set(payload),
            "Reset" => self.begin_reset(payload),
            "CertificateSigned" => {
                self.use_new_certificate();
                self.refresh_statuses();
            }
            "CustomerInformation" => self.tell_customer_information(payload),
            "UsePriorityCharging" => self.priority_asked(payload),
            "SetVariableMonitoring" | "ClearVariableMonitoring" | "SetMonitoringBase" => self.settle_streams(),
            "UpdateDynamicSchedule" => {
                self.await_updates(&payload["chargingProfileId"]);
                self.apply_limits();
            }
            "SetChargingProfile" | "ClearChargingProfile" => {
                self.give_external_values(&payload["chargingProfile"]["id"]);
                self.await_updates(&payload["chargingProfile"]["id"]);
                self.apply_limits();
                self.give_schedules();
            }
            "GetChargingProfiles" => self.report_charging_profiles(payload),
            "GetDisplayMessages" => self.notify_display_messages(payload),
            "NotifyAllowedEnergyTransfer" => self.renegotiate_transfer(payload),
            "AFRRSignal" => self.apply_limits(),
            "SetDERControl" | "ClearDERControl" => self.der_due(),
            "GetDERControl" => self.report_der_controls(payload),
            _ => {}
        }
    }

    // ---- remote control ----

    /// The EVSE on which a remote start can begin.
    fn startable(&self, payload: &Value) -> Option<usize> {
        let (token, group) = (&payload["idToken"], payload.get("groupIdToken"));
        let free = |index: &usize| {
            let evse = &self.evses[*index];
            let taken = evse.authorized.is_some() || evse.claimed.is_some();
            !taken && self.usable(*index) && self.is_open_to(*index, token, group)
        };
        match payload["evseId"].as_u64() {
            Some(evse) => self.physical.index_of(u32::try_from(evse).ok()?).filter(free),
            None => self.reserved_for(token).filter(free).or_else(|| (0..self.evses.len()).find(free)),
        }
    }

    pub(super) fn request_start(&self, payload: &Value) -> Value {
        // B02.FR.05: no transactions before acceptance.
        let index = self.startable(payload).filter(|_| self.boot == Boot::Accepted);
        let Some(index) = index else { return json!({ "status": "Rejected" }) };
        let profile = payload.get("chargingProfile");
        if let Some(reason) = profile.and_then(|profile| self.start_profile_refused(index, profile)) {
            return json!({ "status": "Rejected", "statusInfo": { "reasonCode": reason } });
        }
        let mut response = json!({ "status": "Accepted" });
        if let Some(running) = &self.evses[index].transaction {
            response["transactionId"] = running.id.clone().into();
        }
        response
    }

    fn transaction_status(&self, payload: &Value) -> Value {
        let queued = |id: Option<&str>| {
            let its = |outgoing: &Outgoing| {
                outgoing.action == "TransactionEvent"
                    && id.is_none_or(|id| outgoing.payload["transactionInfo"]["transactionId"] == id)
            };
            self.transaction_queue.iter().any(its)
                || self.outstanding.as_ref().is_some_and(|(_, outgoing)| its(outgoing))
        };
        match payload["transactionId"].as_str() {
            None => json!({ "messagesInQueue": queued(None) }),
            Some(id) => {
                let running = self.evses.iter().any(|evse| evse.transaction.as_ref().is_some_and(|tx| tx.id == id));
                let known = running || self.ended.iter().any(|ended| ended == id);
                if known {
                    json!({ "ongoingIndicator": running, "messagesInQueue": queued(Some(id)) })
                } else {
                    json!({ "ongoingIndicator": false, "messagesInQueue": false })
                }
            }
        }
    }
}
