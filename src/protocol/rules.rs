//! The rules that hold for every test, whatever it is about. `docs/rules.md` is made from them.

use std::fmt::Write as _;

use super::{
    Version,
    requirements::{RequirementList, Side},
};

/// A rule that every product is held to in every test case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// No more messages in one test case than any product needs.
    NoFlood,
    /// Only text frames.
    TextOnly,
    /// Frames that are RPC messages.
    WellFormedFrames,
    /// The sub-protocol that was offered is confirmed.
    Subprotocol,
    /// Each CALL has a message id of its own.
    UniqueMessageIds,
    /// Only our calls are answered.
    AnswersToOurCalls,
    /// Our calls are answered.
    OurMessagesAreAnswered,
    /// Our responses are taken.
    OurResponsesAreTaken,
    /// An action is sent as the message type that it has.
    TypeOfAction,
    /// One CALL at a time.
    OneCallAtATime,
    /// Messages follow their schema.
    SchemaValid,
    /// Values follow their primitive data types.
    DataTypes,
    /// Times are near now.
    Timestamps,
    /// Responses and reports refer to what was asked for.
    AnswersSayWhatWasAsked,
    /// Nothing is sent before the station is accepted.
    NoCallBeforeAcceptance,
    /// No two transactions have one id.
    UniqueTransactionIds,
    /// The events of a transaction are in order.
    OrderOfEvents,
    /// The sequence numbers of a transaction have no gaps.
    NoGaps,
    /// What is told of a transaction names one that is going on.
    MessagesOfTransactions,
    /// A connector has only the status that it may have.
    StatusOfConnectors,
    /// A CSMS sends no more elements in a message than the station takes.
    ItemsPerMessage,
    /// A CSMS sends charging profiles that the requirements allow.
    ChargingProfiles,
}

/// Whom a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Of {
    /// Both sides.
    Both,
    /// A charging station under test.
    Station,
    /// A CSMS under test.
    Csms,
}

impl Rule {
    /// All of them.
    pub const ALL: [Rule; 22] = [
        Rule::NoFlood,
        Rule::TextOnly,
        Rule::WellFormedFrames,
        Rule::Subprotocol,
        Rule::UniqueMessageIds,
        Rule::AnswersToOurCalls,
        Rule::OurMessagesAreAnswered,
        Rule::OurResponsesAreTaken,
        Rule::TypeOfAction,
        Rule::OneCallAtATime,
        Rule::SchemaValid,
        Rule::DataTypes,
        Rule::Timestamps,
        Rule::AnswersSayWhatWasAsked,
        Rule::NoCallBeforeAcceptance,
        Rule::UniqueTransactionIds,
        Rule::OrderOfEvents,
        Rule::NoGaps,
        Rule::MessagesOfTransactions,
        Rule::StatusOfConnectors,
        Rule::ItemsPerMessage,
        Rule::ChargingProfiles,
    ];

