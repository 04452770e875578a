//! What a manual action is asked with: its parameters, and of a CSMS the setting that it is about.

use super::Reader;
use crate::{
    operator::{actions, settings::Setting},
    yaml::{Node, nearest},
};

impl Reader<'_> {
    /// The parameters of a manual action: those that it has, and all that it must have.
    pub(super) fn parameters(&mut self, action: &str, step: &Node) {
        let Some(action) = actions::find(action) else { return };
        let given = step.get("with");
        for (name, required) in action.parameters() {
            if required && given.and_then(|given| given.get(name)).is_none() {
                let message = format!("`{}` lacks its parameter `{name}`", action.name);
                self.defect(step.at, message, format!("add `{name}: …` under `with`"));
            }
        }
        for (key, _) in given.and_then(Node::map).unwrap_or_default() {
            let known = || action.parameters().map(|(name, _)| name);
            if !known().any(|known| known == key.name) {
                let help = nearest(&key.name, known()).map_or_else(
                    || format!("it has: {}", known().collect::<Vec<_>>().join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.defect(key.at, format!("`{}` has no parameter `{}`", action.name, key.name), help);
            }
        }
        if let Some(given) = given.filter(|_| !Setting::of(action.name).is_empty()) {
            self.setting(action.name, given);
        }
    }

    /// The setting that is made or undone: a word, so that it is known before the test case runs, and a value that it can
    /// have.
    fn setting(&mut self, action: &str, given: &Node) {
        let Some(what) = given.get("what") else { return };
        let own = Setting::of(action);
        let words = || own.iter().map(|setting| setting.word());
        let setting = what.text().and_then(Setting::named).filter(|setting| own.contains(setting));
        let Some(setting) = setting else {
            let near = what.text().and_then(|word| nearest(word, words()));
            let help = near.map_or_else(
                || format!("known: {}", words().collect::<Vec<_>>().join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            return self.defect(what.at, format!("there is nothing to {action} in {}", what.describe()), help);
        };
        let values = setting.values(action);
        let Some(value) = given.get("value") else { return };
        let Some(text) = value.scalar().filter(|text| !text.contains("{{") && !values.is_empty()) else { return };
        if !values.contains(&text.as_str()) {
            let help = nearest(&text, values.iter().copied())
                .map_or_else(|| format!("known: {}", values.join(", ")), |near| format!("did you mean `{near}`?"));
            let word = setting.word();
            self.defect(value.at, format!("`{action}` can't give `{word}` the value `{text}`"), help);
        }
    }
}
