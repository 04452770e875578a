//! The requests of OCPP 2.x: how our station answers, what that changes, and which messages follow.

use serde_json::{Value, json};

use super::{Around, Asked, OwnStation, Status, customers, device::Device, follow_up::FollowUp, refused, status};

impl OwnStation {
    /// The answer to a CALL of the CSMS.
    pub(crate) fn reply(&self, around: &Around, action: &str, payload: &Value, asked: Asked) -> Value {
        match action {
            "GetVariables" => self.get_variables(around, payload),
            "SetVariables" => self.set_variables(around, payload, asked),
            "GetBaseReport" | "GetReport" => self.report(around, action, payload),
            "SetVariableMonitoring" => self.set_monitors(around, payload),
            "ClearVariableMonitoring" => self.clear_monitors(payload),
            "GetMonitoringReport" => self.monitoring_report(around, payload),
            "SetMonitoringLevel" => Self::set_monitoring_level(payload),
            "TriggerMessage" => self.trigger(around, payload),
            "SetNetworkProfile" => self.set_network_profile(around, payload),
            "GetLocalListVersion" => self.local_list_version(around),
            "SendLocalList" => self.send_local_list(around, payload),
            "ClearCache" if !Device::new(self, around).is_enabled("AuthCacheCtrlr") => {
                refused("Rejected", "NotEnabled")
            }
            "GetTransactionStatus" => transaction_status(around, payload),
            "SetChargingProfile" => self.set_charging_profile(around, payload),
            "GetChargingProfiles" => self.get_charging_profiles(around, payload),
            "ClearChargingProfile" => self.clear_charging_profile(payload),
            "GetCompositeSchedule" => self.composite_schedule(around, payload),
            "SetDisplayMessage" => self.set_display_message(around, payload),
            "GetDisplayMessages" => self.get_display_messages(around, payload),
            "ClearDisplayMessage" => self.clear_display_message(around, payload),
            "CustomerInformation" => customers::answer(payload),
            "InstallCertificate" => self.install_certificate(around, payload),
            "GetInstalledCertificateIds" => self.installed_certificates(around, payload),
            "DeleteCertificate" => self.delete_certificate(around, payload),
            "CertificateSigned" => self.certificate_signed(asked),
            "ChangeAvailability" => self.change_availability(around, payload, asked),
            // B02.FR.05
            "RequestStartTransaction" | "RequestStopTransaction"
                if self.registration.status() == Some(Status::Pending) =>
            {
                refused("Rejected", "CSNotAccepted")
            }
            "RequestStopTransaction" => stop(around, payload),
            "UnlockConnector" => unlock(around, payload),
            "CostUpdated" => json!({}), // I02.FR.02
            "DataTransfer" => status("UnknownVendorId"),
            "ReserveNow" => self.reserve(around, payload, asked),
            "CancelReservation" => self.cancel_reservation(around, payload),
            // Publishing firmware is not supported.
            "PublishFirmware" => refused("Rejected", "UnsupportedRequest"),
            "UnpublishFirmware" => status("NoFirmware"),
            "GetLog" => refused("Rejected", "NotFound"), // N01.FR.05
            // What OCPP 2.1 adds, of which our station has no function.
            "AFRRSignal" => refused("Rejected", "NoSignalWattCurve"), // Q08.FR.11
            "AdjustPeriodicEventStream" => refused("Rejected", "NotFound"), // N14.FR.02
            "GetPeriodicEventStream" | "NotifyWebPaymentStarted" => json!({}), // N12.FR.01, C25.FR.27
            "SetDefaultTariff" => self.set_default_tariff(around, payload),
            "ChangeTransactionTariff" => self.change_transaction_tariff(around, payload),
            "ClearTariffs" => self.clear_tariffs(payload),
            "GetTariffs" => self.get_tariffs(payload),
            "SetDERControl" => status("NotSupported"), // R04.FR.01
            "GetDERControl" | "ClearDERControl" => der_control(action, payload),
            "NotifyAllowedEnergyTransfer" => refused("Rejected", "UnsupportedRequest"),
            "RequestBatterySwap" => refused("Rejected", "NoBatteryAvailable"), // S02.FR.04
            "UpdateDynamicSchedule" => self.update_dynamic_schedule(payload),
            "UsePriorityCharging" => priority_charging(around, payload),
            // These would destroy the state of a test case that does not wait for them.
            "Reset" | "RequestStartTransaction" | "UpdateFirmware" if asked == Asked::Unasked => {
                refused("Rejected", "Unspecified")
            }
            "RequestStartTransaction" => self.request_start(around, payload),
            _ => status("Accepted"),
        }
    }

    /// Why our station answers with a CALLERROR, where the specification has no other answer for one without the function: the code,
    /// and words for it.
    pub(crate) fn declines(&self, around: &Around, action: &str) -> Option<(&'static str, &'static str)> {
        // I07.FR.01, I11.FR.01
        let about_tariffs = matches!(action, "SetDefaultTariff" | "ChangeTransactionTariff");
        (about_tariffs && !self.has_tariffs(around)).then_some(("NotSupported", "the station uses no tariffs"))
    }

