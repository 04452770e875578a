//! The faults that there are: names, parameters, and what each of them does.

use std::time::Duration;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A message is not sent.
    Drop,
    /// A CALL of the other side is neither acted upon nor answered.
    NoReply,
    /// A CALL of the other side is refused.
    CallError,
    /// A CALL of the other side is answered, and not acted upon.
    Pretend,
    /// A CALL of the other side is acted upon as if members had other values.
    Misread,
    /// A CALL of the other side is acted upon as if members were missing.
    Overlook,
    /// A message is sent late; what comes after it is not.
    Delay,
    /// A message is sent twice.
    Duplicate,
    /// A message is sent over and over.
    Flood,
    /// A message changes places with the next one.
    WrongOrder,
    /// A member has another value.
    WrongField,
    /// A member is missing.
    MissingField,
    /// A member has a value of another type.
    WrongType,
    /// A number has the other sign.
    WrongSign,
    /// A number has fewer decimals.
    Rounded,
    /// A member keeps the value of the first message.
    Stale,
    /// A message has the id of the one before.
    RepeatedId,
    /// A message has an id that means nothing.
    WrongId,
    /// Something that is no message takes the place of one.
    Garbage,
    /// A message ends in the middle.
    Truncated,
    /// A message has a member that is nested deep.
    DeepJson,
    /// A message is padded with blanks to a size.
    Oversize,
    /// A message is sent as a binary one.
    Binary,
    /// A message has bytes in it that are no UTF-8.
    InvalidUtf8,
    /// The connection ends in the place of a message, or as soon as it is open.
    Disconnect,
    /// Bytes trickle, from a message or from the beginning of a connection on.
    SlowBytes,
    /// Nothing more is heard after so many bytes of a connection.
    Stall,
    /// Another WebSocket sub-protocol is offered (station) or confirmed (CSMS).
    WrongSubprotocol,
    /// Another password is shown.
    WrongPassword,
}

/// Where a kind of fault can happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    /// To messages that the product sends.
    Sent,
    /// To CALLs that the product gets.
    Received,
    /// To connections.
    Connections,
    /// To messages that the product sends, or to connections.
    Both,
}

/// Which members of a message a fault names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Members {
    None,
    /// `/member`
    Named,
    /// `/member=value`
    Valued,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Setting {
    Time(Duration),
    Bytes(u64),
    Count(u64),
    Text(String),
}

/// What a parameter may be, and is where nobody says.
#[derive(Debug, Clone, Copy)]
pub(super) enum Takes {
    /// A time; the default in milliseconds.
    Time(u64),
    /// A size of at most so many bytes.
    Bytes { max: u64, default: u64 },
    /// A number in a range.
    Count { min: u64, max: u64, default: u64 },
    /// A number in a range, or nothing.
    Maybe { min: u64, max: u64 },
    /// Text.
    Text(&'static str),
}

/// A parameter of a fault.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
}

/// A kind of fault as a person is told of it.
#[derive(Debug)]
pub(super) struct Info {
    pub(super) kind: Kind,
    pub(super) name: &'static str,
    pub(super) scope: Scope,
    pub(super) members: Members,
    pub(super) parameters: &'static [Parameter],
    pub(super) about: &'static str,
    pub(super) example: &'static str,
}

const fn info(kind: Kind, name: &'static str, scope: Scope, about: &'static str, example: &'static str) -> Info {
    Info { kind, name, scope, members: Members::None, parameters: &[], about, example }
}

