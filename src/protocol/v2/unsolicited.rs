//! Messages that no step of a test case waits for: what each of them means for the verdict.
//!
//! There is one line with the reason for every request of OCPP 2.0.1, and one for every message that OCPP 2.1 adds. `docs/unsolicited-messages.md` is generated from it.

use serde_json::Value;

use crate::{
    protocol::{
        session::Call,
        unsolicited::{self, Line, Meaning, line},
    },
    verdict::Verdict,
};

/// What the meaning of a message may depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// A TransactionEvent is background if it carries meter values or a change of the charging state.
    Progress,
    /// A ChangeAvailability is background if it asks for the current state.
    Availability,
    /// A RequestStopTransaction is background if no such transaction is running.
    Transaction,
    /// A CertificateSigned is background if a signing request of ours is open.
    SigningRequest,
}

/// A line of a table.
pub type Unsolicited = Line<Condition>;

use Condition::{Availability, Progress, SigningRequest, Transaction};
use Meaning::{Background, Breach, Depends, Undecided};

/// Requests of a CSMS under test, and what our station does with them.
#[rustfmt::skip]
pub const OF_CSMS: &[Unsolicited] = &[
    line("CancelReservation", Background, "Our station answers Rejected if it has no such reservation (H02.FR.01)."),
    line("CertificateSigned", Depends(SigningRequest), "It answers a signing request (A02.FR.03, A03.FR.03). Without one there is no key that the certificate could belong to. After one it may arrive at any time (A02.FR.17)."),
    line("ChangeAvailability", Depends(Availability), "Asking for the current state is accepted and changes nothing (G03.FR.03, G04.FR.04). Any other change takes the connectors of the test case out of service, which our station refuses, or puts them back."),
    line("ClearCache", Background, "The CSMS may clear the cache at any time. No test case depends on its content."),
    line("ClearChargingProfile", Background, "Profiles may be managed at any time (K10.FR.02). Our station answers according to the profiles that it has (K10.FR.01)."),
    line("ClearDisplayMessage", Background, "Display messages may be managed at any time (O05.FR.01, O05.FR.02)."),
    line("ClearVariableMonitoring", Background, "Monitors may be managed at any time (N06.FR.01, N06.FR.02)."),
    line("CostUpdated", Background, "The CSMS sends the running cost whenever it considers that relevant (I02.FR.01)."),
    line("CustomerInformation", Background, "It may be requested at any time (N09.FR.02). Our station reports that it has no data (N09.FR.06)."),
    line("DataTransfer", Background, "Vendor-specific messages are outside of OCPP. Our station knows no vendor (P01.FR.05)."),
    line("DeleteCertificate", Background, "Certificates may be managed at any time (M04.FR.01). Our station does not delete the root that it connects with (M04.FR.03)."),
    line("GetBaseReport", Background, "Recommended for a station that is new or may have changed (B07.FR.14), and allowed while it is Pending (B02.FR.01)."),
    line("GetChargingProfiles", Background, "A query (K09.FR.06)."),
    line("GetCompositeSchedule", Background, "A query (K08.FR.01)."),
    line("GetDisplayMessages", Background, "A query (O03.FR.01)."),
    line("GetInstalledCertificateIds", Background, "A query (M03.FR.01)."),
    line("GetLocalListVersion", Background, "A query (D02.FR.01)."),
    line("GetLog", Background, "A query. Our station uploads logs only in the test cases about logs, and otherwise answers Rejected (N01.FR.05)."),
    line("GetMonitoringReport", Background, "A query, recommended after a reboot (N02.FR.01, N04.FR.19)."),
    line("GetReport", Background, "A query (B08.FR.01), also allowed while the station is Pending (B02.FR.01)."),
    line("GetTransactionStatus", Background, "A query (E14.FR.02)."),
    line("GetVariables", Background, "A query (B06.FR.01), also allowed while the station is Pending (B02.FR.01)."),
    line("InstallCertificate", Background, "Certificates may be managed at any time (M05.FR.01)."),
    line("PublishFirmware", Background, "It is meant for local controllers (L03.FR.05). Our station is none and answers Rejected."),
    line("RequestStartTransaction", Undecided, "The CSMS may start a transaction (F01.FR.01, F02.FR.09), but the test case plays transactions of its own and could not play this one. Our station answers Rejected."),
    line("RequestStopTransaction", Depends(Transaction), "A station has to obey if the transaction is running (F03.FR.07), which ends the transaction of the test case. Otherwise it is rejected and nothing happens (F03.FR.08)."),
    line("ReserveNow", Background, "Our station accepts reservations only in the test cases about them, and otherwise answers Rejected."),
    line("Reset", Undecided, "The CSMS may reset the station (B11.FR.01, B12.FR.02), but a reboot would destroy the state that the test case has set up. Our station answers Rejected."),
    line("SendLocalList", Background, "The list may be managed at any time (D01.FR.01)."),
    line("SetChargingProfile", Background, "The CSMS may set limits at any time, also for a running transaction (K01.FR.01, K01.FR.08)."),
    line("SetDisplayMessage", Background, "Display messages may be managed at any time (O01.FR.05)."),
    line("SetMonitoringBase", Background, "Monitors may be managed at any time (N03.FR.01)."),
    line("SetMonitoringLevel", Background, "Monitors may be managed at any time (N05.FR.01)."),
    line("SetNetworkProfile", Background, "It takes effect only after a reboot (B09.FR.01, B10.FR.04)."),
    line("SetVariableMonitoring", Background, "Monitors may be managed at any time (N04.FR.08)."),
    line("SetVariables", Background, "The CSMS may configure the station at any time (B05.FR.10), also while it is Pending (B02.FR.01). Our station does not accept another password, nor other start and stop points."),
    line("TriggerMessage", Background, "It requests a message, which our station then sends (F06.FR.05, F06.FR.10)."),
    line("UnlockConnector", Background, "It does not stop a transaction (F05.FR.02), and the cable stays where the test case has it."),
    line("UnpublishFirmware", Background, "It is meant for local controllers (L04.FR.03). Our station has published nothing."),
    line("UpdateFirmware", Undecided, "The CSMS may update the firmware (L01.FR.01), but the installation takes the station out of service and reboots it. Our station answers Rejected."),
];

