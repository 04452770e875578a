//! What a version of OCPP is: its messages with their schemas, error codes and requirements, as a value.

pub mod composite;
pub mod error_code;
pub mod frame;
pub mod ids;
mod leftovers;
pub mod member;
pub mod messages;
mod own_registration;
pub mod pics_tables;
pub mod primitives;
pub mod programme;
pub mod requirements;
mod right;
pub mod rules;
mod schedule;
pub mod semantics;
pub mod session;
mod shape;
mod times;
pub mod transfer;
pub mod unsolicited;
pub mod v1_6;
pub mod v2;

use std::{fmt, sync::LazyLock};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use error_code::ErrorCodes;
use frame::WireFormat;
use messages::Messages;
use pics_tables::PicsTables;
use programme::{Baseline, Profile};
use requirements::RequirementList;
use semantics::{Semantics, WordSet};
use serde_json::{Map, Value};
use session::Session;

/// A version of OCPP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum Version {
    /// OCPP 1.6, the JSON flavour.
    #[serde(rename = "1.6")]
    V1_6,
    /// OCPP 2.0.1.
    #[default]
    #[serde(rename = "2.0.1")]
    V2_0_1,
    /// OCPP 2.1.
    #[serde(rename = "2.1")]
    V2_1,
}

impl Version {
    /// All that the tool knows.
    pub const ALL: [Version; 3] = [Version::V1_6, Version::V2_0_1, Version::V2_1];

    /// All that the tool knows, with their words in files.
    pub const WORDS: [(&'static str, Version); 3] =
        [("1.6", Version::V1_6), ("2.0.1", Version::V2_0_1), ("2.1", Version::V2_1)];

    /// The version with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find_map(|(known, version)| (known == word).then_some(version))
    }

    /// The texts of its message schemas; a later one overlays those before it.
    pub fn schemas(self) -> &'static [&'static str] {
        match self {
            Version::V1_6 => &[SCHEMA_1_6],
            Version::V2_0_1 => &[SCHEMA_2_0_1],
            Version::V2_1 => &[SCHEMA_2_0_1, SCHEMA_2_1],
        }
    }

    /// What this version fixes.
    pub fn protocol(self) -> &'static Protocol {
        match self {
            Version::V1_6 => &OCPP_1_6,
            Version::V2_0_1 => &OCPP_2_0_1,
            Version::V2_1 => &OCPP_2_1,
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = Self::WORDS.iter().find(|(_, version)| version == self).map_or("", |(word, _)| word);
        out.pad(word)
    }
}

