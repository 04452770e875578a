//! What stands around the steps of a test case: its variants, what it needs, the variables that it sets, and its rules for all
//! messages.

use serde_json::{Map, Value};

use super::{Reader, words};
use crate::{
    testcase::{
        language::LIST_SETTING,
        model::{Always, Need, VariableSetting},
        template::Template,
    },
    vocabulary::{self, Owner},
    yaml::{Key, Node},
};

impl Reader<'_> {
    pub(super) fn variants(&mut self, node: Option<&Node>) -> Vec<Map<String, Value>> {
        let Some(node) = node else { return Vec::new() };
        let Some(items) = node.list() else {
            self.defect(node.at, "`variants` must be a list of mappings", "write `- { name: value }` lines");
            return Vec::new();
        };
        items.iter().filter_map(|item| item.to_json().as_object().cloned()).collect()
    }

    pub(super) fn needs(&mut self, node: Option<&Node>) -> Vec<Need> {
        let Some(node) = node else { return Vec::new() };
        let items = node.list().map_or_else(|| vec![node], |items| items.iter().collect());
        items
            .into_iter()
            .map(|item| {
                if let (Some(that), Some(otherwise)) = (item.get("that"), item.get("otherwise").and_then(Node::text)) {
                    Need { condition: self.expression(that), otherwise: otherwise.to_owned() }
                } else {
                    self.defect(item.at, "a need is `that` (a condition) and `otherwise` (the reason)", "write both");
                    Need { condition: Template::expression("true"), otherwise: String::new() }
                }
            })
            .collect()
    }

    pub(super) fn variables(&mut self, node: Option<&Node>) -> Vec<VariableSetting> {
        let Some(node) = node else { return Vec::new() };
        let Some(items) = node.list() else {
            self.defect(node.at, "`variables` must be a list", "write `- Component.Variable: value` lines");
            return Vec::new();
        };
        let mut settings = Vec::new();
        for item in items {
            let entries = item.map().unwrap_or_default();
            let Some((Key { name, at }, value)) = entries.iter().find(|(key, _)| key.name != "when") else {
                self.defect(item.at, "a variable setting was expected", "write `Component.Variable: value`");
                continue;
            };
            let (component, variable) = match self.setting_name(name) {
                Ok(names) => names,
                Err((message, help)) => {
                    self.defect(*at, message, help);
                    continue;
                }
            };
            let when = item.get("when").map(|when| self.expression(when));
            let member = value.get("contains");
            if value.map().is_some() {
                let owner = Owner::of_keys(name, Some(self.dialect.protocol));
                self.defects.extend(vocabulary::check(owner, &LIST_SETTING, Some(value), value));
            }
            settings.push(VariableSetting {
                component: component.to_owned(),
                variable: variable.to_owned(),
                value: self.template(member.unwrap_or(value)),
                contains: member.is_some(),
                without: words(value.get("without").filter(|_| member.is_some())),
                when,
                at: *at,
            });
        }
        settings
    }

    /// The component and the variable that a setting names; a configuration key of OCPP 1.6 has no component.
    fn setting_name<'n>(&self, name: &'n str) -> Result<(&'n str, &'n str), (String, &'static str)> {
        match self.dialect.protocol.semantics.configuration_key(name) {
            Some(true) => Ok(("", name)),
            Some(false) => {
                let message = format!("`{name}` is no configuration key of {}", self.dialect.protocol.name);
                Err((message, "write a key as the specification does"))
            }
            None => name
                .split_once('.')
                .ok_or_else(|| (format!("`{name}` is not Component.Variable"), "separate the two with a dot")),
        }
    }

    pub(super) fn always(&mut self, node: Option<&Node>) -> Vec<Always> {
        let Some(node) = node else { return Vec::new() };
        let Some(items) = node.list() else {
            self.defect(node.at, "`always` must be a list", "write `- every: Action` lines");
            return Vec::new();
        };
        let mut rules = Vec::new();
        for item in items {
            let (word, action) = match (item.get("every"), item.get("never")) {
                (Some(action), None) => ("every", action),
                (None, Some(action)) => ("never", action),
                _ => {
                    self.defect(item.at, "a rule is either `every` or `never`", "write one of the two");
                    continue;
                }
            };
            let action = self.action(action, true);
            rules.push(Always {
                matches: self.matches(item.get("match"), self.messages().message(&action, true)),
                checks: (word == "every")
                    .then(|| self.checks(item.get("check"), self.messages().message(&action, true))),
                action,
                requirements: self.requirements(item.get("requirement")),
                at: item.at,
                file: self.file.clone(),
            });
        }
        rules
    }
}
