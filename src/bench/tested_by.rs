//! Who tests and who approves: what the abstract of a run says of that is what the bench of whoever runs the tool says.

use serde_json::{Map, Value, json};

use crate::pics::model::{Approval, Approver, Laboratory, TestedBy};

/// The keys with their defaults: nobody is named.
pub(super) fn defaults() -> Value {
    let approver =
        json!({ "name": "", "reviewer": "", "company": "", "department": "", "position": "", "location": "" });
    json!({
        "laboratory": { "name": "", "location": "", "test-location": "", "report-reference": "" },
        "approval": { "vendor": approver, "laboratory": approver },
    })
}

/// What a bench says.
pub(super) fn of(values: &Map<String, Value>) -> TestedBy {
    let text = |section: Option<&Value>, key: &str| {
        let text = section.and_then(|section| section[key].as_str()).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let laboratory = values.get("laboratory");
    let approver = |party: &str| {
        let party = values.get("approval").map(|approval| &approval[party]);
        Approver {
            name: text(party, "name"),
            date: None,
            reviewer: text(party, "reviewer"),
            company: text(party, "company"),
            department: text(party, "department"),
            position: text(party, "position"),
            location: text(party, "location"),
        }
    };
    TestedBy {
        laboratory: Laboratory {
            name: text(laboratory, "name"),
            location: text(laboratory, "location"),
            test_location: text(laboratory, "test-location"),
            report_reference: text(laboratory, "report-reference"),
        },
        approval: Approval { vendor: approver("vendor"), laboratory: approver("laboratory") },
    }
}

#[cfg(test)]
mod tests {
    use crate::{bench::Bench, yaml::Source};

    #[test]
    fn nobody_is_named_unless_the_bench_names_them() {
        assert!(Bench::default().tested_by.is_nobody());
        let text = "laboratory: { name: Lab, report-reference: R1 }\napproval: { laboratory: { company: Lab, reviewer: R } }\n";
        let told = Bench::read_source(&Source::new("b.yaml", text)).unwrap().tested_by;
        assert_eq!(told.laboratory.name.as_deref(), Some("Lab"));
        assert_eq!(told.laboratory.location, None);
        assert_eq!(told.approval.laboratory.reviewer.as_deref(), Some("R"));
        assert_eq!(told.approval.vendor.company, None);
        let wrong = Bench::read_source(&Source::new("b.yaml", "laboratory: { nam: Lab }\n")).unwrap_err();
        assert!(wrong.to_string().contains("did you mean `name`?"), "{wrong}");
    }
}
