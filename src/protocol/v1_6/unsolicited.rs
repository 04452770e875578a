//! Messages of OCPP 1.6 that no step of a test case waits for: what each of them means for the verdict.
//!
//! There is one line with the reason for every request. `docs/unsolicited-messages-1.6.md` is generated from it.

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
    /// A status is background unless it is Idle and nobody triggered it.
    Idle,
    /// A ChangeAvailability is background if it asks for the current state.
    Availability,
    /// A RemoteStartTransaction is a breach while our station is Pending.
    Start,
    /// A RemoteStopTransaction is a breach while our station is Pending, and background if no such transaction is running.
    Stop,
    /// An UnlockConnector is background if there is no transaction on the connector.
    Unlock,
    /// A CertificateSigned is background if a signing request of ours is open.
    SigningRequest,
    /// A trigger for a BootNotification is a breach once the station is accepted.
    Trigger,
}

/// A line of a table.
pub type Unsolicited = Line<Condition>;

use Condition::{Availability, Idle, SigningRequest, Start, Stop, Trigger, Unlock};
use Meaning::{Background, Breach, Depends, Undecided};

/// Requests of a central system under test, and what our station does with them.
#[rustfmt::skip]
pub const OF_CSMS: &[Unsolicited] = &[
    line("CancelReservation", Background, "Our station answers Rejected if it has no such reservation (5.1)."),
    line("CertificateSigned", Depends(SigningRequest), "It answers a signing request (A02.FR.03, A03.FR.03). Without one there is no key that the certificate could belong to. After one it may arrive at any time.").breaking("1.6-S, A02"),
    line("ChangeAvailability", Depends(Availability), "Asking for the current state is accepted and changes nothing (5.2). Any other change takes the connectors of the test case out of service, which our station refuses, or puts them back."),
    line("ChangeConfiguration", Background, "The central system may configure the station at any time (5.3), also while it is Pending (4.2). Our station does not accept another password or security profile."),
    line("ClearCache", Background, "The central system may clear the cache at any time (5.4). No test case depends on its content."),
    line("ClearChargingProfile", Background, "Profiles may be managed at any time (5.5). Our station answers according to the profiles that it has."),
    line("DataTransfer", Background, "Vendor-specific messages are outside of OCPP. Our station knows no vendor (4.3, 5.6)."),
    line("DeleteCertificate", Background, "Certificates may be managed at any time (M04.FR.01). Our station does not delete the root that it connects with (M04.FR.06)."),
    line("ExtendedTriggerMessage", Depends(Trigger), "It requests a message, which our station then sends. A central system that has accepted the station triggers no BootNotification (5.17, errata 3.40).").breaking("1.6, 5.17"),
    line("GetCompositeSchedule", Background, "A query (5.7)."),
    line("GetConfiguration", Background, "A query (5.8), also allowed while the station is Pending (4.2)."),
    line("GetDiagnostics", Background, "A query (5.9). Our station uploads diagnostics only in the test cases about them, and otherwise answers that it has none."),
    line("GetInstalledCertificateIds", Background, "A query (M03.FR.01)."),
    line("GetLocalListVersion", Background, "A query (5.10)."),
    line("GetLog", Background, "A query. Our station uploads logs only in the test cases about logs, and otherwise answers Rejected (N01.FR.01)."),
    line("InstallCertificate", Background, "Certificates may be managed at any time (M05.FR.01)."),
    line("RemoteStartTransaction", Depends(Start), "The central system may start a transaction (5.11), but the test case plays transactions of its own and could not play this one. Our station answers Rejected. While the station is Pending it is not allowed (4.2).").breaking("1.6, 4.2"),
    line("RemoteStopTransaction", Depends(Stop), "A station has to obey if the transaction is running (5.12), which ends the transaction of the test case. Otherwise it is rejected and nothing happens. While the station is Pending it is not allowed (4.2).").breaking("1.6, 4.2"),
    line("ReserveNow", Background, "Our station accepts reservations only in the test cases about them, and otherwise answers Rejected (5.13)."),
    line("Reset", Undecided, "The central system may reset the station (5.14), but a reboot would destroy the state that the test case has set up. Our station answers Rejected."),
    line("SendLocalList", Background, "The list may be managed at any time (5.15)."),
    line("SetChargingProfile", Background, "The central system may set limits at any time, also for a running transaction (5.16)."),
    line("SignedUpdateFirmware", Undecided, "The central system may update the firmware (L01.FR.11), but the installation takes the station out of service and reboots it. Our station answers Rejected."),
    line("TriggerMessage", Depends(Trigger), "It requests a message, which our station then sends (5.17). A central system that has accepted the station triggers no BootNotification (errata 3.40).").breaking("1.6, 5.17"),
    line("UnlockConnector", Depends(Unlock), "Without a transaction it changes nothing: the cable stays where the test case has it. A transaction would have to be stopped first (5.18), which ends the transaction of the test case. Our station answers UnlockFailed then."),
    line("UpdateFirmware", Undecided, "The central system may update the firmware (5.19), but the installation takes the station out of service and reboots it. Our station answers and does nothing."),
];

