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
    use crate::pics::reader;

    fn selected(file: &str) -> usize {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(file);
        let pics = reader::read(&path).unwrap_or_else(|defects| panic!("{defects}"));
        let catalogue =
            Catalogue::embedded(crate::protocol::Version::V2_0_1).unwrap_or_else(|defects| panic!("{defects:?}"));
        plan(&pics, &catalogue).iter().filter(|entry| entry.applicable).count()
    }

    #[test]
    fn the_certified_products_get_the_programmes_they_were_certified_with() {
        assert_eq!(selected("cp-flex-plus-eu.yaml"), 163);
        assert_eq!(selected("greenflux-ev-platform.yaml"), 135);
        assert_eq!(selected("beny-bcpcv-ct2m-p.yaml"), 192);
    }

    #[test]
    fn the_catalogue_holds_every_test_case() {
        assert_eq!(Catalogue::embedded(crate::protocol::Version::V2_0_1).unwrap().cases.len(), 642);
    }
}
