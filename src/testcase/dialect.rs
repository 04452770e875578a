//! How the files of a catalogue are read: for which version of OCPP, and in which form of the language.

use super::{catalogue, versions};
use crate::{
    protocol::{Protocol, Version},
    yaml::{Defects, Key, Kind, Node, Source},
};

/// How files are read.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// The version of OCPP.
    pub protocol: &'static Protocol,
    /// The form of the language.
    pub language: Language,
}

/// The forms that the language of test cases has had. A run folder keeps its test cases as they were, so that they can be judged
/// again as they were read then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Language {
    /// Until November 2026: the head of a test case has neither `sut`, `block` nor `protocols`, and all is about OCPP 2.0.1;
    /// `set` keeps values under names, and `for-each` is in order only where it says so.
    First,
    /// Today's.
    Second,
}

impl Language {
    /// The form that all of these files have: the first, where none names its protocols.
    pub(super) fn of(sources: &[Source]) -> Self {
        let second = sources.is_empty() || sources.iter().any(|source| line_of_protocols(source).is_some());
        if second { Self::Second } else { Self::First }
    }
}

impl Dialect {
    /// Today's language, for a version of OCPP.
    pub fn today(version: Version) -> Self {
        Self { protocol: version.protocol(), language: Language::Second }
    }

    /// False for a file that surely is for other versions: it is not worth reading.
    pub(super) fn may_be_for(self, source: &Source) -> bool {
        let words = line_of_protocols(source).and_then(|line| line.trim().strip_prefix('[')?.strip_suffix(']'));
        let version = self.protocol.version.to_string();
        words.is_none_or(|words| words.split(',').any(|word| word.trim() == version))
    }

    /// The tree of a test case, with a head as it is today.
    pub(super) fn parse(self, source: &Source) -> Result<Node, Defects> {
        let mut root = source.parse()?;
        if self.language == Language::First {
            bring_up_to_date(&mut root);
            steps_of(&mut root, &["steps", "after", "before"]);
        }
        self.settled(root, source)
    }

    /// The tree of a state, with steps as they are today.
    pub(super) fn parse_state(self, source: &Source) -> Result<Node, Defects> {
        let mut root = source.parse()?;
        if self.language == Language::First {
            steps_of(&mut root, &["steps"]);
        }
        self.settled(root, source)
    }

    /// The tree without what holds for other versions only.
    fn settled(self, mut root: Node, source: &Source) -> Result<Node, Defects> {
        let mut defects = Vec::new();
        versions::settle(&mut root, self.protocol.version, &mut defects);
        if defects.is_empty() { Ok(root) } else { Err(source.defects(defects)) }
    }

    /// True for a state that is for this version.
    pub(super) fn is_for(self, root: &Node) -> bool {
        self.language == Language::First || catalogue::protocols(root).contains(&self.protocol.version)
    }
}

/// What follows `protocols:` on its line.
fn line_of_protocols(source: &Source) -> Option<&str> {
    source.text.lines().find_map(|line| line.strip_prefix("protocols:"))
}

/// Gives a head of the first form what it lacks: side and block were told by the id alone.
fn bring_up_to_date(root: &mut Node) {
    let at = root.at;
    let id = root.get("id").and_then(Node::scalar).unwrap_or_default();
    let Kind::Map(entries) = &mut root.kind else { return };
    let text = |text: &str| Node { at, kind: Kind::Text(text.to_owned()) };
    let mut add = |name: &str, value: Node| entries.push((Key { name: name.to_owned(), at }, value));
    add("sut", text(if id.ends_with("_CSMS") { "csms" } else { "charging-station" }));
    add("block", text(id.get(3..4).unwrap_or_default()));
    add("protocols", Node { at, kind: Kind::List(vec![text("2.0.1")]) });
    for (key, value) in entries.iter_mut().filter(|(key, _)| key.name == "certification") {
        let baselines = std::mem::replace(value, text(""));
        let version = Key { name: "2.0.1".to_owned(), at: key.at };
        *value = Node { at: baselines.at, kind: Kind::Map(vec![(version, baselines)]) };
    }
}

/// Brings the steps under some keys of a mapping up to date.
fn steps_of(node: &mut Node, names: &[&str]) {
    let Kind::Map(entries) = &mut node.kind else { return };
    for (key, value) in entries.iter_mut().filter(|(key, _)| names.contains(&key.name.as_str())) {
        match &mut value.kind {
            _ if key.name == "before" => steps_of(value, &["states", "state"]),
            Kind::List(items) => items.iter_mut().for_each(step_up_to_date),
            _ => step_up_to_date(value),
        }
    }
}

/// Gives a step of the first form today's words.
fn step_up_to_date(step: &mut Node) {
    let Kind::Map(entries) = &mut step.kind else { return };
    if let Some((key, _)) = entries.iter_mut().find(|(key, _)| key.name == "set") {
        "let".clone_into(&mut key.name);
    }
    if let Some(at) = entries.iter().find(|(key, _)| key.name == "for-each").map(|(key, _)| key.at) {
        let in_order = entries.iter().any(|(key, value)| key.name == "in-order" && value.kind == Kind::Bool(true));
        entries.retain(|(key, _)| key.name != "in-order");
        if !in_order {
            let any = Node { at, kind: Kind::Text("any".to_owned()) };
            entries.push((Key { name: "order".to_owned(), at }, any));
        }
    }
    steps_of(step, &["any-order", "one-of", "optional", "repeat", "steps", "do"]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_the_first_form_mean_what_they_meant() {
        let text = "id: TC_B_06_CS
before:
  states:
    - set: { set: 1 }
steps:
  - for-each: one
    in: [{ set: 1 }]
    do:
      - repeat:
          set: { a: 1 }
        until: a == 1
  - optional:
      for-each: one
      in: []
      in-order: true
      do: { send: Reset, payload: { set: 1 } }
  - expect: Heartbeat
    optional: true
after:
  - any-order: [set: { b: 1 }]
";
        let dialect = Dialect { language: Language::First, ..Dialect::today(Version::V2_0_1) };
        let root = dialect.parse(&Source::new("TC_B_06_CS.yaml", text)).unwrap();
        let shown = |key: &str| format!("{}\n", root.get(key).unwrap().to_json());
        insta::assert_snapshot!(["before", "steps", "after"].map(shown).concat(), @r#"
        {"states":[{"let":{"set":1}}]}
        [{"for-each":"one","in":[{"set":1}],"do":[{"repeat":{"let":{"a":1}},"until":"a == 1"}],"order":"any"},{"optional":{"for-each":"one","in":[],"do":{"send":"Reset","payload":{"set":1}}}},{"expect":"Heartbeat","optional":true}]
        [{"any-order":[{"let":{"b":1}}]}]
        "#);
    }
}