impl Info {
    const fn with(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    const fn of(mut self, members: Members) -> Self {
        self.members = members;
        self
    }
}

const fn parameter(name: &'static str, takes: Takes) -> Parameter {
    Parameter { name, takes }
}

/// The largest message that a product is made to send, bytes.
const LARGEST: u64 = 256_000_000;

/// Every kind, in the order in which they are told.
pub(super) static KINDS: [Info; 29] = [
    info(Kind::Drop, "drop", Scope::Sent, "the message is not sent", "drop TransactionEvent:2"),
    info(
        Kind::NoReply,
        "no-reply",
        Scope::Received,
        "the product neither acts upon a CALL of the other side nor answers it",
        "no-reply Reset",
    ),
    info(
        Kind::CallError,
        "call-error",
        Scope::Received,
        "the product refuses a CALL of the other side with a CALLERROR and does not act upon it",
        "call-error GetVariables:1 code=NotSupported",
    )
    .with(&[parameter("code", Takes::Text("InternalError")), parameter("description", Takes::Text("a fault"))]),
    info(
        Kind::Pretend,
        "pretend",
        Scope::Received,
        "the product answers a CALL of the other side and does not act upon it",
        "pretend ClearCache",
    )
    .with(&[parameter("status", Takes::Text("Accepted"))]),
    info(
        Kind::Misread,
        "misread",
        Scope::Received,
        "the product acts upon a CALL of the other side as if members had other values",
        "misread ChangeAvailability /evse/id=2",
    )
    .of(Members::Valued),
    info(
        Kind::Overlook,
        "overlook",
        Scope::Received,
        "the product acts upon a CALL of the other side as if members were missing",
        "overlook SetChargingProfile /chargingProfile/validTo",
    )
    .of(Members::Named),
    info(
        Kind::Delay,
        "delay",
        Scope::Sent,
        "the message is sent late; the messages after it are not held up",
        "delay BootNotification for=45s",
    )
    .with(&[parameter("for", Takes::Time(60_000))]),
    info(Kind::Duplicate, "duplicate", Scope::Sent, "the message is sent twice", "duplicate StatusNotification:1"),
    info(
        Kind::Flood,
        "flood",
        Scope::Sent,
        "the message is sent again this many times; each CALL has an id of its own",
        "flood BootNotification:1 count=25000",
    )
    .with(&[parameter("count", Takes::Count { min: 1, max: 100_000, default: 25_000 })]),
    info(
        Kind::WrongOrder,
        "wrong-order",
        Scope::Sent,
        "the message changes places with the next one",
        "wrong-order StatusNotification:1",
    ),
    info(
        Kind::WrongField,
        "wrong-field",
        Scope::Sent,
        "members of the message have other values, or are added",
        "wrong-field StatusNotification /connectorStatus=Faulted",
    )
    .of(Members::Valued),
    info(
        Kind::MissingField,
        "missing-field",
        Scope::Sent,
        "members of the message are missing",
        "missing-field TransactionEvent:1 /transactionInfo/transactionId",
    )
    .of(Members::Named),
    info(
        Kind::WrongType,
        "wrong-type",
        Scope::Sent,
        "members of the message have values of another type",
        "wrong-type TransactionEvent /seqNo",
    )
    .of(Members::Named),
    info(
        Kind::WrongSign,
        "wrong-sign",
        Scope::Sent,
        "numbers of the message have the other sign",
        "wrong-sign TransactionEvent /meterValue/0/sampledValue/0/value",
    )
    .of(Members::Named),
    info(
        Kind::Rounded,
        "rounded",
        Scope::Sent,
        "numbers of the message are rounded to this many decimals",
        "rounded TransactionEvent /meterValue/0/sampledValue/0/value decimals=1",
    )
    .of(Members::Named)
    .with(&[parameter("decimals", Takes::Count { min: 0, max: 6, default: 0 })]),
    info(
        Kind::Stale,
        "stale",
        Scope::Sent,
        "members of the message keep the value that they had first",
        "stale TransactionEvent /seqNo",
    )
    .of(Members::Named),
    info(
        Kind::RepeatedId,
        "repeated-id",
        Scope::Sent,
        "the message has the id of the CALL (or answer) before it",
        "repeated-id StatusNotification",
    ),
    info(Kind::WrongId, "wrong-id", Scope::Sent, "the message has an unknown id", "wrong-id GetVariables response")
        .with(&[parameter("id", Takes::Text("nobody-asked"))]),
    info(
        Kind::Garbage,
        "garbage",
        Scope::Sent,
        "a text that is not a message takes its place",
        "garbage BootNotification:1 text=\"<script>alert(1)</script>\"",
    )
    .with(&[parameter("text", Takes::Text("this is not an OCPP-J message"))]),
    info(
        Kind::Truncated,
        "truncated",
        Scope::Sent,
        "the message ends in the middle",
        "truncated GetBaseReport response",
    ),
    info(
        Kind::DeepJson,
        "deep-json",
        Scope::Sent,
        "the message has custom data that is nested this deep",
        "deep-json BootNotification depth=1000",
    )
    .with(&[parameter("depth", Takes::Count { min: 1, max: 1_000_000, default: 1000 })]),
    info(
        Kind::Oversize,
        "oversize",
        Scope::Sent,
        "the message is padded with blanks to this size",
        "oversize NotifyReport:1 size=100MB",
    )
    .with(&[parameter("size", Takes::Bytes { max: LARGEST, default: 2_000_000 })]),
    info(Kind::Binary, "binary", Scope::Sent, "the message is sent as a binary frame", "binary Heartbeat:1"),
    info(
        Kind::InvalidUtf8,
        "invalid-utf8",
        Scope::Sent,
        "the message contains bytes that are not UTF-8",
        "invalid-utf8 BootNotification:1",
    ),
    info(
        Kind::Disconnect,
        "disconnect",
        Scope::Both,
        "the connection ends instead of the message, or as soon as it is open; with a close frame if a code is given",
        "disconnect TransactionEvent:1 code=1001",
    )
    .with(&[parameter("code", Takes::Maybe { min: 1000, max: 4999 })]),
    info(
        Kind::SlowBytes,
        "slow-bytes",
        Scope::Both,
        "the bytes of the connection trickle at this rate per second, from the message on or from the beginning",
        "slow-bytes BootNotification:1 rate=20",
    )
    .with(&[parameter("rate", Takes::Count { min: 1, max: 100_000, default: 10 })]),
    info(
        Kind::Stall,
        "stall",
        Scope::Connections,
        "the product sends nothing more after this many bytes, in the middle of the handshake",
        "stall connection:1 after=20",
    )
    .with(&[parameter("after", Takes::Count { min: 0, max: 1_000_000, default: 20 })]),
    info(
        Kind::WrongSubprotocol,
        "wrong-subprotocol",
        Scope::Connections,
        "another WebSocket sub-protocol is offered (station) or confirmed (CSMS); `none`: no sub-protocol",
        "wrong-subprotocol connection:1 protocol=ocpp1.6",
    )
    .with(&[parameter("protocol", Takes::Text("ocpp1.6"))]),
    info(
        Kind::WrongPassword,
        "wrong-password",
        Scope::Connections,
        "the station uses another Basic authentication password",
        "wrong-password connection",
    ),
];

impl Kind {
    pub(super) fn info(self) -> &'static Info {
        KINDS.iter().find(|info| info.kind == self).unwrap_or(&KINDS[0])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// Every kind.
    pub fn all() -> impl Iterator<Item = Kind> {
        KINDS.iter().map(|info| info.kind)
    }