    /// The name that stands in reports behind `rule: `.
    pub fn name(self) -> &'static str {
        match self {
            Rule::NoFlood => "no flood of messages",
            Rule::TextOnly => "only text messages",
            Rule::WellFormedFrames => "well-formed frames",
            Rule::Subprotocol => "sub-protocol as negotiated",
            Rule::UniqueMessageIds => "unique message ids",
            Rule::AnswersToOurCalls => "answers to our calls only",
            Rule::OurMessagesAreAnswered => "our messages are answered",
            Rule::OurResponsesAreTaken => "our responses are taken",
            Rule::TypeOfAction => "message type of the action",
            Rule::OneCallAtATime => "one CALL at a time",
            Rule::SchemaValid => "schema-valid messages",
            Rule::DataTypes => "values of their data types",
            Rule::Timestamps => "timestamps near now",
            Rule::AnswersSayWhatWasAsked => "answers say again what was asked",
            Rule::NoCallBeforeAcceptance => "no CALL before acceptance",
            Rule::UniqueTransactionIds => "unique transaction ids",
            Rule::OrderOfEvents => "order of TransactionEvents",
            Rule::NoGaps => "seqNo without gaps",
            Rule::MessagesOfTransactions => "messages of transactions",
            Rule::StatusOfConnectors => "status of connectors",
            Rule::ItemsPerMessage => "elements that a station takes",
            Rule::ChargingProfiles => "charging profiles of a CSMS",
        }
    }

    /// The step of a result at which a breach of it stands.
    pub fn step(self) -> String {
        format!("rule: {}", self.name())
    }

    /// The rule of such a step.
    pub fn at_step(step: &str) -> Option<Self> {
        let name = step.strip_prefix("rule: ")?;
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// Where it comes from in a version: ids of requirements, or sections.
    pub fn requirements(self, version: Version) -> &'static [&'static str] {
        match version {
            Version::V1_6 => self.requirements_1_6(),
            Version::V2_0_1 | Version::V2_1 => self.requirements_2_x(),
        }
    }

    fn requirements_1_6(self) -> &'static [&'static str] {
        match self {
            Rule::TextOnly | Rule::WellFormedFrames => &["1.6-J, 4.2"],
            Rule::Subprotocol => &["1.6-J, 3.1.2"],
            Rule::UniqueMessageIds => &["1.6-J, 4.1.4"],
            Rule::AnswersToOurCalls | Rule::OurMessagesAreAnswered => &["1.6-J, 4.2"],
            Rule::OneCallAtATime => &["1.6-J, 4.1.1"],
            Rule::SchemaValid => &["1.6-J, 4.2.4"],
            Rule::DataTypes => &["1.6, 2.3", "1.6, 5.11"],
            Rule::Timestamps => &["1.6, 4.2", "1.6, 4.6", "1.6, 4.7", "1.6, 4.8", "1.6, 4.9", "1.6, 4.10", "A04.FR.01"],
            Rule::AnswersSayWhatWasAsked => &["1.6, 5.7", "1.6, 5.8", "L01.FR.10", "N01.FR.07"],
            Rule::NoCallBeforeAcceptance => &["1.6, 4.2"],
            Rule::MessagesOfTransactions => &["1.6, 4.7", "1.6, 4.8", "1.6, 4.10"],
            Rule::StatusOfConnectors => &["1.6, 4.9"],
            Rule::ChargingProfiles => &["1.6, 3.13.1", "1.6, 5.16", "1.6, 7.8", "1.6, 7.13"],
            Rule::NoFlood
            | Rule::UniqueTransactionIds
            | Rule::OrderOfEvents
            | Rule::NoGaps
            | Rule::OurResponsesAreTaken
            | Rule::TypeOfAction
            | Rule::ItemsPerMessage => &[],
        }
    }

    fn requirements_2_x(self) -> &'static [&'static str] {
        match self {
            Rule::NoFlood | Rule::MessagesOfTransactions | Rule::StatusOfConnectors => &[],
            Rule::TextOnly | Rule::WellFormedFrames => &["Part 4, 4.2"],
            Rule::Subprotocol => &["Part 4, 3.2"],
            Rule::UniqueMessageIds => &["Part 4, 4.1.4"],
            Rule::AnswersToOurCalls | Rule::OurMessagesAreAnswered => &["Part 4, 4.2"],
            Rule::OurResponsesAreTaken => &["Part 4, 4.2.3"],
            Rule::TypeOfAction => &["Part 4, 4.2.4"],
            Rule::OneCallAtATime => &["Part 4, 4.1.1"],
            Rule::SchemaValid => &["Part 3"],
            Rule::DataTypes => &["Part 2, 2.1.4"],
            Rule::Timestamps => &[
                "G02.FR.03",
                "Part 2, BootNotificationResponse",
                "Part 2, MeterValueType",
                "Part 2, NotifyEventRequest",
                "Part 2, SecurityEventNotificationRequest",
                "Part 2, StatusNotificationRequest",
                "Part 2, TransactionEventRequest",
            ],
            Rule::AnswersSayWhatWasAsked => &[
                "B05.FR.01",
                "B05.FR.02",
                "B06.FR.01",
                "B06.FR.02",
                "B07.FR.04",
                "K09.FR.01",
                "L01.FR.10",
                "N01.FR.07",
                "N02.FR.04",
                "N04.FR.01",
                "N04.FR.02",
                "N06.FR.01",
                "N06.FR.02",
            ],
            Rule::NoCallBeforeAcceptance => &["B01.FR.08", "B02.FR.02", "B03.FR.02"],
            Rule::UniqueTransactionIds => &["E01.FR.08"],
            Rule::OrderOfEvents | Rule::NoGaps => &["E01.FR.07"],
            Rule::ItemsPerMessage => {
                &["B05.FR.11", "B06.FR.05", "B08.FR.06", "D01.FR.11", "N02.FR.07", "N04.FR.09", "N06.FR.04"]
            }
            Rule::ChargingProfiles => &[
                "F01.FR.09",
                "F01.FR.11",
                "K01.FR.03",
                "K01.FR.06",
                "K01.FR.16",
                "K01.FR.19",
                "K01.FR.20",
                "K01.FR.22",
                "K01.FR.31",
                "K01.FR.34",
                "K01.FR.35",
                "K01.FR.38",
                "K01.FR.39",
                "K01.FR.40",
                "K01.FR.41",
                "K04.FR.03",
                "K09.FR.03",
                "K10.FR.02",
                "K10.FR.06",
                "K15.FR.07",
            ],
        }
    }

    /// The same as a breach names them.
    pub fn broken(self, version: Version) -> Vec<String> {
        self.requirements(version).iter().map(|&id| id.to_owned()).collect()
    }

    /// Those of them that bind the side under test, for a breach that names none; none where there are too many to tell which.
    pub fn broken_by(self, version: Version, station: bool, known: &RequirementList) -> Vec<String> {
        const FEW: usize = 3;
        let binds = |id: &str| match known.side(id) {
            Some(Side::ChargingStation) => station,
            Some(Side::Csms) => !station,
            Some(Side::Both | Side::Neither) | None => true,
        };
        let mut broken = self.broken(version);
        broken.retain(|id| binds(id));
        if broken.len() > FEW {
            broken.clear();
        }
        broken
    }

    /// Whom it is for.
    pub fn of(self) -> Of {
        match self {
            Rule::Subprotocol | Rule::OurMessagesAreAnswered | Rule::ItemsPerMessage | Rule::ChargingProfiles => {
                Of::Csms
            }
            Rule::NoCallBeforeAcceptance
            | Rule::UniqueTransactionIds
            | Rule::OrderOfEvents
            | Rule::NoGaps
            | Rule::MessagesOfTransactions
            | Rule::StatusOfConnectors => Of::Station,
            _ => Of::Both,
        }
    }

    /// The versions that have it.
    pub fn versions(self) -> &'static [Version] {
        match self {
            // The central system gives the ids of 1.6, and its events have no numbers.
            Rule::UniqueTransactionIds | Rule::OrderOfEvents | Rule::NoGaps => &[Version::V2_0_1, Version::V2_1],
            Rule::MessagesOfTransactions | Rule::StatusOfConnectors => &[Version::V1_6],
            Rule::ItemsPerMessage => &[Version::V2_0_1, Version::V2_1],
            // OCPP 2.1 has brought the message types that they are about.
            Rule::OurResponsesAreTaken | Rule::TypeOfAction => &[Version::V2_1],
            _ => &Version::ALL,
        }
    }

    /// True where the version only recommends it, so that a breach is a remark and no failure.
    pub fn is_advice(self, version: Version) -> bool {
        self == Rule::OneCallAtATime && version == Version::V1_6
    }

    /// What it demands, for people.
    pub fn text(self) -> &'static str {
        match self {
            Rule::NoFlood => {
                "The product sends at most 20,000 messages and 128 MiB in one test case. The connection is dropped otherwise."
            }
            Rule::TextOnly => "OCPP-J messages are WebSocket text messages.",
            Rule::WellFormedFrames => {
                "Each text is a JSON array with a message type, a message id of 1 to 36 characters and the elements of its type."
            }
            Rule::Subprotocol => {
                "A CSMS that is offered the sub-protocol of the version names it in its answer to the upgrade."
            }
            Rule::UniqueMessageIds => {
                "No two CALLs of one connection have the same message id. In OCPP 1.6, a CALL that was not answered and is sent again may keep its id."
            }
            Rule::AnswersToOurCalls => {
                "A CALLRESULT or CALLERROR has the message id of a CALL that waits for its answer."
            }
            Rule::OurMessagesAreAnswered => {
                "A CSMS answers what our station sends because the CSMS asked for it, with a CALLRESULT and in time."
            }
            Rule::OurResponsesAreTaken => {
                "A product processes the responses of the harness, which follow their schema. It sends no CALLRESULTERROR for one of them, \
                 nor one with the message id of none of them."
            }
            Rule::TypeOfAction => "What asks for no answer is sent as a SEND, and nothing else is.",
            Rule::OneCallAtATime => {
                "A CALL is sent only when the one before it was answered or has timed out. Answers of the harness that took longer \
                 than 2 s are not judged. OCPP 1.6 only recommends it, so there a breach is a remark."
            }
            Rule::SchemaValid => "Each payload follows the JSON schema of its message.",
            Rule::DataTypes => {
                "OCPP 2.x: times have at most three decimals of a second, integers fit into a signed 32-bit number, an identifierString \
                 has only its allowed characters, and a number for a station has at most six decimals. OCPP 1.6: a CiString has only \
                 printable ASCII characters, and a RemoteStartTransaction does not name connector 0."
            }
            Rule::Timestamps => {
                "A time is close to the moment at which its message comes, as its meaning demands: the current time within the \
                 `clock-tolerance` of the bench, an event at most half an hour ago, or 30 days if it waited for a connection, a status \
                 that began at most a year ago, a meter value within its transaction."
            }
            Rule::AnswersSayWhatWasAsked => {
                "A response has one element for each element of its request and names the same variable, monitor or key; a report or \
                 status has the requestId of a request of this run."
            }
            Rule::NoCallBeforeAcceptance => {
                "Before its BootNotification is accepted, a station sends only BootNotifications, and while it is Pending also what was \
                 requested, in OCPP 1.6 by a trigger."
            }
            Rule::UniqueTransactionIds => "A transactionId is never used for another transaction.",
            Rule::OrderOfEvents => {
                "A transaction starts once, none of its events has a lower seqNo than its Started or a higher one than its Ended, and \
                 each seqNo belongs to one event."
            }
            Rule::NoGaps => {
                "At the end of a test case each transaction has its Started event, and a transaction that ended has every seqNo."
            }
            Rule::MessagesOfTransactions => {
                "MeterValues and StopTransaction name a transaction that was given its id in this run, and each is stopped once. A \
                 station that could not learn the id names -1."
            }
            Rule::StatusOfConnectors => {
                "Connector 0, the charge point itself, is Available, Unavailable or Faulted, and the error EVCommunicationError comes \
                 only with Preparing, SuspendedEV, SuspendedEVSE and Finishing."
            }
            Rule::ItemsPerMessage => {
                "A list of a CSMS (variables, monitors, entries of a local list) has no more elements than the station's `ItemsPerMessage` for \
                 the message."
            }
            Rule::ChargingProfiles => {
                "A charging profile has the EVSE, the transaction and the kind that its purpose allows, periods in order from 0, phaseToUse only \
                 where the station switches phases, one schedule unless the EV has told its needs, then with no more \
                 periods than EV and station take, and a place (purpose, stack level, EVSE or transaction, time) that no other profile of the station has. Profiles are asked for and cleared by an id or by criteria. OCPP 1.6: \
                 the connector, the transaction and the recurrencyKind that purpose and kind allow, and a first period at 0; a remote start \
                 brings a TxProfile without a transactionId."
            }
        }
    }
}

