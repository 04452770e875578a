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
    /// The most that the equipment can do, in the unit of the schedule.
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

    /// In words.
    pub fn describe(&self) -> String {
        format!("the composite schedule of {}", self.profiles.text())
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
        let most = self.most.as_ref().map(|most| most.number(names)).transpose()?;
        Ok(InForce { profiles, begun, most })
    }
}
