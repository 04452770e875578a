//! The certification programme of a version of OCPP: which sides are certified, for which profiles, under which baselines.

use std::{cmp::Ordering, fmt, hash};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Version;

/// Which side is under test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SutKind {
    /// A charging station.
    ChargingStation,
    /// A charging station management system.
    Csms,
}

impl SutKind {
    /// Both, with their words in files.
    pub const WORDS: [(&'static str, SutKind); 2] =
        [("charging-station", SutKind::ChargingStation), ("csms", SutKind::Csms)];

    /// The side with this word.
    pub fn named(word: &str) -> Option<Self> {
        Self::WORDS.into_iter().find_map(|(known, sut)| (known == word).then_some(sut))
    }
}

/// A certification profile. A profile of several versions is one and the same; [`super::Protocol::profiles`] says which a version has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Profile {
    /// Its place in the certificates' order.
    order: u8,
    id: &'static str,
    title: &'static str,
}

impl Profile {
    /// Core.
    pub const CORE: Self = Self::new(0, "core", "Core");
    /// Advanced Security.
    pub const ADVANCED_SECURITY: Self = Self::new(1, "advanced-security", "Advanced Security");
    /// Local Authorization List Management.
    pub const LOCAL_AUTHORIZATION_LIST: Self =
        Self::new(2, "local-authorization-list", "Local Authorization List Management");
    /// Smart Charging.
    pub const SMART_CHARGING: Self = Self::new(3, "smart-charging", "Smart Charging");
    /// Advanced Device Management.
    pub const ADVANCED_DEVICE_MANAGEMENT: Self =
        Self::new(4, "advanced-device-management", "Advanced Device Management");
    /// Reservation.
    pub const RESERVATION: Self = Self::new(5, "reservation", "Reservation");
    /// Advanced User Interface.
    pub const ADVANCED_USER_INTERFACE: Self = Self::new(6, "advanced-user-interface", "Advanced User Interface");
    /// ISO 15118 Support.
    pub const ISO_15118: Self = Self::new(7, "iso-15118", "ISO 15118 Support");
    /// Bidirectional Power Transfer, of OCPP 2.1.
    pub const BIDIRECTIONAL_POWER_TRANSFER: Self =
        Self::new(8, "bidirectional-power-transfer", "Bidirectional Power Transfer");
    /// DER Control, of OCPP 2.1.
    pub const DER_CONTROL: Self = Self::new(9, "der-control", "DER Control");

    /// Every profile of every version, in the certificates' order.
    pub const ALL: [Self; 10] = [
        Self::CORE,
        Self::ADVANCED_SECURITY,
        Self::LOCAL_AUTHORIZATION_LIST,
        Self::SMART_CHARGING,
        Self::ADVANCED_DEVICE_MANAGEMENT,
        Self::RESERVATION,
        Self::ADVANCED_USER_INTERFACE,
        Self::ISO_15118,
        Self::BIDIRECTIONAL_POWER_TRANSFER,
        Self::DER_CONTROL,
    ];

    const fn new(order: u8, id: &'static str, title: &'static str) -> Self {
        Self { order, id, title }
    }

    /// The profile with this id, of whichever version.
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.id == id)
    }

    /// The id used in PICS and catalogue.
    pub fn id(self) -> &'static str {
        self.id
    }

    /// The name that certificates print.
    pub fn title(self) -> &'static str {
        self.title
    }
}

/// What a certification refers to: an edition of the specification with its errata up to a date. It decides which conditions hold.
#[derive(Clone, Copy)]
pub struct Baseline(&'static BaselineInfo);

/// What is fixed by a baseline.
#[derive(Debug)]
pub struct BaselineInfo {
    /// The version of OCPP.
    pub version: Version,
    /// The month of the errata, `2025-09`. No two versions share one.
    pub id: &'static str,
    /// The edition of the specification.
    pub edition: u8,
    /// The profiles that this baseline makes features of Core, each with the feature that switches it on.
    pub core_features: &'static [(Profile, &'static str)],
}

/// The former profiles that have become features of Core.
const CORE_FEATURES: &[(Profile, &str)] = &[
    (Profile::RESERVATION, "R-0"),
    (Profile::ADVANCED_DEVICE_MANAGEMENT, "DM-0"),
    (Profile::LOCAL_AUTHORIZATION_LIST, "LA-0"),
    (Profile::ADVANCED_USER_INTERFACE, "UI-0"),
];

