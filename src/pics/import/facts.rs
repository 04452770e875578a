//! What a certificate says as a name and a value: product, laboratory, approval, references.

use super::{
    Remarks, applied,
    document::Place,
    labels::{self, COMMUNICATION, appended},
    text::letters,
    values,
    zones::{Placed, Zone},
};
use crate::{
    pics::model::{Approval, Approver, Laboratory, Product, References},
    yaml::{Position, shorten},
};

/// What is said of a party of the statement of approval.
const PARTY: [&str; 8] =
    ["Name", "Name reviewer", "Company", "Department", "Position", "Location", "Date", "Signature"];

/// A party of the statement of approval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Party {
    Vendor,
    Laboratory,
}

/// A name with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fact {
    label: &'static str,
    value: String,
    /// Lines of which it was put together.
    parts: usize,
    place: Place,
    /// In the statement of approval, whose.
    party: Option<Party>,
}

/// All facts of a document.
#[derive(Debug, Default)]
pub(super) struct Facts {
    all: Vec<Fact>,
}

impl Facts {
    /// Collects the facts.
    pub(super) fn of(lines: &[Placed<'_>]) -> Self {
        let mut facts = Self::default();
        let mut party = None;
        let mut claimed = vec![false; lines.len()];
        for (at, placed) in lines.iter().enumerate() {
            if !matches!(placed.zone, Zone::Facts | Zone::Performance | Zone::Measured | Zone::Approval) {
                continue;
            }
            if placed.zone == Zone::Approval {
                match letters(&placed.line.text()).as_str() {
                    "vendor" => party = Some(Party::Vendor),
                    "testlaboratory" => party = Some(Party::Laboratory),
                    _ => {}
                }
            }
            let Some(found) = labels::labelled(lines, at) else { continue };
            let is_measurement = matches!(placed.zone, Zone::Performance | Zone::Measured);
            if is_measurement && found.label != COMMUNICATION {
                continue;
            }
            let mut words: Vec<String> = found.values.iter().map(|(_, text)| text.clone()).collect();
            let own = usize::from(!words.is_empty());
            let more = labels::continued(lines, at, &found, &mut claimed);
            if found.values.is_empty() && found.apart {
                words.extend(labels::centred(lines, at, &mut claimed));
            }
            let parts = own + more.len();
            words.extend(more);
            let column = placed.line.pieces.iter().find(|piece| !piece.text.is_empty()).map_or(1, |piece| piece.column);
            let place = Place { page: placed.page, at: Position { line: placed.line.number, column } };
            facts.all.push(Fact {
                label: found.label,
                value: words.into_iter().fold(String::new(), appended),
                parts,
                place,
                // What tool tested stands behind the statement of approval.
                party: party.filter(|_| placed.zone == Zone::Approval && PARTY.contains(&found.label)),
            });
        }
        facts
    }

    /// True when there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The value of a label outside the statement of approval. What the report says comes after what the certificate says, and is
    /// more exact.
    pub(super) fn value(&self, label: &str, remarks: &mut Remarks) -> Option<String> {
        let known = |fact: &&Fact| fact.label == label && fact.party.is_none() && !values::is_none(&fact.value);
        let mut found: Option<&Fact> = None;
        for fact in self.all.iter().filter(known).filter(|fact| !fact.value.is_empty()) {
            let Some(known) = found else {
                found = Some(fact);
                continue;
            };
            let (one, other) = (letters(&known.value), letters(&fact.value));
            if !other.starts_with(&one) && !one.starts_with(&other) {
                remarks.add(
                    fact.place,
                    format!("`{label}` is \"{}\" here and \"{}\" before; this one was taken", fact.value, known.value),
                    "correct it where it is wrong",
                );
            }
            if !one.starts_with(&other) || one == other {
                found = Some(fact);
            }
        }
        let found = found?;
        if found.parts > 1 {
            let message =
                format!("the value of `{label}` was put together of several lines: \"{}\"", shorten(&found.value, 90));
            remarks.add(found.place, message, "look whether all of it is there, and whether its blanks are right");
        }
        Some(found.value.clone())
    }

    /// Tells which labels of a certificate are missing.
    pub(super) fn missing(&self, remarks: &mut Remarks) {
        for (label, key) in [
            ("Test laboratory", "name: … under `laboratory:"),
            ("Test Report Reference", "report-reference: … under `laboratory:"),
            (COMMUNICATION, "communication: … under `performance:"),
        ] {
            // The heading of the laboratory's part of the statement of approval is no value.
            if !self.all.iter().any(|fact| fact.label == label && fact.party.is_none() && !fact.value.is_empty()) {
                remarks.add(
                    Place::default(),
                    format!("`{label}` was not found"),
                    &format!("add `{key}`, where it is wanted"),
                );
            }
        }
        for (party, name, key) in
            [(Party::Vendor, "vendor", "vendor"), (Party::Laboratory, "test laboratory", "laboratory")]
        {
            if !self.all.iter().any(|fact| fact.party == Some(party)) {
                let message = format!("the {name}'s part of the statement of approval was not found");
                remarks.add(
                    Place::default(),
                    message,
                    &format!("add `{key}: {{ name: … }}` under `approval:`, where it is wanted"),
                );
            }
        }
    }

    /// The place of a label, if it stands anywhere.
    pub(super) fn place(&self, label: &str) -> Option<Place> {
        self.all.iter().find(|fact| fact.label == label).map(|fact| fact.place)
    }

    fn of_party(&self, party: Party, label: &str) -> Option<&str> {
        let found = self.all.iter().find(|fact| fact.party == Some(party) && fact.label == label)?;
        Some(found.value.as_str())
    }

    /// The product.
    pub(super) fn product(&self, is_csms: bool, remarks: &mut Remarks) -> Product {
        let mut value = |label| self.value(label, remarks);
        let vendor = value("Vendor name");
        let designation = value("Product Designation");
        let firmware = value("Firmware Version").filter(|_| !is_csms);
        let software = value("OCPP Software Version").filter(|_| is_csms);
        let product = Product {
            holder: value("Certificate Holder").unwrap_or_default(),
            vendor: vendor.unwrap_or_default(),
            designation: designation.unwrap_or_default(),
            firmware_version: firmware.or((!is_csms).then(String::new)),
            software_version: software.or(is_csms.then(String::new)),
            config_id: value("Config ID"),
            subtype: None,
            firmware_hash: value("Firmware image hash").map(|hash| {
                // Hexadecimal has no blanks; a line ended there.
                let digits: String = hash.split_whitespace().collect();
                if digits.chars().all(|c| c.is_ascii_hexdigit()) { digits } else { hash }
            }),
        };
        // An abstract alone names no holder.
        if product.holder.is_empty()
            && (self.place("Certificate Number").or(self.place("Certificate Holder"))).is_some()
        {
            let place = self.place("Certificate Holder").unwrap_or_default();
            remarks.add(place, "the value of `Certificate Holder` was not found", "fill in `holder` under `product:`");
        }
        let version = if is_csms { "OCPP Software Version" } else { "Firmware Version" };
        let version_value = product.firmware_version.as_ref().or(product.software_version.as_ref());
        for (label, key, missing) in [
            ("Vendor name", "vendor", product.vendor.is_empty()),
            ("Product Designation", "designation", product.designation.is_empty()),
            (
                version,
                if is_csms { "software-version" } else { "firmware-version" },
                version_value.is_some_and(String::is_empty),
            ),
        ] {
            if missing {
                let (place, found) = match self.place(label) {
                    Some(place) => (place, format!("`{label}` has no value that could be read")),
                    None => (Place::default(), format!("`{label}` was not found")),
                };
                remarks.add(place, found, &format!("fill in `{key}` under `product:`"));
            }
        }
        product
    }

    /// The laboratory.
    pub(super) fn laboratory(&self, remarks: &mut Remarks) -> Laboratory {
        Laboratory {
            name: self.value("Test laboratory", remarks),
            location: self.value("Location", remarks),
            test_location: self.value("Test Location", remarks),
            report_reference: self.value("Test Report Reference", remarks),
        }
    }

    /// Who approved it.
    pub(super) fn approval(&self) -> Approval {
        Approval { vendor: self.approver(Party::Vendor), laboratory: self.approver(Party::Laboratory) }
    }

    fn approver(&self, party: Party) -> Approver {
        let cut = |value: &str, word: &str| -> (String, Option<String>) {
            match value.split_once(word) {
                Some((before, after)) => (before.trim().to_owned(), Some(after.trim().to_owned())),
                None => (value.to_owned(), None),
            }
        };
        let value = |label: &str| {
            let (value, _) = cut(self.of_party(party, label)?, "Signature:");
            let (value, _) = cut(&value, "Date:");
            Some(value).filter(|value| !value.is_empty())
        };
        let date = self.of_party(party, "Name").and_then(|name| cut(name, "Date:").1);
        let date = date.or_else(|| self.of_party(party, "Date").map(str::to_owned));
        Approver {
            name: value("Name"),
            date: date.map(|date| cut(&date, "Signature:").0).filter(|date| !date.is_empty()),
            reviewer: value("Name reviewer"),
            company: value("Company"),
            department: value("Department"),
            position: value("Position"),
            location: value("Location"),
        }
    }

    /// What the certificate refers to.
    pub(super) fn references(
        &self,
        lines: &[Placed<'_>],
        statement: Option<String>,
        remarks: &mut Remarks,
    ) -> References {
        let (tested, evidence) = applied::read(lines, remarks);
        References {
            certificate: self.value("Certificate Number", remarks),
            certification_date: self.value("Certification Date", remarks),
            specification: statement,
            tested,
            evidence,
            tool_version: self.value("OCTT Version", remarks),
            tool_instance: self.value("OCTT Instance ID", remarks),
        }
    }
}