/// Requests of a charge point under test.
#[rustfmt::skip]
pub const OF_STATION: &[Unsolicited] = &[
    line("Authorize", Breach, "It is for an identifier that somebody presents (4.1), and no step waits for that here.").breaking("1.6, 4.1"),
    line("BootNotification", Breach, "It follows a boot (4.2): one that nobody asked for, or that came before what the test case waits for. After a mere reconnect it is only a remark, because OCPP-J (5.4) merely advises against it.").breaking("1.6, 4.2"),
    line("DataTransfer", Background, "Vendor-specific messages are outside of OCPP (4.3)."),
    line("DiagnosticsStatusNotification", Depends(Idle), "It reports the progress of an upload that was requested earlier. Idle comes only after a TriggerMessage for it (4.4).").breaking("1.6, 4.4"),
    line("FirmwareStatusNotification", Depends(Idle), "It reports the progress of an update that was requested earlier. Idle comes only after a TriggerMessage for it (4.5).").breaking("1.6, 4.5"),
    line("Heartbeat", Background, "It is sent after an interval (4.6)."),
    line("LogStatusNotification", Depends(Idle), "It reports the progress of an upload that was requested earlier (N01.FR.08). Idle comes only after an ExtendedTriggerMessage for it (security whitepaper, 6.19).").breaking("N01.FR.12"),
    line("MeterValues", Background, "The station decides when it sends them (4.7)."),
    line("SecurityEventNotification", Background, "Security events are reported when they happen (A04.FR.01)."),
    line("SignCertificate", Background, "The station renews a certificate that expires soon (A03.FR.02)."),
    line("SignedFirmwareStatusNotification", Depends(Idle), "It reports the progress of an update that was requested earlier (L01.FR.01). Idle comes only after an ExtendedTriggerMessage for it (security whitepaper, 6.10).").breaking("L01.FR.28"),
    line("StartTransaction", Breach, "It reports a transaction that has been started (4.8), and no step waits for that here.").breaking("1.6, 4.8"),
    line("StatusNotification", Background, "It is sent whenever a connector changes, and after a boot (4.9)."),
    line("StopTransaction", Breach, "It reports a transaction that has been stopped (4.10), and no step waits for that here.").breaking("1.6, 4.10"),
];

/// What a condition is judged by.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Known {
    /// We have triggered this action.
    pub(super) triggered: bool,
    /// A signing request of our station waits for a certificate.
    pub(super) awaits_certificate: bool,
    /// The request would change the state of a connector.
    pub(super) changes_availability: bool,
    /// The request is about a transaction that goes on.
    pub(super) meets_transaction: bool,
    /// The registration of our station is Pending.
    pub(super) pending: bool,
    /// Our station is accepted.
    pub(super) accepted: bool,
}