impl Baseline {
    /// OCPP 1.6, edition 2, test cases of 2024-04.
    pub const B2024_04: Self =
        Self::of(&BaselineInfo { version: Version::V1_6, id: "2024-04", edition: 2, core_features: &[] });
    /// OCPP 2.0.1, edition 3, errata 2024-06.
    pub const B2024_06: Self =
        Self::of(&BaselineInfo { version: Version::V2_0_1, id: "2024-06", edition: 3, core_features: &[] });
    /// OCPP 2.0.1, edition 3, errata 2025-09.
    pub const B2025_09: Self =
        Self::of(&BaselineInfo { version: Version::V2_0_1, id: "2025-09", edition: 3, core_features: &[] });
    /// OCPP 2.0.1, edition 4, errata 2026-02: four profiles have become features of Core.
    pub const B2026_02: Self =
        Self::of(&BaselineInfo { version: Version::V2_0_1, id: "2026-02", edition: 4, core_features: CORE_FEATURES });

    /// OCPP 2.1, edition 2.
    pub const B2025_12: Self =
        Self::of(&BaselineInfo { version: Version::V2_1, id: "2025-12", edition: 2, core_features: CORE_FEATURES });

    /// A baseline.
    pub const fn of(info: &'static BaselineInfo) -> Self {
        Self(info)
    }

    /// The baseline with this id, of whichever version.
    pub fn named(id: &str) -> Option<Self> {
        let all = Version::ALL.into_iter().flat_map(|version| version.protocol().baselines);
        all.copied().find(|baseline| baseline.id() == id)
    }

    /// The id used in PICS and catalogue, `2025-09`.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The version of OCPP.
    pub fn version(self) -> Version {
        self.0.version
    }

    /// The edition of the specification.
    pub fn edition(self) -> u8 {
        self.0.edition
    }

    /// The profiles that this baseline makes features of Core, each with the feature that switches it on.
    pub fn core_features(self) -> &'static [(Profile, &'static str)] {
        self.0.core_features
    }

    /// True for a profile that this baseline makes a feature of Core.
    pub fn is_core_feature(self, profile: Profile) -> bool {
        self.0.core_features.iter().any(|(core, _)| *core == profile)
    }
}

impl fmt::Debug for Baseline {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} of OCPP {}", self.0.id, self.0.version)
    }
}

impl PartialEq for Baseline {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Baseline {}

impl PartialOrd for Baseline {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Baseline {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0.version, self.0.id).cmp(&(other.0.version, other.0.id))
    }
}

impl hash::Hash for Baseline {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        (self.0.version, self.0.id).hash(state);
    }
}

macro_rules! by_id {
    ($kind:ident, $what:literal) => {
        impl Serialize for $kind {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.id())
            }
        }

        impl<'de> Deserialize<'de> for $kind {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let id = String::deserialize(deserializer)?;
                Self::named(&id).ok_or_else(|| de::Error::custom(format!("unknown {} `{id}`", $what)))
            }
        }
    };
}

by_id!(Profile, "certification profile");
by_id!(Baseline, "baseline");

impl JsonSchema for Profile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Profile".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let ids: Vec<&str> = Self::ALL.iter().map(|profile| profile.id).collect();
        json_schema!({ "description": "A certification profile.", "type": "string", "enum": ids })
    }
}

impl JsonSchema for Baseline {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Baseline".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let all = Version::ALL.into_iter().flat_map(|version| version.protocol().baselines);
        let ids: Vec<&str> = all.map(|baseline| baseline.id()).collect();
        json_schema!({
            "description": "The errata date that a certification refers to; it decides which conditions hold.",
            "type": "string",
            "enum": ids,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn an_id_names_one_baseline_and_one_profile() {
        let all: Vec<Baseline> =
            Version::ALL.into_iter().flat_map(|version| version.protocol().baselines).copied().collect();
        assert_eq!(all.iter().map(|baseline| baseline.id()).collect::<BTreeSet<_>>().len(), all.len());
        for version in Version::ALL {
            let protocol = version.protocol();
            assert!(protocol.baselines.is_sorted() && protocol.profiles.is_sorted(), "{version}");
            assert!(protocol.baselines.iter().all(|baseline| baseline.version() == version));
        }
        assert!(Profile::ALL.is_sorted());
        for profile in Profile::ALL {
            assert_eq!(serde_json::to_value(profile).unwrap(), profile.id());
            assert_eq!(serde_json::from_value::<Profile>(profile.id().into()).unwrap(), profile);
        }
        assert!(serde_json::from_str::<Baseline>("\"1999-01\"").is_err());
    }
}