/// Requests of a charging station under test.
#[rustfmt::skip]
pub const OF_STATION: &[Unsolicited] = &[
    line("Authorize", Breach, "It is for an identifier that somebody presents (C01.FR.04), and nobody presented one."),
    line("BootNotification", Breach, "It follows a boot (B01.FR.01, B01.FR.03): one that nobody asked for, or that came before what the test case waits for. After a mere reconnect it is only a remark, because Part 4 (5.3) merely advises against it."),
    line("ClearedChargingLimit", Background, "An external limit may be released at any time (K13.FR.02)."),
    line("DataTransfer", Background, "Vendor-specific messages are outside of OCPP (P02.FR.02)."),
    line("FirmwareStatusNotification", Background, "It reports the progress of an update that was requested earlier (L01.FR.01)."),
    line("Get15118EVCertificate", Background, "The station forwards a request of the EV (M01.FR.01, M02.FR.01)."),
    line("GetCertificateStatus", Background, "The station refreshes the status of its certificates, at least once a week (M06.FR.06, M06.FR.10)."),
    line("Heartbeat", Background, "It is sent after an interval and may be sent more often (G02.FR.02, G02.FR.07)."),
    line("LogStatusNotification", Background, "It reports the progress of an upload that was requested earlier (N01.FR.08)."),
    line("MeterValues", Background, "They are sent at the configured clock-aligned times (J01.FR.18)."),
    line("NotifyChargingLimit", Background, "An external limit may be imposed at any time (K12.FR.02)."),
    line("NotifyCustomerInformation", Breach, "It carries the requestId of a CustomerInformation (N09.FR.05), and none was sent."),
    line("NotifyDisplayMessages", Breach, "It carries the requestId of a GetDisplayMessages (O03.FR.05), and none was sent."),
    line("NotifyEVChargingNeeds", Background, "The EV decides when it communicates its needs (K15.FR.01)."),
    line("NotifyEVChargingSchedule", Background, "The EV decides when it communicates its schedule (K15.FR.10)."),
    line("NotifyEvent", Background, "Monitored and hard-wired events are reported when they happen (N07.FR.06)."),
    line("NotifyMonitoringReport", Breach, "It carries the requestId of a GetMonitoringReport (N02.FR.04), and none was sent."),
    line("NotifyReport", Breach, "It carries the requestId of a GetBaseReport or GetReport (B07.FR.04, B08.FR.04), and none was sent."),
    line("PublishFirmwareStatusNotification", Breach, "It reports the progress of publishing firmware (L03.FR.01), which nobody requested."),
    line("ReportChargingProfiles", Breach, "It carries the requestId of a GetChargingProfiles (K09.FR.01), and none was sent."),
    line("ReservationStatusUpdate", Breach, "It reports the end of a reservation (H01.FR.16, H01.FR.17), and nobody made one."),
    line("SecurityEventNotification", Background, "Security events are reported when they happen (A04.FR.01)."),
    line("SignCertificate", Background, "The station renews a certificate that expires within a month (A03.FR.02, A03.FR.03)."),
    line("StatusNotification", Background, "It is sent whenever a connector changes, and after a boot (G01.FR.03, B01.FR.05)."),
    line("TransactionEvent", Depends(Progress), "An update with meter values or a change of the charging state is sent when there is something to report (J02.FR.19). Any other event needs a cause that its triggerReason names (E01.FR.15)."),
];

