//! PICS × catalogue → plan: each test case selected or left out, with the reason in words.

pub mod choice;

use serde::{Deserialize, Serialize};

use crate::{
    pics::Pics,
    testcase::catalogue::{Catalogue, Demand, Header},
};

/// One line of the plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlanEntry {
    /// Test case id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The functional block, `B`.
    #[serde(default)]
    pub block: String,
    /// Profiles (of those the PICS names) that contain it under this baseline.
    pub profiles: Vec<String>,
    /// Selected by its condition.
    pub applicable: bool,
    /// Has steps.
    pub implemented: bool,
    /// Why it is, or is not, applicable.
    pub reason: String,
    /// The requirements that it verifies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requirements: Vec<String>,
}

/// The plan for a product: every test case of its side, in catalogue order.
pub fn plan(pics: &Pics, catalogue: &Catalogue) -> Vec<PlanEntry> {
    catalogue
        .cases
        .values()
        .filter(|entry| entry.header.sut == pics.sut)
        .map(|entry| select(pics, &entry.header))
        .collect()
}

/// Decides on one test case.
pub fn select(pics: &Pics, header: &Header) -> PlanEntry {
    let demands = header.demands(pics.baseline);
    let mut profiles = Vec::new();
    let mut reasons = Vec::new();
    let mut refusals = Vec::new();
    for (profile, demand) in demands {
        if !pics.has_profile(*profile) {
            refusals.push(format!("profile {} is not part of this certification", profile.id()));
            continue;
        }
        match demand {
            Demand::Mandatory => {
                profiles.push(profile.id().to_owned());
                reasons.push(format!("mandatory in {}", profile.id()));
            }
            Demand::When(condition) => {
                let answered = condition.answer(pics);
                let because = answered.because.join(", ");
                if answered.holds {
                    profiles.push(profile.id().to_owned());
                    reasons.push(because);
                } else {
                    refusals.insert(0, because);
                }
            }
        }
    }
    let applicable = !profiles.is_empty();
    let reason = if applicable {
        reasons.join("; ")
    } else if demands.is_empty() {
        format!("not in the programme of baseline {}", pics.baseline.id())
    } else {
        refusals.join("; ")
    };
    PlanEntry {
        id: header.id.clone(),
        title: header.title.clone(),
        block: header.block.clone(),
        profiles,
        applicable,
        implemented: header.implemented,
        reason,
        requirements: header.proves(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        pics::{Baseline, Profile, SutKind, reader},
        protocol::Version,
    };

    fn selected(file: &str) -> usize {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(file);
        let pics = reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"));
        let catalogue = Catalogue::embedded(Version::V2_0_1).unwrap_or_else(|defects| panic!("{defects:?}"));
        plan(&pics, &catalogue).iter().filter(|entry| entry.applicable).count()
    }

    #[test]
    fn the_certified_products_get_the_programmes_they_were_certified_with() {
        assert_eq!(selected("cp-flex-plus-eu.yaml"), 163);
        assert_eq!(selected("greenflux-ev-platform.yaml"), 135);
        assert_eq!(selected("beny-bcpcv-ct2m-p.yaml"), 192);
    }

    /// Per profile: mandatory and conditional test cases of stations, then of CSMSs.
    fn counts(baseline: Baseline) -> Vec<(&'static str, [usize; 4])> {
        let catalogue = Catalogue::embedded(baseline.version()).unwrap();
        let demands = |sut: SutKind, wanted: Profile, mandatory: bool| {
            let headers = catalogue.cases.values().map(|entry| &entry.header).filter(move |header| header.sut == sut);
            let demands = headers.flat_map(|header| header.demands(baseline));
            demands
                .filter(|(profile, demand)| *profile == wanted && (*demand == Demand::Mandatory) == mandatory)
                .count()
        };
        let of = |profile: &Profile| {
            let of = |sut| [demands(sut, *profile, true), demands(sut, *profile, false)];
            let ([a, b], [c, d]) = (of(SutKind::ChargingStation), of(SutKind::Csms));
            (profile.id(), [a, b, c, d])
        };
        baseline.version().protocol().profiles.iter().map(of).filter(|(_, counts)| *counts != [0; 4]).collect()
    }

    /// The figures are those of the published lists of test cases.
    #[test]
    fn the_catalogue_holds_every_test_case() {
        let total = |version: Version| Catalogue::embedded(version).unwrap().cases.len();
        assert_eq!([Version::V2_0_1, Version::V2_1].map(total), [642, 876]);
        assert_eq!(
            counts(Baseline::B2024_06),
            [
                ("core", [104, 118, 104, 27]),
                ("advanced-security", [5, 2, 4, 0]),
                ("local-authorization-list", [21, 1, 8, 1]),
                ("smart-charging", [33, 3, 21, 1]),
                ("advanced-device-management", [37, 4, 18, 0]),
                ("reservation", [12, 10, 6, 3]),
                ("advanced-user-interface", [26, 7, 21, 0]),
                ("iso-15118", [54, 7, 36, 2]),
            ]
        );
        assert_eq!(
            counts(Baseline::B2025_09),
            [
                ("core", [104, 119, 105, 27]),
                ("advanced-security", [5, 2, 4, 0]),
                ("local-authorization-list", [14, 8, 8, 1]),
                ("smart-charging", [33, 3, 21, 1]),
                ("advanced-device-management", [36, 5, 18, 0]),
                ("reservation", [12, 10, 6, 3]),
                ("advanced-user-interface", [25, 7, 21, 0]),
                ("iso-15118", [54, 6, 36, 1]),
            ]
        );
        assert_eq!(
            counts(Baseline::B2026_02),
            [
                ("core", [103, 236, 104, 84]),
                ("advanced-security", [5, 2, 4, 0]),
                ("smart-charging", [33, 3, 21, 1]),
                ("iso-15118", [54, 6, 36, 1]),
            ]
        );
        assert_eq!(
            counts(Baseline::B2025_12),
            [
                ("core", [107, 317, 114, 120]),
                ("advanced-security", [5, 4, 4, 0]),
                ("smart-charging", [35, 38, 27, 10]),
                // TC_M_27_CS is printed as mandatory, with a condition.
                ("iso-15118", [48, 18, 43, 1]),
                ("bidirectional-power-transfer", [5, 12, 6, 6]),
                ("der-control", [7, 1, 2, 0]),
            ]
        );
    }
}
