//! What a manual action is asked with: its parameters, and of a CSMS the setting that it is about.

use super::Reader;
use crate::{
    manual_action::{
        actions::{self, ActionInfo},
        settings::Setting,
    },
    vocabulary,
    yaml::{Node, nearest},
};

impl Reader<'_> {
    /// A manual action, with the parameters that it has, all that it must have, and the values that it takes.
    pub(super) fn manual_action(&mut self, value: &Node, step: &Node) -> Option<&'static ActionInfo> {
        let action = actions::find(value.text()?)?;
        let given = step.get("with");
        let settings = !Setting::of(action.name).is_empty();
        let owner = action.owner(Some(self.dialect.protocol));
        let mut defects = vocabulary::check(owner, &action.given(), given, step);
        if let Some(what) = given.and_then(|given| given.get("what")).filter(|_| settings) {
            defects.retain(|defect| defect.at != what.at); // told in its own words below
        }
        self.defects.extend(defects);
        if let Some(given) = given.filter(|_| settings) {
            self.setting(action.name, given);
        }
        // What a CSMS is asked to send must be a message.
        let member = |name: &str| given.and_then(|given| given.get(name));
        if let (Some(message), Some(payload)) = (member("action").and_then(Node::text), member("payload")) {
            self.payload(payload, message, true);
        }
        Some(action)
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
            return self.defect(what.at, format!("unknown setting for `{action}`: {}", what.describe()), help);
        };
        let values = setting.values(action);
        let Some(value) = given.get("value") else { return };
        let Some(text) = value.scalar().filter(|text| !text.contains("{{") && !values.is_empty()) else { return };
        if !values.contains(&text.as_str()) {
            let help = format!("known: {}", values.join(", "));
            let word = setting.word();
            self.defect(value.at, format!("`{action}` can't give `{word}` the value `{text}`"), help);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{testcase::reader, yaml::Source};

    fn defects(steps: &str) -> String {
        let text = format!(
            "id: TC_B_02_CSMS\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\n\
             sut: csms\nblock: B\nprotocols: [2.0.1]\ncertification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\nsteps:\n{steps}"
        );
        reader::test_case(
            &Source::new("c.yaml", text),
            crate::testcase::dialect::Dialect::today(crate::protocol::Version::V2_0_1),
        )
        .map_or_else(|defects| defects.to_string(), |_| "sound".into())
    }

    #[test]
    fn what_an_operator_can_be_asked_is_known_before_the_test_case_runs() {
        insta::assert_snapshot!(
            defects(
                "  - operator: configure
    with: { what: next-bot, value: Pending, station: S }
  - operator: configure
    with: { what: password, value: x, station: S }
  - operator: configure
    with: { what: \"{{ it }}\", value: x, station: S }
  - operator: configure
    with: { what: next-boot, value: Acepted, station: S }
  - operator: restore
    with: { what: next-boot, value: Pending, station: S }
  - operator: restore
    with: { what: security-profile, value: 4, station: S }
  - operator: restore
    with: { what: password, value: x, identity: S }
  - operator: send
    with: { action: Reset, paylod: {}, station: S }
  - operator: check-variable
"
            ),
            @r#"
            c.yaml:12:19: unknown setting for `configure`: the text "next-bot"
                → did you mean `next-boot`?
            c.yaml:14:19: unknown setting for `configure`: the text "password"
                → known: next-boot, energy-transfer, ev-schedules
            c.yaml:16:19: unknown setting for `configure`: the text "{{ it }}"
                → known: next-boot, energy-transfer, ev-schedules
            c.yaml:18:37: `configure` can't give `next-boot` the value `Acepted`
                → known: Pending, Rejected
            c.yaml:20:37: `restore` can't give `next-boot` the value `Pending`
                → known: Accepted
            c.yaml:22:44: `restore` can't give `security-profile` the value `4`
                → known: 1, 2
            c.yaml:23:5: `restore` lacks its parameter `station`
                → add `station: …` under `with`
            c.yaml:24:39: `restore` has no parameter `identity`
                → it has: what, value, interval, station
            c.yaml:25:5: `send` lacks its parameter `payload`
                → add `payload: …` under `with`
            c.yaml:26:28: `send` has no parameter `paylod`
                → did you mean `payload`?
            c.yaml:27:5: `check-variable` lacks its parameter `component`
                → add `component: …` under `with`
            c.yaml:27:5: `check-variable` lacks its parameter `variable`
                → add `variable: …` under `with`
            c.yaml:27:5: `check-variable` lacks its parameter `value`
                → add `value: …` under `with`
            c.yaml:27:5: `check-variable` lacks its parameter `station`
                → add `station: …` under `with`
            "#
        );
        let sound = "  - operator: restore
    with: { what: security-profile, value: \"{{ former }}\", station: S }
  - operator: restore
    with: { what: security-profile, value: 1, station: S }
  - operator: configure
    with: { what: next-boot, value: Rejected, interval: 3, station: S }
";
        assert_eq!(defects(sound), "sound");
    }
}