    /// What a fault of this kind looks like, written out.
    pub fn example(self) -> &'static str {
        self.info().example
    }
}

/// All kinds with their parameters and an example each, and how a fault is written.
pub fn list() -> String {
    let mut text = String::from(GRAMMAR);
    for info in &KINDS {
        let mut parameters: Vec<String> = match info.members {
            Members::None => Vec::new(),
            Members::Named => vec!["/MEMBER…".into()],
            Members::Valued => vec!["/MEMBER=VALUE…".into()],
        };
        parameters.extend(info.parameters.iter().map(told));
        text.push_str(&format!("\n  {}", info.name));
        if !parameters.is_empty() {
            text.push_str(&format!(" … {}", parameters.join(" ")));
        }
        text.push_str(&format!("\n      {}\n      {}\n", info.about, info.example));
    }
    text.push_str(&super::named::list());
    text
}

/// A parameter with what it is where nobody says.
fn told(parameter: &Parameter) -> String {
    let name = parameter.name;
    match parameter.takes {
        Takes::Time(milliseconds) => format!("[{name}={}]", super::units::time(Duration::from_millis(milliseconds))),
        Takes::Bytes { default, .. } => format!("[{name}={}]", super::units::bytes(default)),
        Takes::Count { default, .. } => format!("[{name}={default}]"),
        Takes::Maybe { .. } => format!("[{name}=NUMBER]"),
        Takes::Text(default) if default.contains(' ') => format!("[{name}={}]", serde_json::Value::from(default)),
        Takes::Text(default) => format!("[{name}={default}]"),
    }
}

const GRAMMAR: &str = "\
A fault is written  KIND [WHERE] [PARAMETER…] [when=/MEMBER=VALUE], or NAME

  WHERE      ACTION[:N|:N+] [call|response]   the messages of this action (* or nothing: of all): the CALLs, the answers to
                                              CALLs, or both; the N-th, the N-th and all after it, or every one
             connection[:N|:N+]               the connection attempts, likewise
  /MEMBER    a place in the payload, as a JSON pointer: /transactionInfo/transactionId, /meterValue/0/timestamp
  VALUE      JSON, or text as it is; in quotation marks where it has blanks: /customData={\"vendorId\":\"x\"}
  NAME       a fault that real products have, by its name; they are listed at the end
  when       only messages that have this value there; others are not counted
  times      500ms, 30s, 2min; sizes: 500B, 20kB, 2MB (decimal)

Each test case has a product of its own, so that N is counted from its beginning; `simulate` counts over its whole life.
Several faults hold side by side, in the order given.
";
