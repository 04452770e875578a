//! What the central system asks, and what the charge point answers.

use serde_json::{Map, Value, json};

use super::{ChargePoint, boot::Registration, number, queue::Outgoing};
use crate::{link::Secret, protocol::frame::Frame, simulator::station::dialect::domain::Mutability};

impl ChargePoint {
    /// A frame from the central system.
    pub(super) fn received(&mut self, text: &str) {
        match Frame::parse(text, self.protocol.wire) {
            Err(error) => {
                if let Some(id) = error.call_id {
                    self.refuse(&id, self.protocol.error_codes.of_fault(error.fault), &error.reason);
                }
            }
            Ok(Frame::Call { id, action, payload }) => self.asked(&id, &action, &payload),
            Ok(Frame::CallResult { id, payload }) => {
                if let Some(outgoing) = self.take_outstanding(&id) {
                    self.answered(&outgoing, &payload);
                }
            }
            Ok(Frame::CallError { id, .. }) => {
                if let Some(outgoing) = self.take_outstanding(&id) {
                    self.not_processed(outgoing);
                }
            }
            // OCPP 1.6 has no other frames.
            Ok(Frame::CallResultError { .. } | Frame::Send { .. }) => {}
        }
    }

    fn answered(&mut self, outgoing: &Outgoing, response: &Value) {
        match outgoing.action {
            "BootNotification" => self.boot_answered(response),
            "Authorize" => self.authorize_answered(response),
            "StartTransaction" => self.start_answered(outgoing, response),
            "StopTransaction" => self.stop_answered(outgoing, response),
            "SignCertificate" => self.sign_answered(response),
            _ => {}
        }
    }

    fn refuse(&mut self, id: &str, code: &str, description: &str) {
        let frame = Frame::CallError {
            id: id.to_owned(),
            code: code.to_owned(),
            description: description.chars().take(255).collect(),
            details: Value::Object(Map::new()),
        };
        self.physical.send(frame.to_text());
    }

