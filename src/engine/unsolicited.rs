//! Messages that no step of a test case waits for: what each of them means for the verdict.
//!
//! One table for all requests of OCPP 2.0.1, a line each with the reason. `docs/unsolicited-messages.md` is made of it.

use std::fmt::Write as _;

use serde_json::Value;

use super::conversation::Call;
use crate::{ocpp::requirements, verdict::Verdict};

/// What an unsolicited message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// It is answered, and says nothing: who sends it may do so at any time.
    Background,
    /// It breaks no requirement, but what it wants can't go with what the test case does: inconclusive.
    Undecided,
    /// It breaks a requirement, or says of itself that something happened which did not: a failure.
    Breach,
    /// It depends on what is in it.
    Depends(Condition),
}

/// On what it depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// A TransactionEvent is background where the transaction tells its values or how it charges.
    Progress,
    /// A ChangeAvailability is background where it asks for the state that there is.
    Availability,
    /// A RequestStopTransaction is background where there is no such transaction.
    Transaction,
    /// A CertificateSigned is background where a signing request of ours has not been answered with one.
    SigningRequest,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub struct Unsolicited {
    /// The action of the request.
    pub action: &'static str,
    /// What it means.
    pub meaning: Meaning,
    /// Why, with the requirements.
    pub reason: &'static str,
}

const fn line(action: &'static str, meaning: Meaning, reason: &'static str) -> Unsolicited {
    Unsolicited { action, meaning, reason }
}

use Condition::{Availability, Progress, SigningRequest, Transaction};
use Meaning::{Background, Breach, Depends, Undecided};

/// Requests of a CSMS under test, and what our station does with them.
#[rustfmt::skip]
pub const OF_CSMS: &[Unsolicited] = &[
    line("CancelReservation", Background, "Our station has no reservation, and says so (H02.FR.01)."),
    line("CertificateSigned", Depends(SigningRequest), "It answers a signing request (A02.FR.03, A03.FR.03); without one there is no key that the certificate could be for. After one it may take its time (A02.FR.17)."),
    line("ChangeAvailability", Depends(Availability), "The state that there is already is accepted and changes nothing (G03.FR.03, G04.FR.04). Another one takes the connectors that the test case uses out of service or puts them back: our station refuses to be taken out."),
    line("ClearCache", Background, "The CSMS may clear the cache whenever it likes; nothing of a test case rests on it."),
    line("ClearChargingProfile", Background, "Profiles are managed at any time (K10.FR.02); our station answers by what it has (K10.FR.01)."),
    line("ClearDisplayMessage", Background, "Messages on the display are managed at any time (O05.FR.01, O05.FR.02)."),
    line("ClearVariableMonitoring", Background, "Monitors are managed at any time (N06.FR.01, N06.FR.02)."),
    line("CostUpdated", Background, "The CSMS tells the running cost at the moments that it thinks relevant (I02.FR.01)."),
    line("CustomerInformation", Background, "Asked for at any time (N09.FR.02); our station tells that it has none (N09.FR.06)."),
    line("DataTransfer", Background, "What vendors agree on is no part of OCPP; our station knows no vendor (P01.FR.05)."),
    line("DeleteCertificate", Background, "Certificates are managed at any time (M04.FR.01); our station keeps the root that it connects with (M04.FR.03)."),
    line("GetBaseReport", Background, "Advised for a new station, and for one that may have changed (B07.FR.14); also while it is Pending (B02.FR.01)."),
    line("GetChargingProfiles", Background, "It only asks (K09.FR.06)."),
    line("GetCompositeSchedule", Background, "It only asks (K08.FR.01)."),
    line("GetDisplayMessages", Background, "It only asks (O03.FR.01)."),
    line("GetInstalledCertificateIds", Background, "It only asks (M03.FR.01)."),
    line("GetLocalListVersion", Background, "It only asks (D02.FR.01)."),
    line("GetLog", Background, "It only asks; our station has no log but for the test cases about logs (N01.FR.05)."),
    line("GetMonitoringReport", Background, "It only asks, and is advised after a reboot (N02.FR.01, N04.FR.19)."),
    line("GetReport", Background, "It only asks (B08.FR.01); also while the station is Pending (B02.FR.01)."),
    line("GetTransactionStatus", Background, "It only asks (E14.FR.02)."),
    line("GetVariables", Background, "It only asks (B06.FR.01); also while the station is Pending (B02.FR.01)."),
    line("InstallCertificate", Background, "Certificates are managed at any time (M05.FR.01)."),
    line("PublishFirmware", Background, "It is for local controllers (L03.FR.05); our station is none, and refuses."),
    line("RequestStartTransaction", Undecided, "The CSMS may start a transaction (F01.FR.01, F02.FR.09), but the test case knows of none: its own events would tell of another one. Our station refuses."),
    line("RequestStopTransaction", Depends(Transaction), "The station must obey where there is such a transaction (F03.FR.07), and then the test case's transaction is over. Where there is none it is refused and nothing happens (F03.FR.08)."),
    line("ReserveNow", Background, "Our station takes no reservations, and says so (H01.FR.01)."),
    line("Reset", Undecided, "The CSMS may reset the station (B11.FR.01, B12.FR.02), but a station that reboots is no longer where the test case has brought it. Our station refuses."),
    line("SendLocalList", Background, "The list is managed at any time (D01.FR.01)."),
    line("SetChargingProfile", Background, "The CSMS may set limits, to a transaction too, whenever it likes (K01.FR.01, K01.FR.08)."),
    line("SetDisplayMessage", Background, "Messages on the display are managed at any time (O01.FR.05)."),
    line("SetMonitoringBase", Background, "Monitors are managed at any time (N03.FR.01)."),
    line("SetMonitoringLevel", Background, "Monitors are managed at any time (N05.FR.01)."),
    line("SetNetworkProfile", Background, "It takes effect with a reboot only (B09.FR.01, B10.FR.04)."),
    line("SetVariableMonitoring", Background, "Monitors are managed at any time (N04.FR.08)."),
    line("SetVariables", Background, "The CSMS may configure the station whenever it likes (B05.FR.10); also while it is Pending (B02.FR.01). Our station keeps its password and what the test cases are played for."),
    line("TriggerMessage", Background, "It asks for a message, which our station sends (F06.FR.05, F06.FR.10)."),
    line("UnlockConnector", Background, "It stops no transaction (F05.FR.02), and our cables stay where the test case has them."),
    line("UnpublishFirmware", Background, "It is for local controllers (L04.FR.03); our station has published nothing."),
    line("UpdateFirmware", Undecided, "The CSMS may update the firmware (L01.FR.01), but a station that installs it is out of service and reboots. Our station refuses."),
];

