//! The languages of displays (Part 2, 2.14.7).

use super::{Device, Domain};
use crate::pics::Pics;

/// The languages of a station that has several.
const LANGUAGES: [&str; 2] = ["en", "nl"];

impl Device {
    /// A station that has several languages lists them.
    pub fn add_languages(&mut self, pics: &Pics) {
        if !pics.is_yes("UI-3") {
            return;
        }
        let of = |variable: &&mut super::Variable| {
            (variable.component, variable.name) == ("DisplayMessageCtrlr", "Language")
        };
        if let Some(language) = self.variables.iter_mut().find(of) {
            language.domain = Domain::OptionList(LANGUAGES.map(str::to_owned).to_vec());
        }
    }
}
