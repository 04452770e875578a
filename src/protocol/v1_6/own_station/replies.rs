//! The requests of OCPP 1.6: how our charge point answers, what that changes, and which messages follow.

use serde_json::{Value, json};

use super::{Around, OwnStation, availability::unlock, status, triggers::FollowUp};
use crate::protocol::{own_registration::Status, session::Asked};

/// The name of a file that our charge point says it will upload.
const LOG_FILE: &str = "charge-point.log";

impl OwnStation {
    /// The answer to a CALL of the central system.
    pub(in crate::protocol::v1_6) fn reply(
        &self,
        around: &Around,
        action: &str,
        payload: &Value,
        asked: Asked,
    ) -> Value {
        let by_step = asked == Asked::ByStep;
        match action {
            "GetConfiguration" => self.get_configuration(around, payload),
            "ChangeConfiguration" => Self::change_configuration(around, payload, asked),
            "TriggerMessage" | "ExtendedTriggerMessage" => self.trigger(around, payload, asked),
            "GetLocalListVersion" => self.local_list_version(),
            "SendLocalList" => self.send_local_list(around, payload),
            "ClearCache" if !self.is_true(around, "AuthorizationCacheEnabled") => status("Rejected"),
            "SetChargingProfile" => self.set_charging_profile(around, payload),
            "ClearChargingProfile" => self.clear_charging_profile(payload),
            "GetCompositeSchedule" => self.composite_schedule(around, payload),
            "InstallCertificate" => self.install_certificate(around, payload),
            "GetInstalledCertificateIds" => self.installed_certificates(around, payload),
            "DeleteCertificate" => self.delete_certificate(around, payload),
            "CertificateSigned" => self.certificate_signed(asked),
            "ChangeAvailability" => self.change_availability(around, payload, asked),
            "UnlockConnector" => unlock(around, payload, asked),
            "ReserveNow" => self.reserve(around, payload, asked),
            "CancelReservation" => self.cancel_reservation(around, payload),
            // 4.2
            "RemoteStartTransaction" | "RemoteStopTransaction"
                if self.registration.status() == Some(Status::Pending) =>
            {
                status("Rejected")
            }
            "RemoteStopTransaction" => {
                let running = payload["transactionId"].as_i64().and_then(|id| around.connector_of(id));
                status(if running.is_some() { "Accepted" } else { "Rejected" })
            }
            "DataTransfer" => status("UnknownVendorId"),
            "UpdateFirmware" => json!({}),
            // 5.9: without a file there is no upload.
            "GetDiagnostics" if by_step => json!({ "fileName": LOG_FILE }),
            "GetDiagnostics" => json!({}),
            "GetLog" if by_step => json!({ "status": "Accepted", "filename": LOG_FILE }),
            // These would destroy the state of a test case that does not wait for them.
            "GetLog" | "Reset" | "RemoteStartTransaction" | "SignedUpdateFirmware" if !by_step => status("Rejected"),
            _ => status("Accepted"),
        }
    }

    /// Changes the state according to an answer.
    pub(in crate::protocol::v1_6) fn apply(&mut self, around: &Around, action: &str, request: &Value, reply: &Value) {
        match action {
            "ChangeConfiguration" => return self.keep_configuration(request, reply),
            "CertificateSigned" => return self.certificate_came(),
            _ if reply["status"] != "Accepted" => return,
            _ => {}
        }
        match action {
            "SendLocalList" => self.keep_local_list(around, request),
            "SetChargingProfile" => self.keep_charging_profile(around, request),
            "ClearChargingProfile" => self.forget_charging_profiles(request),
            "InstallCertificate" => self.keep_certificate(around, request),
            "DeleteCertificate" => self.forget_certificate(request),
            "ReserveNow" => self.keep_reservation(request),
            "CancelReservation" => self.forget_reservation(request),
            _ => {}
        }
    }

    /// The messages that an answer of the charge point promises.
    pub(in crate::protocol::v1_6) fn follow_ups(
        &mut self,
        around: &Around,
        action: &str,
        request: &Value,
        reply: &Value,
    ) -> Vec<FollowUp> {
        if reply["status"] != "Accepted" {
            return Vec::new();
        }
        match action {
            "TriggerMessage" | "ExtendedTriggerMessage" => self.triggered(around, action, request),
            "ChangeAvailability" => self.availability_changed(around, request),
            _ => Vec::new(),
        }
    }
}
