//! In which language a driver is spoken to (C01.FR.08, O01.FR.08).

use serde_json::Value;

use super::Station;

/// The language of who is authorised, by EVSE.
pub(super) type Languages = std::collections::HashMap<usize, String>;

/// The text of a display message in a language, or else the first that it has.
pub(super) fn text_of<'m>(message: &'m Value, language: Option<&str>) -> &'m Value {
    let extra = message["messageExtra"].as_array().map(Vec::as_slice).unwrap_or_default();
    let own = extra.iter().find(|text| language.is_some_and(|language| text["language"] == language));
    own.unwrap_or(&message["message"])
}

impl Station {
    /// The CSMS tells what language the driver at an EVSE prefers.
    pub(super) fn learn_language(&mut self, index: usize, info: &Value) {
        match info["language1"].as_str() {
            Some(language) => self.languages.insert(index, language.to_owned()),
            None => self.languages.remove(&index),
        };
    }

    /// The language of the driver who stands at the display.
    pub(super) fn language_of_driver(&self) -> Option<String> {
        (0..self.evses.len())
            .filter(|index| self.evses[*index].authorized.is_some())
            .find_map(|index| self.languages.get(&index).cloned())
    }
}
