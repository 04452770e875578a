//! What of a file holds for some versions of OCPP only: `when: protocol == '2.1'` is decided when the file is read, so that what
//! is left is checked against the schemas of that version alone.

use super::catalogue;
use crate::{
    protocol::Version,
    vocabulary,
    yaml::{Defect, Key, Kind, Node, Position, nearest},
};

/// Leaves of a file what holds for a version. Defects are added to the list.
pub(super) fn settle(root: &mut Node, version: Version, defects: &mut Vec<Defect>) {
    let mut settling = Settling { version, protocols: catalogue::protocols(root), first: None, defects };
    settling.children(root);
    let Settling { protocols, first, .. } = settling;
    let told = root.get("differences");
    for (key, _) in told.and_then(Node::map).unwrap_or_default() {
        if !Version::named(&key.name).is_some_and(|version| protocols.contains(&version)) {
            let message = format!("`{}` is not among the `protocols` of this file", key.name);
            defects.push(Defect::new(key.at, message, "write `differences: { 2.1: a sentence }`"));
        }
    }
    if let Some(at) = first.filter(|_| told.is_none()) {
        let message = "this holds for some versions of OCPP only, and `differences` does not say what differs";
        defects.push(Defect::new(at, message, "add `differences: { 2.1: a sentence }` to the head of the file"));
    }
    if !defects.is_empty() {
        let causes = causes(root);
        if !causes.is_empty() {
            *defects = causes;
        }
    }
}

/// What is misspelled in the head of a file, from which the other defects follow.
fn causes(root: &Node) -> Vec<Defect> {
    let mut causes = Vec::new();
    for wanted in ["protocols", "differences"] {
        if root.get(wanted).is_some() {
            continue;
        }
        for (key, _) in root.map().unwrap_or_default() {
            if nearest(&key.name, std::iter::once(wanted)).is_some() {
                let message = format!("unknown key `{}`", key.name);
                causes.push(Defect::new(key.at, message, format!("did you mean `{wanted}`?")));
            }
        }
    }
    for word in root.get("protocols").and_then(Node::list).unwrap_or_default() {
        let text = word.scalar().unwrap_or_default();
        if Version::named(&text).is_none() {
            let known: Vec<String> = Version::ALL.iter().map(Version::to_string).collect();
            let help = vocabulary::help(&text, known.iter().map(String::as_str), "they are");
            causes.push(Defect::new(word.at, format!("unknown version `{text}`"), help));
        }
    }
    causes
}

/// What a condition says of the version.
#[derive(Debug, PartialEq, Eq)]
enum Decided {
    /// It holds for other versions.
    No,
    /// It holds for this one.
    Yes,
    /// It holds for this one where the rest of it does.
    If(String),
}

struct Settling<'d> {
    version: Version,
    protocols: Vec<Version>,
    /// Where the first thing stands that holds for some versions only.
    first: Option<Position>,
    defects: &'d mut Vec<Defect>,
}