    /// Changes the state according to an answer; `own` is true if the station composed it.
    pub(crate) fn apply(&mut self, around: &Around, action: &str, request: &Value, reply: &Value, own: bool) {
        match action {
            "SetVariables" => return self.keep_variables(around, request, reply),
            "ClearVariableMonitoring" => return self.forget_monitors(reply),
            // If the test case accepts a monitor, it also sends the events of that monitor.
            "SetVariableMonitoring" if own => return self.keep_monitors(around, request),
            "CertificateSigned" => return self.certificate_came(),
            "ClearTariffs" => return self.forget_tariffs(reply),
            // What the test case says to be unknown is not there.
            "ClearChargingProfile" if reply["status"] == "Unknown" => return self.forget_charging_profiles(request),
            _ => {}
        }
        if reply["status"] != "Accepted" {
            return;
        }
        match action {
            "SetMonitoringBase" => self.keep_monitoring_base(request),
            "SetMonitoringLevel" => self.keep_monitoring_level(request),
            "SetNetworkProfile" => self.keep_network_profile(around, request),
            "SendLocalList" => self.keep_local_list(around, request),
            "SetChargingProfile" => self.keep_charging_profile(around, request),
            "ClearChargingProfile" => self.forget_charging_profiles(request),
            "RequestStartTransaction" => self.await_transaction(around, request),
            "SetDisplayMessage" => self.keep_display_message(around, request),
            "ClearDisplayMessage" => self.forget_display_message(request),
            "InstallCertificate" => self.keep_certificate(around, request),
            "DeleteCertificate" => self.forget_certificate(request),
            "ReserveNow" => self.keep_reservation(request),
            "SetDefaultTariff" => self.keep_default_tariff(around, request),
            "CancelReservation" => self.reservations.ends(request),
            _ => {}
        }
    }

    /// The messages that an answer of the station promises.
    pub(crate) fn follow_ups(
        &mut self,
        around: &Around,
        action: &str,
        request: &Value,
        reply: &Value,
    ) -> Vec<FollowUp> {
        if action == "SetVariableMonitoring" {
            return self.monitor_events(around); // a threshold may be exceeded already
        }
        if reply["status"] != "Accepted" {
            return Vec::new();
        }
        match action {
            "GetBaseReport" | "GetReport" => self.reported(around, action, request),
            "GetMonitoringReport" => self.monitors_reported(around, request),
            "TriggerMessage" => self.triggered(around, request),
            "GetChargingProfiles" => self.profiles_reported(request),
            "GetDisplayMessages" => self.displayed(around, request),
            "CustomerInformation" => vec![customers::notified(around, request)],
            "ChangeAvailability" => self.availability_changed(around, request),
            "ReserveNow" | "CancelReservation" => self.reservations_changed(around, action),
            _ => Vec::new(),
        }
    }
}

/// E14.FR.01 to E14.FR.08; the message queue is always empty.
fn transaction_status(around: &Around, payload: &Value) -> Value {
    let mut answer = json!({ "messagesInQueue": false });
    if let Some(id) = payload["transactionId"].as_str() {
        answer["ongoingIndicator"] = around.running(id).is_some().into();
    }
    answer
}

/// R04.FR.30, R04.FR.36, R04.FR.42 to R04.FR.44: there are no DER controls.
fn der_control(action: &str, payload: &Value) -> Value {
    match (payload.get("controlType"), payload.get("controlId")) {
        (Some(_), None) => status("NotSupported"),
        (None, None) if action == "ClearDERControl" => status("Accepted"),
        _ => status("NotFound"),
    }
}

/// K21.FR.01, K21.FR.02
fn priority_charging(around: &Around, payload: &Value) -> Value {
    match payload["transactionId"].as_str().and_then(|id| around.running(id)) {
        Some(_) => refused("NoProfile", "NotFound"),
        None => refused("Rejected", "TxNotFound"),
    }
}

/// F03.FR.07, F03.FR.08
fn stop(around: &Around, payload: &Value) -> Value {
    match payload["transactionId"].as_str().and_then(|id| around.running(id)) {
        Some(_) => status("Accepted"),
        None => refused("Rejected", "UnknownTxId"),
    }
}

/// F05.FR.02 to F05.FR.04
fn unlock(around: &Around, payload: &Value) -> Value {
    let (evse, connector) = (payload["evseId"].as_u64(), payload["connectorId"].as_u64());
    if !around.connectors().any(|(of, one)| Some(of) == evse && Some(one) == connector) {
        return status("UnknownConnector");
    }
    let authorized = evse.and_then(|evse| around.running_at(evse)).is_some_and(|one| one.authorized);
    status(if authorized { "OngoingAuthorizedTransaction" } else { "Unlocked" })
}
