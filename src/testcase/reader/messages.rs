//! What test cases say of messages: payloads to send, and matchers for what comes. Both are held against the schema when
//! they are read, so that a typing error can't become a wrong verdict.

use regex::Regex;

use super::Reader;
use crate::{
    protocol::{error_code::ErrorCode, ids, member::Member, semantics::WordSet},
    testcase::{
        composite_of::CompositeOf,
        language::{AFTER, COMPOSITE_OF},
        matcher::{After, Checks, Distance, Matcher, Path},
        requirements::Requirements,
        template::Template,
    },
    vocabulary::{self, Owner, Property, Scope, Takes, words_of},
    yaml::{Defect, Key, Kind, Node, nearest},
};

/// What the matcher `token` compares.
const ID_TOKEN: [Property; 2] =
    [Property::required("idToken", Takes::Text), Property::optional("type", Takes::Named(token_types))];

fn token_types(scope: Scope) -> Vec<String> {
    words_of(WordSet::TokenTypes, scope)
}

impl Reader<'_> {
    /// Complains about what can't be valid in a payload of ours, whatever its expressions yield. What is required of the
    /// message itself may be missing: the engine fills in ids, times, and the rest of a reply.
    pub(super) fn payload(&mut self, node: &Node, action: &str, request: bool) {
        let mut value = node.to_json();
        if node.map().is_none() || !self.messages().is_action(action) {
            return; // one expression for all of it, or told already
        }
        if let Some(members) = value.as_object_mut().filter(|_| request) {
            ids::fill(self.messages(), action, members, || 1);
        }
        for error in self.messages().validate(action, request, &value) {
            let whole = error.pointer.is_empty() && error.code == self.dialect.protocol.error_codes.occurrence;
            // A member that the message does not have is one too many, whatever an expression yields for it.
            if error.code == self.dialect.protocol.error_codes.form {
                self.surplus(node, action, request, &error.pointer);
            } else if !whole && !value.pointer(&error.pointer).is_some_and(has_expression) {
                let at = below(node, &error.pointer).at;
                let message = format!("{action}: {}", error.message);
                self.defects.push(Defect::new(at, message, "see the message's schema in Part 2"));
            }
        }
    }

    /// Tells the members of a mapping in a payload that its message does not have.
    fn surplus(&mut self, node: &Node, action: &str, request: bool, pointer: &str) {
        let Some(member) = self.messages().member(action, request, pointer) else { return };
        for (key, _) in below(node, pointer).map().unwrap_or_default() {
            if let Err(complaint) = member.child(&key.name) {
                self.defect(key.at, complaint.message, complaint.help);
            }
        }
    }

    /// The code of a CALLERROR: one of those of the protocol.
    pub(super) fn error_code(&mut self, key: &str, node: &Node) -> Option<ErrorCode> {
        let codes = self.dialect.protocol.error_codes;
        let found = node.text().and_then(|code| codes.named(code));
        if found.is_none() {
            let message =
                format!("`{key}` can't be {}: {} has no such error code", node.describe(), self.dialect.protocol.name);
            let help = vocabulary::help(node.text().unwrap_or_default(), codes.all.iter().copied(), "known");
            self.defect(node.at, message, help);
        }
        found
    }

    /// Which message it is; `message` is what that is about.
    pub(super) fn matches(&mut self, node: Option<&Node>, message: Option<Member>) -> Checks {
        let Some(node) = node else { return Checks::default() };
        self.about(names_in(message), |reader| reader.group(node, Spot { place: message, citable: false }))
    }

    /// What must hold, as one group of checks or as a list of groups; `message` is what they are about, where that is a
    /// message.
    pub(super) fn checks(&mut self, node: Option<&Node>, message: Option<Member>) -> Checks {
        let spot = Spot { place: message, citable: true };
        let Some(node) = node else { return Checks::default() };
        self.about(names_in(message), |reader| match node.list() {
            Some(groups) => {
                Checks { entries: groups.iter().flat_map(|group| reader.group(group, spot).entries).collect() }
            }
            None => reader.group(node, spot),
        })
    }

    /// A mapping of checks; its `requirement` holds for each that names none itself.
    fn group(&mut self, node: &Node, spot: Spot) -> Checks {
        let Some(entries) = node.map() else {
            self.defect(
                node.at,
                format!("checks were expected, found {}", node.describe()),
                "write `{ path: matcher }`",
            );
            return Checks::default();
        };
        let requirements = self.own_requirements(node, spot);
        let mut checks = self.members(entries, spot);
        if !requirements.is_empty() {
            let cite = |(path, matcher)| (path, Matcher::Citing(requirements.clone(), Box::new(matcher)));
            checks.entries = checks.entries.into_iter().map(cite).collect();
        }
        checks
    }

    /// The requirements that a mapping names for what it checks.
    fn own_requirements(&mut self, node: &Node, spot: Spot) -> Requirements {
        let Some(cited) = node.get("requirement") else { return Requirements::default() };
        if !spot.citable {
            let help = "a breach is told of the whole: put it beside the check around this one, or at the step";
            self.defect(cited.at, "a requirement is never shown from here", help);
        } else if node.map().is_some_and(|entries| entries.len() == 1) {
            self.defect(node.at, "nothing is checked here", "add the checks that prove the requirement");
        }
        self.requirements(Some(cited))
    }

    fn members(&mut self, entries: &[(Key, Node)], spot: Spot) -> Checks {
        let mut checks = Checks::default();
        for (key, value) in entries.iter().filter(|(key, _)| key.name != "requirement") {
            let path = match Path::parse(&key.name) {
                Ok(path) => path,
                Err(reason) => {
                    self.defect(key.at, reason, "write `member[0].member`");
                    continue;
                }
            };
            let mut place = spot.place;
            for name in path.names() {
                match place.map(|place| place.child(name)) {
                    Some(Ok(next)) => place = next,
                    Some(Err(complaint)) => {
                        self.defect(key.at, complaint.message, complaint.help);
                        place = None;
                    }
                    None => break,
                }
            }
            let matcher = self.matcher(value, Spot { place, ..spot });
            checks.entries.push((path, matcher));
        }
        checks
    }

    fn matcher(&mut self, node: &Node, spot: Spot) -> Matcher {
        match &node.kind {
            Kind::List(items) => {
                Matcher::OneOf(items.iter().map(|item| self.matcher(item, spot.uncitable())).collect())
            }
            Kind::Map(entries) => {
                let requirements = self.own_requirements(node, spot);
                let matcher = self.matcher_map(node, entries, spot);
                if requirements.is_empty() { matcher } else { Matcher::Citing(requirements, Box::new(matcher)) }
            }
            _ => {
                let value = node.to_json();
                if let Some(complaint) =
                    spot.place.filter(|_| !has_expression(&value)).and_then(|place| place.can_be(&value))
                {
                    self.defect(node.at, complaint.message, complaint.help);
                }
                if spot.place.is_some_and(Member::ignores_case) {
                    Matcher::Identifier(self.template(node))
                } else {
                    Matcher::Is(self.template(node))
                }
            }
        }
    }

    fn matcher_map(&mut self, node: &Node, entries: &[(Key, Node)], spot: Spot) -> Matcher {
        const WORDS: [&str; 19] = [
            "absent",
            "present",
            "not",
            "matches",
            "at-least",
            "at-most",
            "near",
            "within",
            "each",
            "any",
            "contains",
            "token",
            "when",
            "is",
            "all",
            "any-of",
            "hash-of",
            "after",
            "composite-of",
        ];
        // What stands beside a matcher.
        const BESIDE: [&str; 2] = ["requirement", "message"];
        let ours = entries.iter().filter(|(key, _)| WORDS.contains(&key.name.as_str())).count();
        if ours == 0 {
            return Matcher::Members(self.about(names_in(spot.place), |reader| reader.members(entries, spot)));
        }
        let foreign = |key: &Key| !BESIDE.contains(&key.name.as_str()) && !WORDS.contains(&key.name.as_str());
        if let Some((key, _)) = entries.iter().find(|(key, _)| foreign(key)) {
            let known = WORDS.into_iter().chain(BESIDE);
            let help = nearest(&key.name, known).map_or_else(
                || "put the matchers under `all:`, or nest them".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            self.defect(key.at, format!("`{}` is no matcher, and this mixes it with matchers", key.name), help);
        }
        let mut all = Vec::new();
        for (key, value) in entries {
            all.push(match key.name.as_str() {
                "absent" | "present" if value.kind != Kind::Bool(true) => {
                    let message = format!("`{}` can't be {}", key.name, value.describe());
                    self.defect(value.at, message, "write true; the opposite of `absent` is `present`");
                    Matcher::Present
                }
                "absent" => Matcher::Absent,
                "present" => Matcher::Present,
                "not" => Matcher::Not(Box::new(self.matcher(value, spot.uncitable()))),
                "matches" => match Regex::new(&value.scalar().unwrap_or_default()) {
                    Ok(pattern) => Matcher::Matches(Box::new(pattern)),
                    Err(error) => {
                        self.defect(value.at, format!("not a regular expression: {error}"), "mend the pattern");
                        Matcher::Present
                    }
                },
                "at-least" => Matcher::AtLeast(self.template(value)),
                "at-most" => Matcher::AtMost(self.template(value)),
                "near" => {
                    let within = match node.get("within") {
                        Some(within) => {
                            self.defects.extend(Takes::Number.check("within", within, None));
                            self.template(within)
                        }
                        None => Template::expression("bench.time_tolerance"),
                    };
                    Matcher::Near(self.template(value), within)
                }
                "after" => match self.after(value) {
                    Some((after, requirements)) => {
                        if !requirements.is_empty() {
                            self.defect(value.at, "a requirement in `after` is for a step", "put it beside `after`");
                        }
                        Matcher::After(Box::new(after))
                    }
                    None => Matcher::Present,
                },
                "each" => Matcher::Each(Box::new(self.matcher(value, spot))),
                "any" => Matcher::Any(Box::new(self.matcher(value, spot.uncitable()))),
                "contains" => Matcher::Contains(self.template(value)),
                "any-of" => Matcher::AnyOf(self.template(value)),
                "token" => {
                    if value.map().is_some() {
                        let owner = Owner::of_keys("token", Some(self.dialect.protocol));
                        self.defects.extend(vocabulary::check(owner, &ID_TOKEN, Some(value), value));
                    }
                    Matcher::Token(self.template(value))
                }
                "hash-of" => Matcher::HashOf(self.template(value)),
                "composite-of" => self
                    .composite_of(value)
                    .map_or(Matcher::Present, |composite| Matcher::CompositeOf(Box::new(composite))),
                "when" => {
                    let shown = self.names.hide();
                    let is = if let Some(is) = node.get("is") {
                        self.matcher(is, spot)
                    } else {
                        self.defect(node.at, "`when` needs `is`", "say what must hold then");
                        Matcher::Present
                    };
                    let condition = self.expression(value);
                    self.names.show(shown);
                    Matcher::When(condition, Box::new(is))
                }
                "is" if node.get("when").is_none() => self.matcher(value, spot),
                "all" => {
                    self.defects.extend(Takes::List(&Takes::Anything).check("all", value, None));
                    Matcher::All(value.list().unwrap_or_default().iter().map(|item| self.matcher(item, spot)).collect())
                }
                _ => continue, // `within`, and `is` with `when`, belong to their neighbours
            });
        }
        let matcher = if all.len() == 1 { all.remove(0) } else { Matcher::All(all) };
        match node.get("message") {
            Some(sentence) => Matcher::Saying(self.sentence(sentence, spot), Box::new(matcher)),
            None => matcher,
        }
    }

    /// What a check says of a breach.
    fn sentence(&mut self, node: &Node, spot: Spot) -> Template {
        if node.text().is_none_or(|text| text.trim().is_empty()) {
            let message = format!("a sentence was expected, found {}", node.describe());
            self.defect(node.at, message, "write what was wrong");
        } else if !spot.citable {
            let help = "a breach is told of the whole: put it beside the check around this one";
            self.defect(node.at, "a message is never shown from here", help);
        }
        self.template(node)
    }

    /// Charging profiles: `{ profiles: …, begun: …, most: … }`.
    fn composite_of(&mut self, node: &Node) -> Option<CompositeOf> {
        let owner = Owner::of_keys("composite-of", Some(self.dialect.protocol));
        let defects = vocabulary::check(owner, &COMPOSITE_OF, Some(node), node);
        let wrong = !defects.is_empty();
        self.defects.extend(defects);
        let mut named = |name: &str| node.get(name).map(|value| self.template(value));
        let (profiles, begun, most) = (named("profiles"), named("begun"), named("most"));
        Some(CompositeOf { profiles: profiles.filter(|_| !wrong)?, begun, most })
    }

    /// A distance from a number or a time: `{ at: …, plus: …, tolerance: … }`.
    pub(super) fn after(&mut self, node: &Node) -> Option<(After, Requirements)> {
        let owner = Owner::of_keys("after", Some(self.dialect.protocol));
        let defects = vocabulary::check(owner, &AFTER, Some(node), node);
        let wrong = !defects.is_empty();
        for defect in defects {
            self.defect(defect.at, defect.message, defect.help);
        }
        if wrong {
            return None;
        }
        let distance = match (node.get("plus"), node.get("every")) {
            (Some(plus), None) => Distance::Plus(self.template(plus)),
            (None, Some(every)) => Distance::Every(self.template(every)),
            _ => {
                self.defect(node.at, "`after` needs `plus` or `every`", "say how far it is; one of the two");
                return None;
            }
        };
        let tolerance = match node.get("tolerance") {
            Some(tolerance) => self.template(tolerance),
            None => Template::expression("bench.time_tolerance"),
        };
        let requirements = self.requirements(node.get("requirement"));
        Some((After { at: self.template(node.get("at")?), distance, tolerance }, requirements))
    }
}

