//! What must hold between the answers of a PICS: none is missing, and none contradicts another.

use super::Reader;
use crate::{
    pics::{
        model::{Answer, Pics, Profile, SutKind},
        tables::{self, AnswerKind, Part, Section},
    },
    yaml::{Defect, Node, Position},
};

/// Groups of options of a station, at least one of which it has, whatever the version (Part 5, optional features).
const NEEDS_ONE: [(&str, &[&str]); 13] = [
    ("C-06", &["C-06.1", "C-06.2"]),
    ("C-09", &["C-09.1", "C-09.2", "C-09.3", "C-09.4", "C-09.5", "C-09.6"]),
    ("C-10", &["C-10.1", "C-10.2", "C-10.3", "C-10.4", "C-10.5"]),
    ("C-12", &["C-12.1", "C-12.2"]),
    ("C-48", &["C-48.1", "C-48.2"]),
    ("SC-2", &["SC-2.1", "SC-2.2"]),
    ("UI-1", &["UI-1.1", "UI-1.2", "UI-1.3"]),
    ("UI-2", &["UI-2.1", "UI-2.2", "UI-2.3", "UI-2.4"]),
    ("P-2", &["P-2.1", "P-2.2", "P-2.3", "P-2.4"]),
    ("AS-4", &["AS-4.1", "AS-4.2"]),
    ("ISO-1", &["ISO-1.1", "ISO-1.2"]),
    ("HFS-1 or HFS-2", &["HFS-1", "HFS-2"]),
    ("HFS-3 or HFS-4", &["HFS-3", "HFS-4"]),
];

/// What only a product has that has the other.
const SUB_OPTIONS: [(&str, &str); 28] = [
    ("C-53", "C-49"),
    ("C-54", "C-49"),
    ("C-59", "C-49"),
    ("R-1", "R-0"),
    ("R-2", "R-0"),
    ("R-3", "R-0"),
    ("P16-RES0", "R-0"),
    ("DM-3", "DM-0"),
    ("LA-1", "LA-0"),
    ("LA-2", "LA-0"),
    ("LA-3", "LA-0"),
    ("P16-LISTOFF", "LA-0"),
    ("UI-1.1", "UI-0"),
    ("UI-1.2", "UI-0"),
    ("UI-1.3", "UI-0"),
    ("UI-2.1", "UI-0"),
    ("UI-2.2", "UI-0"),
    ("UI-2.3", "UI-0"),
    ("UI-2.4", "UI-0"),
    ("UI-3", "UI-0"),
    ("UI-3", "AQ-20"),
    ("P-1", "P-0"),
    ("P-2.1", "P-0"),
    ("P-2.2", "P-0"),
    ("P-2.3", "P-0"),
    ("P-2.4", "P-0"),
    ("SC-9.1", "SC-9"),
    ("ISO-1.2", "ISO-1.1"),
];

/// Profiles that rest on another.
const NEEDS_PROFILE: [(Profile, Profile); 2] = [
    (Profile::ISO_15118, Profile::ADVANCED_SECURITY),
    (Profile::BIDIRECTIONAL_POWER_TRANSFER, Profile::SMART_CHARGING),
];

impl Reader {
    /// Ids that must be answered and are not.
    pub(super) fn missing(&mut self, root: &Node, pics: &Pics, sections: &[Section]) {
        for section in sections.iter().filter(|section| tables::printed(section, pics)) {
            if section.part == Part::Settings {
                continue;
            }
            let at = root.get(section.part.key()).map_or(root.at, |node| node.at);
            for row in section.rows() {
                let needed = matches!(row.kind, AnswerKind::YesNo) || row.id == "HFS-8" || row.id == "C-41";
                if needed && !row.optional && !self.places.contains_key(&row.id) {
                    self.defect(
                        at,
                        format!("`{}` is not answered ({})", row.id, row.title),
                        format!("add `{}: …` under `{}:` ({})", row.id, section.part.key(), row.kind.describe()),
                    );
                }
            }
        }
    }

    fn place(&self, root: &Node, id: &str) -> Position {
        self.places.get(id).copied().unwrap_or(root.at)
    }

