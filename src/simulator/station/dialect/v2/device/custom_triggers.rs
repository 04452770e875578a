//! The custom triggers of a station (Part 2, 2.1.35).

use super::{Device, Mutability, Variable, members};
use crate::pics::Pics;

/// What the station sends when the CSMS asks for its custom triggers.
pub const CUSTOM_TRIGGERS: [&str; 1] = ["Greeting"];

impl Device {
    /// The list of them, where there are any.
    pub fn add_custom_triggers(&mut self, pics: &Pics) {
        if !pics.is_yes("C-29.7") {
            return;
        }
        let all = CUSTOM_TRIGGERS.map(str::to_owned);
        let (value, domain) = members(&all, &all);
        self.variables.push(Variable::new(
            "CustomizationCtrlr",
            "CustomTriggers",
            Mutability::ReadOnly,
            (value, domain),
        ));
    }
}