/// The line for an action, by who sends it.
pub fn of(action: &str, from_station: bool) -> Option<&'static Unsolicited> {
    let table = if from_station { OF_STATION } else { OF_CSMS };
    table.iter().find(|line| line.action == action)
}

/// The verdict that a message leads to; none for background.
pub(super) fn verdict(line: &Unsolicited, call: &Call, known: Known) -> Option<Verdict> {
    let boot = call.payload["requestedMessage"] == "BootNotification";
    line.verdict(|condition| match condition {
        Idle => (call.payload["status"] == "Idle" && !known.triggered).then_some(Verdict::Fail),
        Availability => known.changes_availability.then_some(Verdict::Inconclusive),
        Start | Stop if known.pending => Some(Verdict::Fail),
        Start => Some(Verdict::Inconclusive),
        Stop | Unlock => known.meets_transaction.then_some(Verdict::Inconclusive),
        SigningRequest => (!known.awaits_certificate).then_some(Verdict::Fail),
        Trigger => (boot && known.accepted).then_some(Verdict::Fail),
    })
}

impl Condition {
    fn words(self) -> &'static str {
        match self {
            Idle => "fail if it says Idle and was not triggered, otherwise background",
            Availability => "background if nothing changes, otherwise inconclusive",
            Start => "fail while the station is Pending, otherwise inconclusive",
            Stop => {
                "fail while the station is Pending, otherwise background if no such transaction is running, otherwise inconclusive"
            }
            Unlock => "background if no transaction is running there, otherwise inconclusive",
            SigningRequest => "background if a signing request is open, otherwise fail",
            Trigger => "fail if it triggers a BootNotification of a station that is accepted, otherwise background",
        }
    }
}

/// The tables as a page of the documentation, `docs/unsolicited-messages-1.6.md`.
pub fn page() -> String {
    let introduction = "# Unsolicited messages of OCPP 1.6\n\n\
     This page says, for every request of OCPP 1.6 and its security whitepaper, what it means for the verdict if no step of the main \
     part waits for it, and why. The words are explained with [those of OCPP 2.x](unsolicited-messages.md). Numbers are sections of \
     the specification, edition 2, if nothing else is said; ids are requirements of the security whitepaper.\n\n\
     This page is generated from the tables in `src/protocol/v1_6/unsolicited.rs` by `UPDATE_DOCS=1 cargo test --lib unsolicited`.\n";
    unsolicited::page(
        introduction,
        &[("Requests of a central system under test", OF_CSMS), ("Requests of a charge point under test", OF_STATION)],
        Condition::words,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OCPP_1_6;

    #[test]
    fn every_request_has_its_line_in_order() {
        for (table, from_station) in [(OF_CSMS, false), (OF_STATION, true)] {
            let lines: Vec<&str> = table.iter().map(|line| line.action).collect();
            let messages = OCPP_1_6.messages();
            let all: Vec<&str> = messages.actions().filter(|action| messages.sent_by(action, from_station)).collect();
            assert_eq!(lines, all);
            assert!(table.iter().all(|line| line.reason.ends_with('.') && !line.reason.contains('|')));
        }
    }

    #[test]
    fn what_may_fail_says_what_it_breaks() {
        let known = OCPP_1_6.requirements();
        for line in OF_CSMS.iter().chain(OF_STATION) {
            let may_fail = match line.meaning {
                Background | Undecided | Depends(Availability | Unlock) => false,
                Breach | Depends(Idle | Start | Stop | SigningRequest | Trigger) => true,
            };
            assert_eq!(line.breaks.is_some(), may_fail, "{}", line.action);
            assert!(line.breaks.is_none_or(|id| known.text(id).is_some()), "{}", line.action);
        }
    }

    #[test]
    fn the_page_is_generated_from_the_tables() {
        unsolicited::assert_up_to_date("unsolicited-messages-1.6.md", &page());
    }
}
