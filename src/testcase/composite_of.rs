//! The matcher `composite-of`: a composite schedule is what charging profiles make.

use serde_json::Value;

use super::template::{Lookup, Template, TemplateError};
use crate::protocol::composite::{Difference, InForce};

/// What a composite schedule is compared with.
#[derive(Debug, Clone)]
pub struct CompositeOf {
    /// The profiles in force, a list.
    pub profiles: Template,
    /// When relative profiles start.
    pub begun: Option<Template>,
    /// The most that the equipment can do, in the unit of the schedule; null: not known.
    pub most: Option<Template>,
}

impl CompositeOf {
    /// Compares a schedule; none if it is what the profiles make, or if it is what `begun` or `most` leave open.
    pub fn difference(&self, value: &Value, names: &dyn Lookup) -> Result<Option<Difference>, TemplateError> {
        Ok(self.in_force(names)?.difference(value))
    }

    /// A schedule that passes, made of another one: its start, duration and unit stay.
    pub fn example(&self, value: &Value, names: &dyn Lookup) -> Option<Value> {
        self.in_force(names).ok()?.example(value)
    }

    /// In words: of which profiles, as far as they can be told.
    pub fn describe(&self, names: Option<&dyn Lookup>) -> String {
        let Some(Ok(in_force)) = names.map(|names| self.in_force(names)) else {
            return format!("the composite schedule of {}", self.profiles.text());
        };
        let most = in_force.most.map(|most| format!(", at most {most}")).unwrap_or_default();
        format!("the composite schedule of {}{most}", in_force.names())
    }

    /// What is wrong with a schedule that none of several makes: what each of them comes to, and where it differs from the first.
    pub fn none_of(
        alternatives: &[&Self],
        value: &Value,
        names: &dyn Lookup,
    ) -> Result<Option<Difference>, TemplateError> {
        let mut expected: Vec<String> = Vec::new();
        let mut problems: Vec<String> = Vec::new();
        for alternative in alternatives {
            let Some(difference) = alternative.difference(value, names)? else { return Ok(None) };
            if !expected.contains(&difference.expected) {
                expected.push(difference.expected);
                problems.push(difference.problem);
            }
        }
        problems.dedup();
        let problem = problems.join("; by the other reading, ");
        Ok(Some(Difference { expected: expected.join(", or "), problem }))
    }

    fn in_force(&self, names: &dyn Lookup) -> Result<InForce, TemplateError> {
        let profiles = match &*self.profiles.value(names)? {
            Value::Array(profiles) => profiles.clone(),
            profile => vec![profile.clone()],
        };
        let begun = match &self.begun {
            Some(begun) => begun.value(names)?.as_str().and_then(|time| time.parse().ok()),
            None => None,
        };
        let most = match &self.most {
            Some(most) if !most.value(names)?.is_null() => Some(most.number(names)?),
            _ => None,
        };
        Ok(InForce { profiles, begun, most })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::template::Names;

    const START: &str = "2026-01-01T00:00:00Z";

    fn schedule(limit: f64) -> Value {
        json!({
            "duration": 60, "chargingRateUnit": "A", "startSchedule": START,
            "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit }],
        })
    }

    /// What a default profile comes to, in an EVSE that can do this much.
    fn of(id: u32, limit: f64, most: Value) -> CompositeOf {
        let profile = json!({
            "chargingProfileId": id, "stackLevel": 0, "chargingProfilePurpose": "TxDefaultProfile",
            "chargingProfileKind": "Absolute", "chargingSchedule": schedule(limit),
        });
        let most = Some(Template::new(most));
        CompositeOf { profiles: Template::new(json!([profile])), begun: None, most }
    }

    #[test]
    fn alternatives_are_told_by_what_they_come_to() {
        let names = Names::default();
        let each = [of(1, 6.0, Value::Null), of(1, 6.0, json!(32)), of(2, 8.0, Value::Null)];
        let each: Vec<&CompositeOf> = each.iter().collect();
        let answer = |limit| json!({ "scheduleStart": START, "chargingSchedule": schedule(limit) });
        let found = CompositeOf::none_of(&each, &answer(10.0), &names).unwrap().expect("a difference");
        insta::assert_snapshot!(format!("{}\n{}", found.expected, found.problem), @r"
        a schedule with 6 A from second 0, or a schedule with 8 A from second 0
        at second 0 the limit is 10 A, expected 6 A; by the other reading, at second 0 the limit is 10 A, expected 8 A
        ");
        assert_eq!(CompositeOf::none_of(&each, &answer(8.0), &names).unwrap(), None);
        let words: Vec<String> = each.iter().map(|one| one.describe(Some(&names))).collect();
        assert_eq!(
            words,
            [
                "the composite schedule of TxDefaultProfile 1",
                "the composite schedule of TxDefaultProfile 1, at most 32",
                "the composite schedule of TxDefaultProfile 2",
            ]
        );
    }
}