/// Everything that a version of OCPP fixes.
#[derive(Debug)]
pub struct Protocol {
    /// Which it is.
    pub version: Version,
    /// `OCPP 2.0.1`.
    pub name: &'static str,
    /// The WebSocket sub-protocol (OCPP-J, 3.1.2).
    pub subprotocol: &'static str,
    /// The message types on the wire.
    pub wire: WireFormat,
    /// The codes of CALLERRORs.
    pub error_codes: &'static ErrorCodes,
    /// What its messages mean.
    pub semantics: &'static dyn Semantics,
    /// Its certification profiles, in the certificates' order.
    pub profiles: &'static [Profile],
    /// Its functional blocks with their titles.
    pub blocks: &'static [(&'static str, &'static str)],
    /// Its baselines, the oldest first.
    pub baselines: &'static [Baseline],
    messages: LazyLock<Messages>,
    requirements: LazyLock<RequirementList>,
    pics_tables: LazyLock<PicsTables>,
    session: fn(&'static Protocol) -> Box<dyn Session>,
    restored: fn(&'static Protocol, &Map<String, Value>) -> Result<Box<dyn Session>, serde_json::Error>,
}

/// The sections of the test cases of OCPP 1.6, which has no functional blocks.
const BLOCKS_OF_1_6: [(&str, &str); 24] = [
    ("cold-boot", "Cold boot"),
    ("start-session", "Start of a session"),
    ("stop-session", "Stop of a session"),
    ("cache", "Authorization cache"),
    ("remote-actions", "Remote actions"),
    ("reset", "Reset"),
    ("unlock", "Unlock connector"),
    ("configuration", "Configuration"),
    ("meter-values", "Meter values"),
    ("basic-non-happy", "Basic actions, not accepted"),
    ("remote-non-happy", "Remote actions, not accepted"),
    ("unlock-non-happy", "Unlock connector, not accepted"),
    ("power-failure", "Power failure"),
    ("offline", "Offline behaviour"),
    ("configuration-non-happy", "Configuration, not accepted"),
    ("fault", "Fault"),
    ("local-list", "Local authorization list"),
    ("firmware", "Firmware"),
    ("diagnostics", "Diagnostics"),
    ("reservation", "Reservation"),
    ("remote-trigger", "Remote trigger"),
    ("smart-charging", "Smart charging"),
    ("data-transfer", "Data transfer"),
    ("security", "Security"),
];

/// OCPP 1.6 with the messages of its security whitepaper.
pub static OCPP_1_6: Protocol = Protocol {
    version: Version::V1_6,
    name: "OCPP 1.6",
    subprotocol: "ocpp1.6",
    wire: WireFormat::ThreeTypesWithNull,
    error_codes: &error_code::OF_1_6,
    semantics: &v1_6::Meanings,
    messages: LazyLock::new(|| Messages::of(&[SCHEMA_1_6], "OCPP 1.6", &error_code::OF_1_6, &primitives::OF_1_6)),
    profiles: &[Profile::CORE, Profile::ADVANCED_SECURITY, Profile::SMART_CHARGING],
    blocks: &BLOCKS_OF_1_6,
    baselines: &[Baseline::B2025_11],
    requirements: LazyLock::new(|| RequirementList::of(&[include_str!("../../data/ocpp1.6/requirements.yaml")])),
    pics_tables: LazyLock::new(|| PicsTables::of(include_str!("../../data/ocpp1.6/pics.txt"))),
    session: |protocol| Box::new(v1_6::Conversation::new(protocol)),
    restored: v1_6::restored,
};

/// The functional blocks of OCPP 2.1; OCPP 2.0.1 ends with P.
static BLOCKS_OF_2_1: [(&str, &str); 19] = [
    ("A", "Security"),
    ("B", "Provisioning"),
    ("C", "Authorization"),
    ("D", "Local authorization list"),
    ("E", "Transactions"),
    ("F", "Remote control"),
    ("G", "Availability"),
    ("H", "Reservation"),
    ("I", "Tariff and cost"),
    ("J", "Meter values"),
    ("K", "Smart charging"),
    ("L", "Firmware management"),
    ("M", "Certificate management"),
    ("N", "Diagnostics"),
    ("O", "Display messages"),
    ("P", "Data transfer"),
    ("Q", "Bidirectional power transfer"),
    ("R", "DER control"),
    ("S", "Battery swapping"),
];

/// OCPP 2.0.1.
pub static OCPP_2_0_1: Protocol = Protocol {
    version: Version::V2_0_1,
    name: "OCPP 2.0.1",
    subprotocol: "ocpp2.0.1",
    wire: WireFormat::ThreeTypes,
    error_codes: &error_code::OF_2_X,
    semantics: &v2::Meanings,
    messages: LazyLock::new(|| Messages::of(&[SCHEMA_2_0_1], "OCPP 2.0.1", &error_code::OF_2_X, &primitives::OF_2_X)),
    profiles: &[
        Profile::CORE,
        Profile::ADVANCED_SECURITY,
        Profile::LOCAL_AUTHORIZATION_LIST,
        Profile::SMART_CHARGING,
        Profile::ADVANCED_DEVICE_MANAGEMENT,
        Profile::RESERVATION,
        Profile::ADVANCED_USER_INTERFACE,
        Profile::ISO_15118,
    ],
    blocks: BLOCKS_OF_2_1.split_at(16).0,
    baselines: &[Baseline::B2024_06, Baseline::B2025_09, Baseline::B2026_02],
    requirements: LazyLock::new(|| RequirementList::of(&REQUIREMENTS_2_0_1)),
    pics_tables: LazyLock::new(|| PicsTables::of(PICS_TABLES_2_0_1)),
    session: |protocol| Box::new(v2::Conversation::new(protocol)),
    restored: v2::restored,
};

/// OCPP 2.1: OCPP 2.0.1 and what it adds or changes.
pub static OCPP_2_1: Protocol = Protocol {
    version: Version::V2_1,
    name: "OCPP 2.1",
    subprotocol: "ocpp2.1",
    wire: WireFormat::FiveTypes,
    error_codes: &error_code::OF_2_X,
    semantics: &v2::Meanings,
    messages: LazyLock::new(|| {
        Messages::of(&[SCHEMA_2_0_1, SCHEMA_2_1], "OCPP 2.1", &error_code::OF_2_X, &primitives::OF_2_X)
    }),
    profiles: &[
        Profile::CORE,
        Profile::ADVANCED_SECURITY,
        Profile::SMART_CHARGING,
        Profile::ISO_15118,
        Profile::BIDIRECTIONAL_POWER_TRANSFER,
        Profile::DER_CONTROL,
    ],
    blocks: &BLOCKS_OF_2_1,
    baselines: &[Baseline::B2025_12],
    requirements: LazyLock::new(|| RequirementList::of(&[&REQUIREMENTS_2_0_1[..], &REQUIREMENTS_2_1].concat())),
    pics_tables: LazyLock::new(|| {
        PicsTables::of(PICS_TABLES_2_0_1).over(Baseline::B2026_02, include_str!("../../data/ocpp2.1/pics.txt"))
    }),
    session: |protocol| Box::new(v2::Conversation::new(protocol)),
    restored: v2::restored,
};

const PICS_TABLES_2_0_1: &str = include_str!("../../data/ocpp2.0.1/pics.txt");
const REQUIREMENTS_2_0_1: [&str; 4] = [
    include_str!("../../data/ocpp2.0.1/requirements/a-g.yaml"),
    include_str!("../../data/ocpp2.0.1/requirements/h-p.yaml"),
    include_str!("../../data/ocpp2.0.1/requirements/o.yaml"),
    include_str!("../../data/ocpp2.0.1/requirements/sections.yaml"),
];
const REQUIREMENTS_2_1: [&str; 8] = [
    include_str!("../../data/ocpp2.1/requirements/a-b.yaml"),
    include_str!("../../data/ocpp2.1/requirements/c.yaml"),
    include_str!("../../data/ocpp2.1/requirements/e-j.yaml"),
    include_str!("../../data/ocpp2.1/requirements/i.yaml"),
    include_str!("../../data/ocpp2.1/requirements/k.yaml"),
    include_str!("../../data/ocpp2.1/requirements/m-o.yaml"),
    include_str!("../../data/ocpp2.1/requirements/q-s.yaml"),
    include_str!("../../data/ocpp2.1/requirements/sections.yaml"),
];
const SCHEMA_1_6: &str = include_str!("../../data/ocpp1.6/schema.json");
const SCHEMA_2_0_1: &str = include_str!("../../data/ocpp2.0.1/schema.json");
const SCHEMA_2_1: &str = include_str!("../../data/ocpp2.1/schema.json");

impl Protocol {
    /// What it demands, by id.
    pub fn requirements(&'static self) -> &'static RequirementList {
        &self.requirements
    }

    /// What a PICS may answer.
    pub fn pics_tables(&'static self) -> &'static PicsTables {
        &self.pics_tables
    }

    /// The title of a functional block.
    pub fn block_title(&self, block: &str) -> &'static str {
        self.blocks.iter().find_map(|(known, title)| (*known == block).then_some(*title)).unwrap_or("Other")
    }

    /// The profile of this version with this id.
    pub fn profile(&self, id: &str) -> Option<Profile> {
        self.profiles.iter().copied().find(|profile| profile.id() == id)
    }

    /// The baseline of this version with this id.
    pub fn baseline(&self, id: &str) -> Option<Baseline> {
        self.baselines.iter().copied().find(|baseline| baseline.id() == id)
    }

    /// The messages with their schemas.
    pub fn messages(&'static self) -> &'static Messages {
        &self.messages
    }

    /// A set of words that messages take values from; empty where this version has none.
    pub fn words(&'static self, words: WordSet) -> Vec<String> {
        if words == WordSet::RequestsOfCsms {
            let actions = self.messages().actions().filter(|action| self.messages().sent_by(action, false));
            return actions.map(str::to_owned).collect();
        }
        let place = self.semantics.place_of(words);
        let place = place.and_then(|(action, pointer)| self.messages().member(action, true, pointer));
        place.map(|place| place.words().into_iter().map(str::to_owned).collect()).unwrap_or_default()
    }

    /// A session with a product of which nothing is known yet.
    pub fn session(&'static self) -> Box<dyn Session> {
        (self.session)(self)
    }

    /// A session as a recording kept it ([`Session::keep`]).
    ///
    /// # Errors
    ///
    /// When something in it can't be read.
    pub fn restored(&'static self, kept: &Map<String, Value>) -> Result<Box<dyn Session>, serde_json::Error> {
        (self.restored)(self, kept)
    }
}