/// The rules as a page of the documentation, `docs/rules.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Rules for every test\n\n\
         These rules hold in every test case, whatever it is about. A breach fails the test case in every phase, and the report shows it at the step `rule: …`.\n\n\
         This page is generated from `src/protocol/rules.rs` by `UPDATE_DOCS=1 cargo test --lib rules`.\n\n\
         | rule | for | versions | what it demands | source |\n| --- | --- | --- | --- | --- |\n",
    );
    for rule in Rule::ALL {
        let of = match rule.of() {
            Of::Both => "both",
            Of::Station => "charging station",
            Of::Csms => "CSMS",
        };
        let versions: Vec<String> = rule.versions().iter().map(ToString::to_string).collect();
        let versions = versions.join(", ");
        let mut sources: Vec<&str> =
            rule.versions().iter().flat_map(|version| rule.requirements(*version)).copied().collect();
        sources.dedup();
        let sources = sources.join("; ");
        let _ = writeln!(page, "| {} | {of} | {versions} | {} | {sources} |", rule.name(), rule.text());
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_and_a_source_of_its_own() {
        let mut names: Vec<&str> = Rule::ALL.into_iter().map(Rule::name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Rule::ALL.len());
        for rule in Rule::ALL {
            assert_eq!(Rule::at_step(&rule.step()), Some(rule));
            assert!(rule.text().ends_with('.') && !rule.text().contains('|'), "{rule:?}");
            for version in rule.versions() {
                assert_eq!(rule.requirements(*version).is_empty(), rule == Rule::NoFlood, "{rule:?}, {version}");
            }
            for version in rule.versions() {
                let known = version.protocol().requirements();
                for id in rule.requirements(*version).iter().filter(|id| id.contains(".FR.") || id.starts_with("1.6")) {
                    assert!(known.text(id).is_some(), "{rule:?}: {id}");
                }
            }
        }
        assert_eq!(Rule::at_step("1 expect Heartbeat"), None);
    }

    #[test]
    fn the_page_is_generated_from_the_rules() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rules.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, page()).unwrap();
        }
        let held = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(held == page(), "docs/rules.md is not up to date: UPDATE_DOCS=1 cargo test --lib rules");
    }
}
