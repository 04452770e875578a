//! The PICS as data. Reading, checking and importing stand beside it.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::protocol::programme::{Baseline, Profile, SutKind};

/// What the PICS answers to one id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Answer {
    /// Yes or No.
    Bool(bool),
    /// A number (HFS-8, most ORS).
    Number(i64),
    /// A word.
    Text(String),
    /// Several words (HFS-9, C-41, ORS-24).
    List(Vec<String>),
    /// The measurands of one C-40.x.
    Measurands {
        /// Tested during certification.
        tested: Vec<String>,
        /// Supported according to the vendor.
        supported: Vec<String>,
    },
}

/// A connector of an EVSE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connector {
    /// The connector id, from 1.
    pub id: u32,
    /// `cType2`, `cCCS2`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// `fixed` or `detachable`.
    pub cable: String,
}

/// A row group of the EVSE table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evse {
    /// The EVSE id, from 1.
    pub id: u32,
    /// `AC` or `DC`.
    pub current: String,
    /// As printed: `1`, `1 & 3`.
    pub phases: String,
    /// Its connectors.
    pub connectors: Vec<Connector>,
}

/// The product that is certified.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Product {
    /// The certificate's holder.
    pub holder: String,
    /// Vendor name.
    pub vendor: String,
    /// Product designation.
    pub designation: String,
    /// Firmware version (charging station).
    pub firmware_version: Option<String>,
    /// OCPP software version (CSMS).
    pub software_version: Option<String>,
    /// Config ID.
    pub config_id: Option<String>,
    /// `mode-1-2-only` or `wireless`.
    pub subtype: Option<String>,
    /// Hash of the firmware image, hexadecimal.
    pub firmware_hash: Option<String>,
}

/// A row of the vendor specific settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VendorSetting {
    /// Configuration setting.
    pub name: String,
    /// Configured value.
    pub value: String,
    /// Description.
    pub description: String,
}

/// The performance section: what the vendor promises, in seconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Performance {
    /// Communication technology used during the measurement.
    pub communication: Option<String>,
    /// KPI key (`response-time`, `triggered-function`, `start-authorization`, `stop-authorization`, `authorize`) → seconds.
    pub maximum: IndexMap<String, f64>,
}

/// Who tests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Laboratory {
    /// Test laboratory.
    pub name: Option<String>,
    /// Location.
    pub location: Option<String>,
    /// Test location, where it differs.
    pub test_location: Option<String>,
    /// Test report reference.
    pub report_reference: Option<String>,
}

/// One party's block of the statement of approval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct Approver {
    /// Name.
    pub name: Option<String>,
    /// Date as printed.
    pub date: Option<String>,
    /// Name of the reviewer (laboratory).
    pub reviewer: Option<String>,
    /// Company.
    pub company: Option<String>,
    /// Department.
    pub department: Option<String>,
    /// Position.
    pub position: Option<String>,
    /// Location.
    pub location: Option<String>,
}

/// What a certificate refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct References {
    /// Number of the certificate.
    pub certificate: Option<String>,
    /// Date of certification, as printed.
    pub certification_date: Option<String>,
    /// The specification that the certificate attests.
    pub specification: Option<String>,
    /// Who tested, and when.
    pub tested: Option<String>,
    /// The document that holds the PICS.
    pub evidence: Option<String>,
    /// Version of the tool that tested.
    pub tool_version: Option<String>,
    /// Instance of that tool.
    pub tool_instance: Option<String>,
}

/// The statement of approval.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Approval {
    /// The vendor.
    pub vendor: Approver,
    /// The laboratory.
    pub laboratory: Approver,
}

/// Who tested in a run and who approves its report, as the bench says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct TestedBy {
    /// The laboratory.
    pub laboratory: Laboratory,
    /// Who approves.
    pub approval: Approval,
}

impl TestedBy {
    /// True when the bench names nobody, or the run was simulated.
    pub fn is_nobody(&self) -> bool {
        *self == Self::default()
    }
}

impl Approval {
    /// Without the names of persons; the row of a reviewer stays.
    #[must_use]
    pub fn without_names(self) -> Self {
        let without = |approver: Approver| Approver {
            name: None,
            reviewer: approver.reviewer.map(|_| String::new()),
            ..approver
        };
        Self { vendor: without(self.vendor), laboratory: without(self.laboratory) }
    }

