//! Every id that a PICS may answer, with kind, wording and the table it is printed in.

pub use crate::protocol::pics_tables::{AnswerKind, Part, Row, Section, Table};

use super::model::{Baseline, Pics, Profile, SutKind};

/// The sections for a side and baseline, in print order, with only the rows that apply to them.
pub fn sections(kind: SutKind, baseline: Baseline) -> Vec<Section> {
    baseline.version().protocol().pics_tables().sections(kind, baseline)
}

/// True when the certificate of this product prints the section.
pub fn printed(section: &Section, pics: &Pics) -> bool {
    match section.profile {
        None | Some(Profile::CORE) => true,
        Some(profile) => pics.has_profile(profile) || pics.baseline.is_core_feature(profile),
    }
}