    /// Answers that can't be true together.
    pub(super) fn contradictions(&mut self, root: &Node, pics: &Pics) {
        let mut complain = |id: &str, message: String, help: &str| {
            let at = self.place(root, id);
            self.defects.push(Defect::new(at, message, help));
        };
        let needs_one: &[(&str, &[&str])] = match pics.sut {
            SutKind::ChargingStation => &NEEDS_ONE,
            SutKind::Csms => &[],
        };
        for (group, options) in needs_one {
            let answered = options.iter().any(|id| pics.answer(id).is_some());
            let asked = match *group {
                "AS-4" => pics.has_profile(Profile::ADVANCED_SECURITY),
                "ISO-1" => pics.has_profile(Profile::ISO_15118),
                "SC-2" => pics.supports(Profile::SMART_CHARGING),
                "UI-1" | "UI-2" => pics.supports(Profile::ADVANCED_USER_INTERFACE),
                "P-2" => pics.is_yes("P-0"),
                _ => true,
            };
            if asked && answered && !options.iter().any(|id| pics.is_yes(id)) {
                complain(
                    options[0],
                    format!("at least one of {group} must be Yes"),
                    "answer one of its options with yes",
                );
            }
        }
        if pics.sut == SutKind::ChargingStation && pics.is_yes("C-01") {
            let offline = ["C-02", "C-49", "C-35", "LA-0", "LA-1"].iter().any(|id| pics.is_yes(id))
                || pics.has_profile(Profile::LOCAL_AUTHORIZATION_LIST)
                || pics.has_profile(Profile::ISO_15118);
            if !offline {
                complain(
                    "C-01",
                    "C-01 is Yes, but nothing that offline authorization could rest on is (C-02, C-49, a local list)"
                        .into(),
                    "answer one of C-02, C-49, LA-1 with yes, or C-01 with no",
                );
            }
        }
        let no_summary = matches!(pics.answer("C-56"), Some(Answer::Bool(false)));
        if pics.sut == SutKind::ChargingStation && no_summary && pics.supports(Profile::ADVANCED_DEVICE_MANAGEMENT) {
            complain(
                "C-56",
                "C-56 is No, but Advanced Device Management comes with SummaryInventory (Part 5, TC_B_14 and TC_B_15)"
                    .into(),
                "answer C-56 with yes, or leave Advanced Device Management out",
            );
        }
        for (child, parent) in SUB_OPTIONS {
            let parent_says_no = matches!(pics.answer(parent), Some(Answer::Bool(false)));
            if pics.is_yes(child) && parent_says_no {
                complain(child, format!("{child} is Yes, but {parent} is No"), "a sub-option needs its parent");
            }
        }
        if pics.sut == SutKind::ChargingStation {
            self.hardware(root, pics);
        }
        for (profile, needed) in NEEDS_PROFILE {
            if pics.has_profile(profile) && !pics.has_profile(needed) {
                let at = root.get("profiles").map_or(root.at, |node| node.at);
                let (profile, needed) = (profile.id(), needed.id());
                self.defect(at, format!("{profile} needs {needed}"), format!("add {needed} to the profiles"));
            }
        }
    }

    fn hardware(&mut self, root: &Node, pics: &Pics) {
        let table = root.get("evses").map_or(root.at, |node| node.at);
        if pics.evses.is_empty() {
            self.defect(table, "the EVSE table is missing", "add `evses: [{ id: 1, … }]`");
            return;
        }
        let count = i64::try_from(pics.evses.len()).unwrap_or(i64::MAX);
        if pics.number("HFS-8").is_some_and(|number| number != count) {
            let message = format!("HFS-8 says {} EVSEs, the EVSE table has {count}", pics.number("HFS-8").unwrap_or(0));
            self.defect(self.place(root, "HFS-8"), message, "make them agree");
        }
        let connectors = || pics.evses.iter().flat_map(|evse| &evse.connectors);
        for (id, present, what) in [
            ("HFS-1", connectors().any(|connector| connector.cable == "detachable"), "a detachable cable"),
            ("HFS-2", connectors().any(|connector| connector.cable == "fixed"), "a fixed cable"),
            ("HFS-3", pics.evses.iter().any(|evse| evse.current == "AC"), "AC"),
            ("HFS-4", pics.evses.iter().any(|evse| evse.current == "DC"), "DC"),
        ] {
            if pics.answer(id).is_some() && pics.is_yes(id) != present {
                let (says, has) = if present { ("No", "has one with") } else { ("Yes", "has none with") };
                self.defect(
                    self.place(root, id),
                    format!("{id} says {says}, the EVSE table {has} {what}"),
                    "make them agree",
                );
            }
        }
    }
}