    fn asked(&mut self, id: &str, action: &str, payload: &Value) {
        // 4.2: while rejected nothing is answered.
        if self.registration == Registration::Rejected {
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
        if action == "SetChargingProfile" && self.features.smart_charging && self.has_no_such_connector(payload) {
            self.refuse(id, "PropertyConstraintViolation", "no such connector");
            return;
        }
        match self.respond(action, payload) {
            Some(response) => {
                self.physical.send(Frame::CallResult { id: id.to_owned(), payload: response }.to_text());
                self.afterwards(action, payload);
            }
            None => self.refuse(id, "NotSupported", "this charge point does not support it"),
        }
    }

    pub(super) fn respond(&mut self, action: &str, payload: &Value) -> Option<Value> {
        let status = |status: &str| json!({ "status": status });
        let accepted = |yes: bool| status(if yes { "Accepted" } else { "Rejected" });
        Some(match action {
            "ChangeAvailability" => status(self.change_availability(payload)),
            "ChangeConfiguration" => status(self.change_configuration(payload)),
            "GetConfiguration" => self.get_configuration(payload),
            "ClearCache" => {
                let enabled = self.configuration.is("AuthorizationCacheEnabled");
                if enabled {
                    self.cache.clear();
                }
                accepted(enabled)
            }
            "DataTransfer" => status("UnknownVendorId"),
            "RemoteStartTransaction" => accepted(self.startable(payload).is_some()),
            "RemoteStopTransaction" => accepted(self.stoppable(payload).is_some()),
            "Reset" => status("Accepted"),
            "UnlockConnector" => status(self.unlock(payload)),
            "TriggerMessage" if self.features.trigger => status(self.trigger(payload)),
            "GetLocalListVersion" => self.local_list_version(),
            "SendLocalList" => status(self.send_local_list(payload)),
            "ReserveNow" if self.configuration.knows("ReserveConnectorZeroSupported") => status(self.reserve(payload)),
            "ReserveNow" => status("Rejected"),
            "CancelReservation" => status(self.cancel_reservation(payload)),
            "UpdateFirmware" if self.features.firmware => json!({}),
            "GetDiagnostics" if self.features.diagnostics => self.get_diagnostics(payload),
            "SetChargingProfile" if self.features.smart_charging => status(self.set_charging_profile(payload)),
            "ClearChargingProfile" if self.features.smart_charging => status(self.clear_charging_profile(payload)),
            "GetCompositeSchedule" if self.features.smart_charging => self.composite_schedule(payload),
            _ if !self.features.security => return None,
            "ExtendedTriggerMessage" => status(self.extended_trigger(payload)),
            "InstallCertificate" => status(self.install_certificate(payload)),
            "GetInstalledCertificateIds" => self.installed_certificates(payload),
            "DeleteCertificate" => status(self.delete_certificate(payload)),
            "CertificateSigned" => status(self.certificate_signed(payload)),
            "GetLog" => self.get_log(payload),
            "SignedUpdateFirmware" if self.features.signed_firmware => status(self.signed_update(payload)),
            _ => return None,
        })
    }

    /// What follows once the answer is out.
    pub(super) fn afterwards(&mut self, action: &str, payload: &Value) {
        match action {
            "ChangeAvailability" => self.apply_availability(payload),
            "ChangeConfiguration" => self.setting_changed(payload),
            "RemoteStartTransaction" => self.remote_start(payload),
            "RemoteStopTransaction" => {
                if let Some(index) = self.stoppable(payload) {
                    self.stop(index, "Remote", None);
                }
            }
            "Reset" => self.begin_reset(payload),
            "UnlockConnector" => self.unlocked(payload),
            "TriggerMessage" => self.triggered(payload),
            "ReserveNow" => self.report_all(),
            "CancelReservation" => {
                if let Some(id) = number(payload, "reservationId") {
                    self.reservation_ends(id);
                }
            }
            "UpdateFirmware" => self.update_firmware(payload),
            "SetChargingProfile" | "ClearChargingProfile" => self.apply_limits(),
            "ExtendedTriggerMessage" => self.extended_triggered(payload),
            "CertificateSigned" => self.use_new_certificate(),
            "SignedUpdateFirmware" => self.begin_signed_update(payload),
            _ => {}
        }
    }

    // ---- configuration ----

    /// GetConfiguration (5.8).
    fn get_configuration(&self, payload: &Value) -> Value {
        let wanted: Vec<&str> = payload["key"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        let known: Vec<Value> = self
            .configuration
            .all()
            .iter()
            .filter(|setting| wanted.is_empty() || wanted.iter().any(|key| setting.key.eq_ignore_ascii_case(key)))
            .map(|setting| {
                let readonly = setting.mutability == Mutability::ReadOnly;
                let mut entry = json!({ "key": setting.key, "readonly": readonly });
                if setting.mutability != Mutability::WriteOnly {
                    entry["value"] = setting.value.clone().into();
                }
                entry
            })
            .collect();
        let unknown: Vec<&str> = wanted.into_iter().filter(|key| !self.configuration.knows(key)).collect();
        let mut response = json!({ "configurationKey": known });
        if !unknown.is_empty() {
            response["unknownKey"] = unknown.into();
        }
        response
    }

    /// ChangeConfiguration (5.3).
    fn change_configuration(&mut self, payload: &Value) -> &'static str {
        let text = |name: &str| payload[name].as_str().unwrap_or_default();
        let (key, value) = (text("key"), text("value"));
        if self.configuration.knows(key)
            && (Self::is_refused(key, value)
                || (key.eq_ignore_ascii_case("SecurityProfile") && !self.may_use_profile(value)))
        {
            return "Rejected";
        }
        self.configuration.change(key, value).word()
    }

    /// True for a password that has another form than hexadecimal digits for 16 to 20 bytes.
    fn is_refused(key: &str, value: &str) -> bool {
        key.eq_ignore_ascii_case("AuthorizationKey") && !Secret::authorization_key(value).is_hexadecimal()
    }

    fn setting_changed(&mut self, payload: &Value) {
        let text = |name: &str| payload[name].as_str().unwrap_or_default();
        let (key, value) = (text("key"), text("value"));
        let is = |name: &str| key.eq_ignore_ascii_case(name);
        // A value that was refused may be the one that the key has.
        if self.configuration.get(key) != value || Self::is_refused(key, value) {
            return;
        }
        if is("AuthorizationKey") || is("SecurityProfile") {
            self.security_changed(key, value);
            return;
        }
        if is("HeartbeatInterval") && self.online() {
            self.schedule_heartbeat();
        } else if is("ClockAlignedDataInterval") {
            self.schedule_aligned();
        } else if is("MeterValueSampleInterval") {
            for index in 0..self.sessions.len() {
                self.schedule_samples(index);
            }
        }
    }

    // ---- remote control ----

    /// The EVSE on which a RemoteStartTransaction can begin (5.11). Not before the charge point is accepted (4.2).
    fn startable(&mut self, payload: &Value) -> Option<usize> {
        let id_tag = payload["idTag"].as_str().unwrap_or_default();
        let parent = self.known(id_tag).and_then(|known| known.parent);
        let free = |at: &usize| {
            let index = self.connectors[*at].evse;
            self.can_begin(index)
                && self.connectors[*at].operative
                && !self.is_faulted(*at)
                && self.sessions[index].id_tag.is_none()
                && self.reservations_may_admit(*at, id_tag, parent.as_deref())
        };
        if self.registration != Registration::Accepted {
            return None;
        }
        let at = match payload.get("connectorId") {
            Some(_) => self.connector(number(payload, "connectorId")?).filter(free)?,
            None => (0..self.connectors.len()).find(free)?,
        };
        self.start_profile_fits(at, payload).then_some(self.connectors[at].evse)
    }

    fn remote_start(&mut self, payload: &Value) {
        let Some(index) = self.startable(payload) else { return };
        self.expect_profile(index, payload);
        let id_tag = payload["idTag"].as_str().unwrap_or_default().to_owned();
        let parent = self.known(&id_tag).and_then(|known| known.parent);
        // 5.13: a reservation for a group may be for an idTag whose parent is not known yet.
        let reserved = !self.reservations_admit(self.connector_in_use(index), &id_tag, parent.as_deref());
        if self.configuration.is("AuthorizeRemoteTxRequests") || reserved {
            self.request(index, id_tag);
        } else {
            self.authorize(index, id_tag, parent);
        }
    }

    fn stoppable(&self, payload: &Value) -> Option<usize> {
        let id = number(payload, "transactionId")?;
        self.running(id).filter(|_| self.registration == Registration::Accepted)
    }

    /// The connector of an UnlockConnector that has a lock.
    fn lock(&self, payload: &Value) -> Option<usize> {
        let at = self.connector(number(payload, "connectorId")?)?;
        (!self.physical.evses[self.connectors[at].evse].fixed_cable).then_some(at)
    }

    /// The answer to an UnlockConnector (5.18).
    fn unlock(&self, payload: &Value) -> &'static str {
        match self.lock(payload) {
            None => "NotSupported",
            Some(at) if self.physical.evses[self.connectors[at].evse].is_stuck(self.connectors[at].id) => {
                "UnlockFailed"
            }
            Some(_) => "Unlocked",
        }
    }

    /// A transaction on the connector ends, and the cable is free.
    fn unlocked(&mut self, payload: &Value) {
        let Some(at) = self.lock(payload) else { return };
        let index = self.connectors[at].evse;
        if self.sessions[index].transaction.as_ref().is_some_and(|transaction| transaction.connector == at) {
            self.stop(index, "UnlockCommand", None);
        }
        if self.unlock(payload) == "Unlocked" {
            self.physical.evses[index].cable_held = false;
            self.sessions[index].cable_of = None;
        }
    }
}