    /// The rows alone, to be filled in by hand.
    #[must_use]
    pub fn to_be_filled_in(&self) -> Self {
        let empty = |approver: &Approver| Approver {
            reviewer: approver.reviewer.as_ref().map(|_| String::new()),
            ..Approver::default()
        };
        Self { vendor: empty(&self.vendor), laboratory: empty(&self.laboratory) }
    }
}

/// A whole PICS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pics {
    /// Which side is under test.
    pub sut: SutKind,
    /// The OCPP version, `2.0.1`.
    pub ocpp: crate::protocol::Version,
    /// Edition 3 or 4.
    pub edition: u8,
    /// The baseline.
    pub baseline: Baseline,
    /// The product.
    pub product: Product,
    /// The profiles to certify.
    pub profiles: Vec<Profile>,
    /// HFS answers.
    #[serde(default)]
    pub hardware: IndexMap<String, Answer>,
    /// The EVSE table.
    #[serde(default)]
    pub evses: Vec<Evse>,
    /// C, AS, LA, R, DM, UI, SC, ISO answers.
    #[serde(default)]
    pub features: IndexMap<String, Answer>,
    /// AQ answers.
    #[serde(default)]
    pub questions: IndexMap<String, Answer>,
    /// ORS values.
    #[serde(default)]
    pub settings: IndexMap<String, Answer>,
    /// Vendor specific settings.
    #[serde(default)]
    pub vendor_settings: Vec<VendorSetting>,
    /// Performance.
    #[serde(default)]
    pub performance: Performance,
    /// Laboratory.
    #[serde(default)]
    pub laboratory: Laboratory,
    /// Approval.
    #[serde(default)]
    pub approval: Approval,
    /// References.
    #[serde(default)]
    pub references: References,
}

impl Pics {
    /// The answer to any id, whichever section it stands in.
    pub fn answer(&self, id: &str) -> Option<&Answer> {
        [&self.features, &self.questions, &self.hardware, &self.settings].into_iter().find_map(|map| map.get(id))
    }

    /// True when the id is answered with Yes; absent counts as No.
    pub fn is_yes(&self, id: &str) -> bool {
        matches!(self.answer(id), Some(Answer::Bool(true)))
    }

    /// The words of a list-valued id; empty when absent.
    pub fn list(&self, id: &str) -> &[String] {
        match self.answer(id) {
            Some(Answer::List(words)) => words,
            Some(Answer::Text(word)) => std::slice::from_ref(word),
            Some(Answer::Measurands { supported, .. }) => supported,
            _ => &[],
        }
    }

    /// The number of a numeric id.
    pub fn number(&self, id: &str) -> Option<i64> {
        match self.answer(id) {
            Some(Answer::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// True when the product is to be certified for the profile.
    pub fn has_profile(&self, profile: Profile) -> bool {
        self.profiles.contains(&profile)
    }

    /// True when the product does what the profile is about: it is to be certified for the profile, or for the feature of core that
    /// the profile has become in the baseline (`DM-0` …).
    pub fn supports(&self, profile: Profile) -> bool {
        let feature = self.baseline.core_features().iter().find(|(core, _)| *core == profile);
        self.has_profile(profile) || feature.is_some_and(|(_, id)| self.is_yes(id))
    }

    /// The TxStartPoint values that the product supports (C-09.x), in the PICS's order.
    pub fn tx_start_points(&self) -> Vec<&'static str> {
        const IDS: [(&str, &str); 6] = [
            ("C-09.1", "EVConnected"),
            ("C-09.2", "Authorized"),
            ("C-09.3", "DataSigned"),
            ("C-09.4", "PowerPathClosed"),
            ("C-09.5", "EnergyTransfer"),
            ("C-09.6", "ParkingBayOccupancy"),
        ];
        IDS.iter().filter(|(id, _)| self.is_yes(id)).map(|(_, name)| *name).collect()
    }

    /// The TxStopPoint values that the product supports (C-10.x), in the PICS's order.
    pub fn tx_stop_points(&self) -> Vec<&'static str> {
        const IDS: [(&str, &str); 5] = [
            ("C-10.1", "EVConnected"),
            ("C-10.2", "Authorized"),
            ("C-10.3", "PowerPathClosed"),
            ("C-10.4", "EnergyTransfer"),
            ("C-10.5", "ParkingBayOccupancy"),
        ];
        IDS.iter().filter(|(id, _)| self.is_yes(id)).map(|(_, name)| *name).collect()
    }
}
