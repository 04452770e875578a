//! The variables that OCPP 2.1 adds for smart charging, as the PICS has its features.

use super::{
    device::{Device, Domain, Mutability, Variable},
    smart_charging,
};
use crate::{
    pics::{Pics, Profile},
    protocol::Version,
};

/// The features that a station may leave out, with the ids of the PICS that claim them.
const FEATURES: [(&str, &[&str]); 5] = [
    ("DynamicProfiles", &["SC-8"]),
    ("UseLocalTime", &["SC-5.1", "SC-5.2"]),
    ("RandomizedDelay", &["SC-7"]),
    ("LimitAtSoC", &["SC-3"]),
    ("EvseSleep", &["SC-9.1"]),
];

impl Device {
    /// Adds what the station has of them.
    pub fn add_smart_charging(&mut self, pics: &Pics, version: Version) {
        if version != Version::V2_1 || !smart_charging::is_supported(pics) {
            return;
        }
        let mut add = |component, name, instance, mutability, value: String, domain| {
            self.variables.push(Variable { instance, ..Variable::new(component, name, mutability, (value, domain)) });
        };
        let (read, write) = (Mutability::ReadOnly, Mutability::ReadWrite);
        let component = "SmartChargingCtrlr";
        for (feature, ids) in FEATURES {
            let value = ids.iter().any(|id| pics.is_yes(id)).to_string();
            add(component, "SupportsFeature", Some(feature), read, value, Domain::Boolean);
        }
        // Every station has it, for no question of the PICS asks.
        add(component, "SupportsFeature", Some("MaxOfflineDuration"), read, "true".into(), Domain::Boolean);
        let purposes = [
            ("PriorityCharging", pics.is_yes("SC-6")),
            ("LocalGeneration", pics.has_profile(Profile::BIDIRECTIONAL_POWER_TRANSFER)),
        ];
        let purposes: Vec<String> =
            purposes.into_iter().filter(|(_, has)| *has).map(|(purpose, _)| purpose.to_owned()).collect();
        if !purposes.is_empty() {
            let domain = Domain::MemberList(purposes.clone());
            add(component, "SupportedAdditionalPurposes", None, read, purposes.join(","), domain);
        }
        if pics.is_yes("SC-10") {
            add(component, "MaxExternalConstraintsId", None, write, "0".into(), Domain::Integer(-100_000, 100_000));
            add(component, "ExternalConstraintsProfileDisallowed", None, write, "false".into(), Domain::Boolean);
            add(component, "NotifyChargingLimitWithSchedules", None, write, "true".into(), Domain::Boolean);
        }
        // C-25 and C-26 are about showing local time.
        let has = |variables: &[Variable], name: &str| variables.iter().any(|variable| variable.name == name);
        let zones = [("SC-5.1", "TimeOffset", 6), ("SC-5.2", "TimeZone", 64)];
        let missing: Vec<_> =
            zones.into_iter().filter(|(id, name, _)| pics.is_yes(id) && !has(&self.variables, name)).collect();
        for (_, name, length) in missing {
            self.variables.push(Variable::new("ClockCtrlr", name, write, (String::new(), Domain::Text(length))));
        }
    }
}