/// Requests of a charging station under test.
#[rustfmt::skip]
pub const OF_STATION: &[Unsolicited] = &[
    line("Authorize", Breach, "It is for an identifier that somebody presents (C01.FR.04), and nobody did."),
    line("BootNotification", Breach, "It follows a boot (B01.FR.01, B01.FR.03), and nobody restarted the station. After a mere reconnect it is a remark, for Part 4 (5.3) only advises against it."),
    line("ClearedChargingLimit", Background, "What limits the station from outside may go at any time (K13.FR.02)."),
    line("DataTransfer", Background, "What vendors agree on is no part of OCPP (P02.FR.02)."),
    line("FirmwareStatusNotification", Background, "Tells how an update goes that was asked for earlier (L01.FR.01)."),
    line("Get15118EVCertificate", Background, "The EV asks for a certificate, and the station forwards that (M01.FR.01, M02.FR.01)."),
    line("GetCertificateStatus", Background, "The station refreshes what it knows of its certificates, once a week at least (M06.FR.06, M06.FR.10)."),
    line("Heartbeat", Background, "Comes after an interval, and between (G02.FR.02, G02.FR.07)."),
    line("LogStatusNotification", Background, "Tells how an upload goes that was asked for earlier (N01.FR.08)."),
    line("MeterValues", Background, "Come at the times of the clock that are configured (J01.FR.18)."),
    line("NotifyChargingLimit", Background, "What limits the station from outside may come at any time (K12.FR.02)."),
    line("NotifyCustomerInformation", Breach, "It carries the requestId of a CustomerInformation (N09.FR.05), and there was none."),
    line("NotifyDisplayMessages", Breach, "It carries the requestId of a GetDisplayMessages (O03.FR.05), and there was none."),
    line("NotifyEVChargingNeeds", Background, "The EV tells its needs when it is ready to (K15.FR.01)."),
    line("NotifyEVChargingSchedule", Background, "The EV tells its schedule when it is ready to (K15.FR.10)."),
    line("NotifyEvent", Background, "Monitors and what is hard-wired tell of events when they happen (N07.FR.06)."),
    line("NotifyMonitoringReport", Breach, "It carries the requestId of a GetMonitoringReport (N02.FR.04), and there was none."),
    line("NotifyReport", Breach, "It carries the requestId of a GetBaseReport or GetReport (B07.FR.04, B08.FR.04), and there was none."),
    line("PublishFirmwareStatusNotification", Breach, "It tells how publishing goes (L03.FR.01), and nobody asked for that."),
    line("ReportChargingProfiles", Breach, "It carries the requestId of a GetChargingProfiles (K09.FR.01), and there was none."),
    line("ReservationStatusUpdate", Breach, "It tells the end of a reservation (H01.FR.16, H01.FR.17), and nobody has reserved anything."),
    line("SecurityEventNotification", Background, "Events are told when they happen (A04.FR.01)."),
    line("SignCertificate", Background, "The station renews a certificate that ends within a month (A03.FR.02, A03.FR.03)."),
    line("StatusNotification", Background, "Told whenever a connector changes, and after a boot (G01.FR.03, B01.FR.05)."),
    line("TransactionEvent", Depends(Progress), "An update that tells meter values or how the transaction charges comes when there is something to tell (J02.FR.19). Any other one tells of something that somebody does, and nobody did."),
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

/// The line for an action, by who sends it.
pub fn of(action: &str, from_station: bool) -> Option<&'static Unsolicited> {
    let table = if from_station { OF_STATION } else { OF_CSMS };
    table.iter().find(|line| line.action == action)
}