/// Where a matcher stands.
#[derive(Debug, Clone, Copy)]
struct Spot {
    /// The place in the message, where it is one.
    place: Option<Member>,
    /// A breach is told of this very matcher, with the requirements that it names.
    citable: bool,
}

impl Spot {
    fn uncitable(self) -> Self {
        Self { citable: false, ..self }
    }
}

/// Names of members that conditions in checks see.
fn names_in(message: Option<Member>) -> Vec<String> {
    message.map(|message| message.names().map(str::to_owned).collect()).unwrap_or_default()
}

fn has_expression(value: &serde_json::Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("{{"))
}

/// The value in the file that a JSON pointer leads to; as near as the file goes.
fn below<'n>(mut node: &'n Node, pointer: &str) -> &'n Node {
    for part in pointer.split('/').skip(1) {
        let next = match node.list() {
            Some(items) => part.parse::<usize>().ok().and_then(|index| items.get(index)),
            None => node.get(part),
        };
        match next {
            Some(next) => node = next,
            None => break,
        }
    }
    node
}

#[cfg(test)]
mod tests {
    use crate::{
        protocol::Version,
        testcase::{dialect::Dialect, reader},
        yaml::Source,
    };

    /// A SEND can be sent, but nothing can be said of an answer; and none is waited for.
    #[test]
    fn what_asks_for_no_answer_is_only_sent() {
        let read = |step: &str| {
            let text = format!(
                "id: TC_N_105_CSMS\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\nsut: csms\nblock: N\n\
                 protocols: [2.1]\ncertification: {{ 2.1: {{ 2025-12: {{ core: DM-0 }} }} }}\nsteps:\n  - {step}"
            );
            let read = reader::test_case(&Source::new("c.yaml", text), Dialect::today(Version::V2_1));
            read.map_or_else(|defects| defects.to_string(), |_| "sound".into())
        };
        let payload = "payload: { id: 2, pending: 0, basetime: \"{{ now }}\", data: [{ t: 0, v: \"7\" }] }";
        assert_eq!(read(&format!("{{ send: NotifyPeriodicEventStream, {payload} }}")), "sound");
        insta::assert_snapshot!(
            read(&format!("{{ send: NotifyPeriodicEventStream, {payload}, within: 5 }}")),
            @r"
        c.yaml:11:129: NotifyPeriodicEventStream is sent without asking for an answer (SEND), so `within` is of no use
            → remove it
        "
        );
    }
}