/// Requests of a CSMS under test that OCPP 2.1 adds. Our station has none of these functions.
#[rustfmt::skip]
pub const NEW_OF_CSMS: &[Unsolicited] = &[
    line("AFRRSignal", Background, "A signal may come at any time (Q08.FR.12). Our station follows no signal and answers Rejected (Q08.FR.11)."),
    line("AdjustPeriodicEventStream", Background, "Event streams may be adjusted at any time (N14.FR.01). Our station has none and answers Rejected (N14.FR.02)."),
    line("ChangeTransactionTariff", Background, "The CSMS may change the tariff of a transaction (I11.FR.06). Our station takes it, unless the CSMS has disabled its tariffs (I11.FR.01)."),
    line("ClearDERControl", Background, "Our station has no DER controls and says so (R04.FR.42, R04.FR.43)."),
    line("ClearTariffs", Background, "Tariffs may be cleared at any time (I10.FR.01). Our station answers NoTariff if it has none (I10.FR.06)."),
    line("GetDERControl", Background, "A query (R04.FR.30, R04.FR.36)."),
    line("GetPeriodicEventStream", Background, "A query (N12.FR.01)."),
    line("GetTariffs", Background, "A query (I09.FR.01, I09.FR.03)."),
    line("NotifyAllowedEnergyTransfer", Background, "The list may change at any time (Q02.FR.05). Our station does not negotiate and answers Rejected."),
    line("NotifyWebPaymentStarted", Background, "It tells that a driver has begun to pay on a web page (C25.FR.21). Our station only answers it (C25.FR.27)."),
    line("RequestBatterySwap", Background, "Our station has no batteries and answers Rejected (S02.FR.04)."),
    line("SetDERControl", Background, "Our station supports no DER control and answers NotSupported (R04.FR.01)."),
    line("SetDefaultTariff", Background, "The CSMS may set tariffs at any time (I07.FR.10). Our station takes them, unless the CSMS has disabled its tariffs (I07.FR.01)."),
    line("UpdateDynamicSchedule", Background, "The values of a Dynamic profile may change at any time (K28.FR.06). Our station answers Rejected if it has no such profile (K28.FR.11)."),
    line("UsePriorityCharging", Background, "Our station has no profile for priority charging and says so (K21.FR.01, K21.FR.02)."),
];

/// Requests and SENDs of a charging station under test that OCPP 2.1 adds.
#[rustfmt::skip]
pub const NEW_OF_STATION: &[Unsolicited] = &[
    line("BatterySwap", Breach, "It reports batteries that were put in or taken out (S03.FR.01), and nobody swapped any."),
    line("ClosePeriodicEventStream", Background, "The station may close an event stream at any time (N13.FR.01)."),
    line("GetCertificateChainStatus", Background, "The station checks the certificates of an EV when it needs to (M07.FR.11)."),
    line("NotifyDERAlarm", Background, "The grid decides when a DER control takes effect (R05.FR.01)."),
    line("NotifyDERStartStop", Background, "A DER control starts and stops at its time (R04.FR.20)."),
    line("NotifyPeriodicEventStream", Background, "It carries the values of an event stream, sent at an interval (N15.FR.06). It is not answered (N15.FR.01)."),
    line("NotifyPriorityCharging", Breach, "It follows a UsePriorityCharging or a request of the driver (K21.FR.05, K22.FR.03), and there was neither."),
    line("NotifySettlement", Breach, "It reports the settlement of a payment (C21.FR.02), and nobody paid."),
    line("OpenPeriodicEventStream", Background, "The station may open an event stream for a monitor (N11.FR.02, N11.FR.03). It is rejected (N11.FR.05)."),
    line("PullDynamicScheduleUpdate", Background, "The station asks for updates of a dynamic profile at an interval (K28.FR.10). It is rejected (K28.FR.12)."),
    line("ReportDERControl", Breach, "It carries the requestId of a GetDERControl (R04.FR.31), and none was sent."),
    line("VatNumberValidation", Breach, "It is about a number that a driver has entered (C18.FR.08), and nobody entered one."),
];

/// What a condition is judged by.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Known {
    /// A signing request of our station waits for a certificate.
    pub(crate) awaits_certificate: bool,
    /// The request would change the state of a connector.
    pub(crate) changes_availability: bool,
    /// The request names a transaction that goes on.
    pub(crate) names_transaction: bool,
}