impl Settling<'_> {
    fn children(&mut self, node: &mut Node) {
        match &mut node.kind {
            Kind::List(items) => {
                let mut kept = Vec::with_capacity(items.len());
                for item in std::mem::take(items) {
                    match self.settled(item) {
                        // One of several alternatives, elements or ids may stand for more than one.
                        Some((Node { kind: Kind::List(more), .. }, true)) => kept.extend(more),
                        Some((item, _)) => kept.push(item),
                        None => {}
                    }
                }
                *items = kept;
            }
            Kind::Map(entries) => {
                let mut kept = Vec::with_capacity(entries.len());
                for (key, value) in std::mem::take(entries) {
                    if let Some((value, _)) = self.settled(value) {
                        kept.push((key, value));
                    }
                }
                *entries = kept;
            }
            _ => {}
        }
    }

    /// The node as it is for this version, and whether it is the value of an `is`; none if it holds for others only.
    fn settled(&mut self, mut node: Node) -> Option<(Node, bool)> {
        let when = node.get("when").and_then(|when| Some((when.text()?.to_owned(), when.at)));
        let decided = when.and_then(|(text, at)| self.decide(&text, at));
        let mut unwrapped = false;
        if let (Some(decided), Kind::Map(entries)) = (decided, &mut node.kind) {
            match decided {
                Decided::No => return None,
                Decided::If(rest) => {
                    for (_, value) in entries.iter_mut().filter(|(key, _)| key.name == "when") {
                        value.kind = Kind::Text(rest.clone());
                    }
                }
                Decided::Yes => {
                    entries.retain(|(key, _)| key.name != "when");
                    if matches!(entries.as_slice(), [(Key { name, .. }, _)] if name == "is") {
                        node = entries.remove(0).1;
                        unwrapped = true;
                    }
                }
            }
        }
        self.children(&mut node);
        Some((node, unwrapped))
    }

    /// What a condition says of the version, if it begins with that and no `or` makes it depend on more.
    fn decide(&mut self, condition: &str, at: Position) -> Option<Decided> {
        let (first, rest) = match condition.split_once(" and ") {
            Some((first, rest)) => (first, Some(rest)),
            None => (condition, None),
        };
        let (operator, words) = first.trim().strip_prefix("protocol ")?.split_once(' ')?;
        let words = match operator {
            "==" | "!=" => words,
            "in" => words.strip_prefix('[')?.strip_suffix(']')?,
            _ => return None,
        };
        let quoted = |word: &str| Some(word.trim().strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        let words = words.split(',').map(quoted).collect::<Option<Vec<_>>>()?;
        if rest.is_some_and(|rest| rest.contains(" or ") || rest.contains(" if ")) {
            return None;
        }
        self.first = self.first.or(Some(at));
        for word in &words {
            if !Version::named(word).is_some_and(|version| self.protocols.contains(&version)) {
                let message = format!("`{word}` is not among the `protocols` of this file");
                let known: Vec<String> = self.protocols.iter().map(Version::to_string).collect();
                let help = vocabulary::help(word, known.iter().map(String::as_str), "they are");
                self.defects.push(Defect::new(at, message, help));
            }
        }
        let is_named = words.iter().any(|word| Version::named(word) == Some(self.version));
        Some(match rest {
            _ if is_named == (operator == "!=") => Decided::No,
            None => Decided::Yes,
            Some(rest) => Decided::If(rest.to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    fn settled(text: &str, version: Version) -> (serde_json::Value, Vec<String>) {
        let mut root = Source::new("x.yaml", format!("protocols: [2.0.1, 2.1]\n{text}")).parse().unwrap();
        let mut defects = Vec::new();
        settle(&mut root, version, &mut defects);
        let Kind::Map(entries) = &mut root.kind else { panic!("a mapping") };
        entries.retain(|(key, _)| key.name == "steps");
        (root.to_json(), defects.into_iter().map(|defect| defect.message).collect())
    }

    #[test]
    fn each_version_has_what_holds_for_it() {
        let text = "differences: { 2.1: x }
steps:
  - { when: protocol == '2.1', send: A }
  - { when: protocol != '2.1' and variant.x, send: B, payload: { c: { when: \"protocol in ['2.0.1']\", is: 1 }, d: 2 } }
  - check: { e: [F, { when: protocol == '2.1', is: [G, H] }], i: { when: protocol == '2.0.1', is: J, requirement: K } }
  - { when: protocol == '2.1' or x, send: L }
  - { when: protocol == '2.1' and x or y, send: M }
";
        let show = |version| {
            let (root, defects) = settled(text, version);
            assert!(defects.is_empty(), "{defects:?}");
            root["steps"].as_array().unwrap().iter().map(|step| format!("{step}\n")).collect::<String>()
        };
        insta::assert_snapshot!(show(Version::V2_0_1), @r#"
        {"when":"variant.x","send":"B","payload":{"c":1,"d":2}}
        {"check":{"e":["F"],"i":{"is":"J","requirement":"K"}}}
        {"when":"protocol == '2.1' or x","send":"L"}
        {"when":"protocol == '2.1' and x or y","send":"M"}
        "#);
        insta::assert_snapshot!(show(Version::V2_1), @r#"
        {"send":"A"}
        {"check":{"e":["F","G","H"]}}
        {"when":"protocol == '2.1' or x","send":"L"}
        {"when":"protocol == '2.1' and x or y","send":"M"}
        "#);
    }

    #[test]
    fn a_file_says_what_differs_and_of_which_versions() {
        let defects = |text: &str| settled(text, Version::V2_0_1).1;
        assert_eq!(
            defects("steps: [{ when: protocol == '2.1', send: A }]\n"),
            ["this holds for some versions of OCPP only, and `differences` does not say what differs"]
        );
        let other = ["`1.6` is not among the `protocols` of this file"];
        assert_eq!(defects("differences: { 2.1: x }\nsteps: [{ when: protocol == '1.6', send: A }]\n"), other);
        assert_eq!(defects("differences: { 1.6: x }\nsteps: []\n"), other);
        assert_eq!(
            defects("diferences: { 2.1: x }\nsteps: [{ when: protocol == '2.1', send: A }]\n"),
            ["unknown key `diferences`"]
        );
    }
}