impl Unsolicited {
    /// The verdict that a message of the kind leads to; none for background.
    pub(crate) fn verdict(&self, call: &Call, known: Known) -> Option<Verdict> {
        match self.meaning {
            Background => None,
            Undecided => Some(Verdict::Inconclusive),
            Breach => Some(Verdict::Fail),
            Depends(Progress) => (!tells_progress(&call.payload)).then_some(Verdict::Fail),
            Depends(Availability) => known.changes_availability.then_some(Verdict::Inconclusive),
            Depends(Transaction) => known.names_transaction.then_some(Verdict::Inconclusive),
            Depends(SigningRequest) => (!known.awaits_certificate).then_some(Verdict::Fail),
        }
    }

    /// The requirements that the reason names.
    pub fn requirements(&self) -> Vec<String> {
        requirements::cited(self.reason).map(str::to_owned).collect()
    }
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
            )
        )
}

impl Meaning {
    fn words(self) -> &'static str {
        match self {
            Background => "background",
            Undecided => "inconclusive",
            Breach => "fail",
            Depends(Progress) => "background for meter values and charging, otherwise fail",
            Depends(Availability) => "background where nothing changes, otherwise inconclusive",
            Depends(Transaction) => "background without such a transaction, otherwise inconclusive",
            Depends(SigningRequest) => "background after a signing request, otherwise fail",
        }
    }
}

/// The table as a page of the documentation, `docs/unsolicited-messages.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Messages that no step waits for\n\n\
         A product may send more than a test case asks of it. Every request of OCPP 2.0.1 has a line here: what it means for the \
         verdict when no step of the main part waits for it, and why. It is answered in any case. Before and after the main part \
         it fails nothing. A step that waits for a message of this action and does not want this one fails the test case instead, \
         unless the message is background.\n\n\
         *Background* says nothing. *Inconclusive* breaks no requirement, but what it wants can't go with what the test case does: \
         keep the CSMS from it and run the test case again. *Fail* breaks a requirement, or tells of something that did not \
         happen.\n\n\
         This page is made of the tables in `src/engine/unsolicited.rs`; `UPDATE_DOCS=1 cargo test --lib unsolicited` writes it.\n",
    );
    for (heading, table) in
        [("Requests of a CSMS under test", OF_CSMS), ("Requests of a charging station under test", OF_STATION)]
    {
        let _ = write!(page, "\n## {heading}\n\n| request | unsolicited it is | because |\n| --- | --- | --- |\n");
        for line in table {
            let _ = writeln!(page, "| `{}` | {} | {} |", line.action, line.meaning.words(), line.reason);
        }
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ocpp::schema;

    #[test]
    fn every_request_has_its_line_in_order() {
        for (table, from_station) in [(OF_CSMS, false), (OF_STATION, true)] {
            let lines: Vec<&str> = table.iter().map(|line| line.action).collect();
            let all: Vec<&str> = schema::actions().filter(|action| schema::sent_by(action, from_station)).collect();
            assert_eq!(lines, all);
            for line in table {
                let ids = line.reason.matches(".FR.").count();
                assert!(ids == 0 || line.requirements().len() == ids, "{}: {:?}", line.action, line.requirements());
                assert!(line.reason.ends_with('.') && !line.reason.contains('|'), "{}", line.action);
            }
        }
    }

    #[test]
    fn the_page_is_made_of_the_table() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/unsolicited-messages.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        let held = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            held == page(),
            "docs/unsolicited-messages.md is not of this table: UPDATE_DOCS=1 cargo test --lib unsolicited"
        );
    }
}