/// The line for an action, by who sends it. An action that a version does not have has been refused before.
pub fn of(action: &str, from_station: bool) -> Option<&'static Unsolicited> {
    let tables = if from_station { [OF_STATION, NEW_OF_STATION] } else { [OF_CSMS, NEW_OF_CSMS] };
    tables.into_iter().flatten().find(|line| line.action == action)
}

/// The verdict that a message leads to; none for background.
pub(super) fn verdict(line: &Unsolicited, call: &Call, known: Known) -> Option<Verdict> {
    line.verdict(|condition| match condition {
        Progress => (!tells_progress(&call.payload)).then_some(Verdict::Fail),
        Availability => known.changes_availability.then_some(Verdict::Inconclusive),
        Transaction => known.names_transaction.then_some(Verdict::Inconclusive),
        SigningRequest => (!known.awaits_certificate).then_some(Verdict::Fail),
    })
}

/// True for an update that only carries meter values or tells how the transaction charges.
fn tells_progress(event: &Value) -> bool {
    event["eventType"] == "Updated"
        && matches!(
            event["triggerReason"].as_str(),
            Some(
                "MeterValuePeriodic"
                    | "MeterValueClock"
                    | "ChargingStateChanged"
                    | "ChargingRateChanged"
                    | "SignedDataReceived"
                    | "EnergyLimitReached"
                    // OCPP 2.1.
                    | "OperationModeChanged"
                    | "RunningCost"
            )
        )
}

impl Condition {
    fn words(self) -> &'static str {
        match self {
            Progress => "background if it reports meter values or charging, otherwise fail",
            Availability => "background if nothing changes, otherwise inconclusive",
            Transaction => "background if no such transaction is running, otherwise inconclusive",
            SigningRequest => "background if a signing request is open, otherwise fail",
        }
    }
}

/// The tables as a page of the documentation, `docs/unsolicited-messages.md`.
pub fn page() -> String {
    let introduction = "# Unsolicited messages\n\n\
     A product may send more than a test case asks for. This page says, for every request of OCPP 2.0.1 and 2.1, what it means for the \
     verdict if no step of the main part waits for it, and why. The request is answered in any case. Outside of the main part it \
     has no influence on the verdict. Those of OCPP 1.6 have [a page of their own](unsolicited-messages-1.6.md).\n\n\
     - *background*: no influence on the verdict.\n\
     - *inconclusive*: it violates no requirement, but is incompatible with what the test case does. Keep the product from sending \
     it and run the test case again.\n\
     - *fail*: it violates a requirement, or reports something that did not happen.\n\n\
     If a step of the test case waits for a request with this action, but not for this one, the test case fails, unless the request \
     is background.\n\n\
     This page is generated from the tables in `src/protocol/v2/unsolicited.rs` by `UPDATE_DOCS=1 cargo test --lib unsolicited`.\n";
    unsolicited::page(
        introduction,
        &[
            ("Requests of a CSMS under test", OF_CSMS),
            ("Requests of a CSMS under test that OCPP 2.1 adds", NEW_OF_CSMS),
            ("Requests of a charging station under test", OF_STATION),
            ("Messages of a charging station under test that OCPP 2.1 adds", NEW_OF_STATION),
        ],
        Condition::words,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{OCPP_2_0_1, OCPP_2_1, Protocol};

    #[test]
    fn every_request_has_its_line_in_order() {
        let of = |protocol: &'static Protocol, from_station: bool| {
            let messages = protocol.messages();
            messages.actions().filter(move |action| messages.sent_by(action, from_station))
        };
        for (table, protocol, from_station) in [
            (OF_CSMS, &OCPP_2_0_1, false),
            (OF_STATION, &OCPP_2_0_1, true),
            (NEW_OF_CSMS, &OCPP_2_1, false),
            (NEW_OF_STATION, &OCPP_2_1, true),
        ] {
            let lines: Vec<&str> = table.iter().map(|line| line.action).collect();
            let is_new = protocol.version == OCPP_2_1.version;
            let mut all: Vec<&str> = of(protocol, from_station)
                .filter(|action| !is_new || !OCPP_2_0_1.messages().is_action(action))
                .collect();
            all.sort_unstable();
            assert_eq!(lines, all);
            for line in table {
                let ids = line.reason.matches(".FR.").count();
                let named: Vec<&str> = protocol.requirements().cited(line.reason).collect();
                assert!(ids == 0 || named.len() == ids, "{}: {named:?}", line.action);
                assert!(line.reason.ends_with('.') && !line.reason.contains('|'), "{}", line.action);
            }
        }
    }

    #[test]
    fn the_page_is_generated_from_the_tables() {
        unsolicited::assert_up_to_date("unsolicited-messages.md", &page());
    }
}
