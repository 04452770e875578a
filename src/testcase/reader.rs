//! Reads test cases and states from YAML, with every defect at its place.

mod around;
mod connection;
mod manual;
mod messages;
mod requirements;
mod service;
mod shorthand;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    catalogue,
    dialect::{Dialect, Language},
    language::{BODY, COMMON, REFUSAL, STATE, STEPS, StepInfo, TEST_CASE},
    model::{BUILT_IN, Bound, Citation, Expect, Refusal, RunSite, Send, State, StateKind, Step, StepKind, TestCase},
    scope::{Mentions, Notes, Part},
    template::Template,
};
use crate::{
    pics::SutKind,
    protocol::messages::Messages,
    vocabulary::{self, Owner, Property},
    yaml::{Defect, Defects, Key, Kind, Node, Position, Source, nearest},
};

/// Reads a test case, for the version of OCPP that the dialect names. Steps that hold for other versions only are left out.
pub fn test_case(source: &Source, dialect: Dialect) -> Result<TestCase, Defects> {
    let root = dialect.parse(source)?;
    let mut reader = Reader::new(source, dialect);
    let Some(header) = catalogue::header(&root, dialect.protocol, &mut reader.defects) else {
        return Err(source.defects(reader.defects));
    };
    reader.sut = header.sut;
    if let Some(list) = root.get("requirements") {
        catalogue::check_requirements(list, dialect.protocol, &mut reader.defects);
    }
    let is_for_it = header.implemented || root.get("steps").is_none();
    let body = |key: &str| root.get(key).filter(|_| is_for_it);
    for property in TEST_CASE.iter().filter(|property| BODY.contains(&property.name)) {
        if let Some(value) = body(property.name) {
            reader.defects.extend(property.check(value, Some(dialect.protocol)));
        }
    }
    let before = body("before");
    let mut case = TestCase {
        header,
        protocol: dialect.protocol,
        source: source.clone(),
        further: reader.further(root.get("further-requirements")),
        variants: reader.variants(body("variants")),
        needs: reader.needs(body("needs")),
        variables: before.map(|before| reader.variables(before.get("variables"))).unwrap_or_default(),
        prepared: true,
        before: Vec::new(),
        steps: body("steps").map(|steps| reader.within(Part::Steps, |reader| reader.steps(steps))),
        always: reader.within(Part::Always, |reader| reader.always(body("always"))),
        cited_by_test: reader.citations.len(),
        after: body("after").map(|steps| reader.within(Part::After, |reader| reader.steps(steps))).unwrap_or_default(),
        citations: Vec::new(),
        runs: Vec::new(),
        names: Mentions::default(),
    };
    if let Some(before) = before {
        if let Some(prepared) = before.get("prepared") {
            case.prepared = flag(Some(prepared));
        }
        if let Some(state) = before.get("state") {
            case.before.extend(reader.within(Part::Before, |reader| reader.run_shorthand(state)));
        }
        if let Some(states) = before.get("states") {
            case.before.extend(reader.within(Part::Before, |reader| reader.steps(states)));
        }
    }
    case.names = reader.names.finish();
    case.citations = std::mem::take(&mut reader.citations);
    case.runs = std::mem::take(&mut reader.runs);
    reader.finish(case)
}

/// Reads a state or procedure; none where it is for other versions of OCPP.
pub fn state(source: &Source, dialect: Dialect) -> Result<Option<State>, Defects> {
    let root = dialect.parse_state(source)?;
    let mut reader = Reader::new(source, dialect);
    let owner = Owner::of_keys("a state", Some(dialect.protocol));
    let known = if dialect.language == Language::First { without_protocols() } else { STATE.to_vec() };
    reader.defects.extend(vocabulary::check(owner, &known, Some(&root), &root));
    if reader.defects.is_empty() && !dialect.is_for(&root) {
        return Ok(None);
    }
    let text = |key: &str| root.get(key).and_then(Node::scalar).unwrap_or_default();
    reader.sut = SutKind::named(&text("sut")).unwrap_or(SutKind::ChargingStation);
    let kind = match text("kind").as_str() {
        "memory" => StateKind::Memory,
        "procedure" => StateKind::Procedure,
        _ => StateKind::Reusable,
    };
    let requirements = reader.listed(root.get("requirements"));
    let mut state = State {
        name: text("state"),
        requirements,
        citations: Vec::new(),
        runs: Vec::new(),
        kind,
        sut: reader.sut,
        purpose: text("purpose"),
        parameters: root.get("parameters").map(|node| reader.named(node)).unwrap_or_default(),
        steps: root
            .get("steps")
            .map(|steps| reader.within(Part::Steps, |reader| reader.steps(steps)))
            .unwrap_or_default(),
        reached: root
            .get("reached")
            .map(|node| reader.within(Part::After, |reader| reader.named(node)))
            .unwrap_or_default(),
        source: source.clone(),
        names: Mentions::default(),
    };
    state.names = reader.names.finish();
    state.citations = std::mem::take(&mut reader.citations);
    state.runs = std::mem::take(&mut reader.runs);
    reader.finish(Some(state))
}

struct Reader<'s> {
    source: &'s Source,
    file: Arc<str>,
    /// The version of OCPP, and the form of the language.
    dialect: Dialect,
    sut: SutKind,
    /// Every requirement that was named so far.
    citations: Vec<Citation>,
    /// Every state that is run.
    runs: Vec<RunSite>,
    /// The names that expressions use and steps keep.
    names: Notes,
    defects: Vec<Defect>,
}

impl<'s> Reader<'s> {
    fn new(source: &'s Source, dialect: Dialect) -> Self {
        Self {
            source,
            file: source.name.clone(),
            dialect,
            sut: SutKind::ChargingStation,
            citations: Vec::new(),
            runs: Vec::new(),
            names: Notes::default(),
            defects: Vec::new(),
        }
    }

    fn messages(&self) -> &'static Messages {
        self.dialect.protocol.messages()
    }

    /// Reads something of this part of the file.
    fn within<T>(&mut self, part: Part, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.names.part(part);
        let value = read(self);
        self.names.part(before);
        value
    }

    /// Reads something in which these names are known too.
    fn knowing<T>(&mut self, names: Vec<String>, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.names.know(names);
        let value = read(self);
        self.names.forget(before);
        value
    }

    /// Reads checks of something that has these members.
    fn about<T>(&mut self, members: Vec<String>, read: impl FnOnce(&mut Self) -> T) -> T {
        let around = self.names.members(members.clone());
        let value = self.knowing(members, read);
        self.names.members(around);
        value
    }

    fn finish<T>(self, value: T) -> Result<T, Defects> {
        if self.defects.is_empty() { Ok(value) } else { Err(self.source.defects(self.defects)) }
    }

    /// A defect, unless one is told of that place already.
    fn defect(&mut self, at: Position, message: impl Into<String>, help: impl Into<String>) {
        if self.defects.iter().any(|defect| defect.at == at) {
            return;
        }
        self.defects.push(Defect::new(at, message, help));
    }

    fn template(&mut self, node: &Node) -> Template {
        let template = Template::new(node.to_json());
        self.syntax(node.at, &template);
        template
    }

    fn expression(&mut self, node: &Node) -> Template {
        let template = if let Some(text) = node.scalar() {
            Template::expression(&text)
        } else {
            self.defect(node.at, format!("an expression was expected, found {}", node.describe()), "write it as text");
            Template::expression("true")
        };
        self.syntax(node.at, &template);
        template
    }

    fn syntax(&mut self, at: Position, template: &Template) {
        for error in template.syntax_errors() {
            self.defect(at, format!("this expression can't be read: {error}"), "correct it; the language is minijinja");
        }
        self.names.uses(template, at);
    }

    /// A name that a step gives to something.
    fn new_name(&mut self, node: &Node) -> Option<String> {
        let name = node.text()?;
        self.free(name, node.at);
        Some(name.to_owned()).filter(|name| !name.is_empty())
    }

    /// What the engine tells by a name would be hidden by another thing of that name, for every later step.
    fn free(&mut self, name: &str, at: Position) {
        if BUILT_IN.contains(&name) {
            let message = format!("`{name}` is a name that the engine defines (docs/test-cases.md)");
            self.defect(at, message, "use another name");
        }
    }

    fn named(&mut self, node: &Node) -> Vec<(String, Template)> {
        let Some(entries) = node.map() else {
            self.defect(node.at, format!("a mapping was expected, found {}", node.describe()), "write `name: value`");
            return Vec::new();
        };
        entries.iter().map(|(key, value)| (key.name.clone(), self.template(value))).collect()
    }

    fn steps(&mut self, node: &Node) -> Vec<Arc<Step>> {
        match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| self.step(item)).map(Arc::new).collect(),
            Kind::Map(_) => self.step(node).map(Arc::new).into_iter().collect(),
            _ => {
                self.defect(
                    node.at,
                    format!("steps were expected, found {}", node.describe()),
                    "write a list of steps",
                );
                Vec::new()
            }
        }
    }

    /// `state: Booted`, or `state: { run: Booted, with: … }`, or a list of either.
    fn run_shorthand(&mut self, node: &Node) -> Vec<Arc<Step>> {
        match node.text() {
            Some(name) => {
                self.runs.push(RunSite { state: name.to_owned(), at: node.at, with: Vec::new() });
                self.names.runs(name);
                vec![Arc::new(Step::run_of(name, Vec::new(), node.at, self.file.clone()))]
            }
            None => self.steps(node),
        }
    }

    fn bare(&self, at: Position, kind: StepKind) -> Step {
        Step::bare(at, self.file.clone(), kind)
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let Some(entries) = node.map() else {
            self.defect(node.at, format!("a step was expected, found {}", node.describe()), "write `- expect: Action`");
            return None;
        };
        let Some(info) = StepInfo::among(entries.iter().map(|(key, _)| key.name.as_str())) else {
            let kinds = || STEPS.iter().map(StepInfo::name);
            let common = |key: &Key| COMMON.iter().any(|property| property.name == key.name);
            let near = entries.iter().find_map(|(key, _)| Some((key.at, nearest(&key.name, kinds())?)));
            let (at, help) = match (near, entries.iter().find(|(key, _)| !common(key))) {
                (Some((at, near)), _) => (at, format!("did you mean `{near}`?")),
                (None, key) => {
                    let help = format!("kinds: {}", kinds().collect::<Vec<_>>().join(", "));
                    (key.map_or(node.at, |(key, _)| key.at), help)
                }
            };
            self.defect(at, "this step has no known kind", help);
            return None;
        };
        self.defects.extend(vocabulary::check(
            info.owner(Some(self.dialect.protocol)),
            &info.all_keys(),
            Some(node),
            node,
        ));
        let name = info.name();
        let value = node.get(name)?;
        self.names.enter();
        let step = self.step_of_kind(name, value, node);
        self.names.leave();
        step
    }

    fn step_of_kind(&mut self, name: &str, value: &Node, node: &Node) -> Option<Step> {
        let kind = self.kind(name, value, node)?;
        let mut step = Step { when: node.get("when").map(|when| self.expression(when)), ..self.bare(node.at, kind) };
        if name == "ask" {
            // What it keeps and proves is of the message, within.
            step.title = value.text().map(|action| format!("ask {action}").into());
            return Some(step);
        }
        if name == "let" && self.dialect.language == Language::First {
            // A recording of then knows it by the word of then.
            step.title = Some("set".into());
        }
        step.saved_as = node.get("as").and_then(|name| self.new_name(name));
        if let Some(name) = &step.saved_as {
            self.names.keeps(name);
        }
        step.requirements = self.requirements(node.get("requirement"));
        Some(step)
    }

    fn kind(&mut self, name: &str, value: &Node, node: &Node) -> Option<StepKind> {
        Some(match name {
            "expect" => StepKind::Expect(self.expect(value, node)),
            "send" => StepKind::Send(self.send(value, node)),
            "run" => {
                let state = value.text().unwrap_or_default().to_owned();
                let with = node.get("with").and_then(Node::map).unwrap_or_default();
                let with = with.iter().map(|(key, _)| (key.name.clone(), key.at)).collect();
                self.names.runs(&state);
                self.runs.push(RunSite { state: state.clone(), at: value.at, with });
                StepKind::Run { state, with: self.with(node) }
            }
            "operator" => {
                let action = self.manual_action(value, node)?;
                let optional = flag(node.get("optional"));
                let given = self.with(node);
                let left_out = action.left_out().filter(|(name, _)| !given.iter().any(|(known, _)| known == name));
                let mut with: Vec<_> =
                    left_out.map(|(name, value)| (name.to_owned(), Template::new(value.into()))).collect();
                with.extend(given);
                StepKind::Operator { action, with, optional }
            }
            "ask" => self.ask(value, node)?,
            "get" => self.variable_access(false, value, node)?,
            "set" => self.variable_access(true, value, node)?,
            "any-order" => StepKind::AnyOrder(self.steps(value)),
            "one-of" => StepKind::OneOf(self.steps(value)),
            "optional" => StepKind::Optional(self.steps(value)),
            "steps" => StepKind::Group(self.steps(value)),
            "repeat" => StepKind::Repeat { steps: self.steps(value), until: self.expression(node.get("until")?) },
            "for-each" => {
                let items = self.template(node.get("in")?);
                let item = self.new_name(value).unwrap_or_default();
                let steps = node.get("do")?;
                let steps = self.knowing(vec![item.clone()], |reader| reader.steps(steps));
                StepKind::ForEach {
                    items,
                    item,
                    steps,
                    in_order: node.get("order").and_then(Node::text) != Some("any"),
                }
            }
            "wait" => StepKind::Wait(self.template(value)),
            "settle" => StepKind::Settle { seconds: self.template(value), by_evidence: flag(node.get("by-evidence")) },
            "connection" => StepKind::Connection(self.connection(value, node)?),
            "service" => StepKind::Service { service: self.service(value, node)?, with: self.with(node) },
            "let" => {
                for (name, _) in value.map().unwrap_or_default() {
                    self.free(&name.name, name.at);
                    self.names.keeps(&name.name);
                }
                StepKind::Set(self.named(value))
            }
            "assert" => StepKind::Assert {
                condition: self.expression(value),
                otherwise: node.get("otherwise").and_then(Node::scalar),
                inconclusive: flag(node.get("inconclusive")),
            },
            "remark" => {
                if value.text().is_none_or(|text| text.trim().is_empty()) {
                    let message = format!("a sentence was expected, found {}", value.describe());
                    self.defect(value.at, message, "write what is to be said");
                }
                StepKind::Remark(self.template(value))
            }
            "never" => {
                let action = self.action(value, true);
                let matches = self.matches(node.get("match"), self.messages().message(&action, true));
                StepKind::Never { action, matches, during: self.template(node.get("during")?) }
            }
            _ => return None,
        })
    }

    fn expect(&mut self, value: &Node, node: &Node) -> Expect {
        let action = self.action(value, true);
        let reply = node.get("reply");
        let answers = ["reply", "reply-error", "no-reply"].into_iter().find_map(|key| node.get(key));
        if let Some(answer) = answers.filter(|_| self.messages().is_one_way(&action)) {
            self.defect(answer.at, format!("{action} is sent without asking for an answer (SEND)"), "leave it out");
        }
        if let Some(reply) = reply {
            self.payload(reply, &action, false);
        }
        let (not_before, not_after) = node.get("after").and_then(|after| self.bounds(after)).unzip();
        if let (Some(after), Some(_)) = (node.get("after"), node.get("no-earlier-than")) {
            self.defect(after.at, "`after` says what `no-earlier-than` says", "leave one of them out");
        }
        Expect {
            matches: self.matches(node.get("match"), self.messages().message(&action, true)),
            checks: self.checks(node.get("check"), self.messages().message(&action, true)),
            reply: reply.map(|reply| self.template(reply)),
            reply_error: node.get("reply-error").and_then(|node| self.refusal(node)),
            no_reply: node.get("no-reply").map(|node| self.expression(node)),
            within: node.get("within").map(|node| self.template(node)).or(not_after),
            no_earlier_than: node.get("no-earlier-than").map_or(not_before, |node| {
                let (is, requirements) = self.citing(node);
                Some(Bound { is: self.template(is), requirements })
            }),
            any_time_since: node.get("any-time-since").map(|node| self.template(node)),
            optional: node.get("optional").map(|node| self.expression(node)),
            nothing_else_before: node.get("nothing-else-before").and_then(|node| {
                let (is, requirements) = self.citing(node);
                flag(Some(is)).then_some(requirements)
            }),
            action,
        }
    }

    fn send(&mut self, value: &Node, node: &Node) -> Send {
        let action = self.action(value, false);
        if self.messages().is_one_way(&action) {
            // A SEND has no answer.
            for key in ["check", "expect-error", "error-allowed", "lost-allowed", "within"] {
                if let Some(found) = node.get(key) {
                    let message =
                        format!("{action} is sent without asking for an answer (SEND), so `{key}` is of no use");
                    self.defect(found.at, message, "remove it");
                }
            }
        }
        let payload = node.get("payload");
        if let Some(payload) = payload {
            self.payload(payload, &action, true);
        }
        Send {
            payload: payload.map_or_else(|| Template::new(Value::Object(Map::new())), |payload| self.template(payload)),
            checks: self.checks(node.get("check"), self.messages().message(&action, false)),
            expect_error: node.get("expect-error").map(|codes| {
                let codes = codes.list().unwrap_or(std::slice::from_ref(codes));
                codes.iter().filter_map(|code| self.error_code("expect-error", code)).collect()
            }),
            error_allowed: flag(node.get("error-allowed")),
            lost_allowed: flag(node.get("lost-allowed")),
            within: node.get("within").map(|node| self.template(node)),
            action,
        }
    }

    /// A code, or `{ when: condition, is: code }`.
    fn refusal(&mut self, node: &Node) -> Option<Refusal> {
        if node.map().is_none() {
            return Some(Refusal { code: self.error_code("reply-error", node)?, when: None });
        }
        let owner = Owner::of_keys("reply-error", Some(self.dialect.protocol));
        self.defects.extend(vocabulary::check(owner, &REFUSAL, Some(node), node));
        let when = Some(self.expression(node.get("when")?));
        Some(Refusal { code: self.error_code("reply-error", node.get("is")?)?, when })
    }

    /// What `after` says of a message: when it may come at the earliest, and how long it may take.
    fn bounds(&mut self, node: &Node) -> Option<(Bound, Template)> {
        let (_, requirements) = self.after(node)?;
        let expression = |key: &str, default: &str| match node.get(key) {
            None => Some(default.to_owned()),
            Some(value) => {
                let text = value.scalar()?;
                let inner = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
                let inner = inner.map_or(text.as_str(), str::trim);
                (!inner.contains("{{")).then(|| format!("({inner})"))
            }
        };
        let parts = [("at", ""), ("plus", "0"), ("tolerance", "bench.time_tolerance")];
        let [Some(at), Some(plus), Some(tolerance)] = parts.map(|(key, default)| expression(key, default)) else {
            self.defect(node.at, "`after` takes numbers, or one expression each", "write `\"{{ … }}\"`");
            return None;
        };
        if let Some(every) = node.get("every") {
            self.defect(every.at, "`every` is for a time in a message", "write `plus`");
            return None;
        }
        let is = Template::expression(&format!("{at} + {plus} - {tolerance}"));
        let within = Template::expression(&format!("{at} + {plus} + {tolerance} - elapsed"));
        Some((Bound { is, requirements }, within))
    }

    fn with(&mut self, node: &Node) -> Vec<(String, Template)> {
        node.get("with").map(|with| self.named(with)).unwrap_or_default()
    }

    fn word(&mut self, node: &Node) -> String {
        node.scalar().unwrap_or_else(|| {
            self.defect(node.at, format!("a word was expected, found {}", node.describe()), "write one word");
            String::new()
        })
    }

    /// An action name; `from_sut` says who sends it.
    fn action(&mut self, node: &Node, from_sut: bool) -> String {
        let action = self.word(node);
        let by_station = from_sut == (self.sut == SutKind::ChargingStation);
        if !self.messages().is_action(&action) {
            let help = nearest(&action, self.messages().actions())
                .map_or_else(|| "use the name without Request".to_owned(), |near| format!("did you mean `{near}`?"));
            self.defect(node.at, format!("unknown {} action `{action}`", self.dialect.protocol.name), help);
        } else if !self.messages().sent_by(&action, by_station) {
            let side = if by_station { "charging station" } else { "CSMS" };
            self.defect(node.at, format!("a {side} does not send {action}"), "expect is for the SUT, send for us");
        }
        action
    }
}

/// The keys of a state in the first form of the language.
fn without_protocols() -> Vec<Property> {
    STATE.iter().copied().filter(|property| property.name != "protocols").collect()
}

/// A switch; one that is no boolean is told by the table of keys.
fn flag(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.kind == Kind::Bool(true))
}

/// A word, or a list of words.
fn words(node: Option<&Node>) -> Vec<String> {
    let Some(node) = node else { return Vec::new() };
    match node.list() {
        Some(items) => items.iter().filter_map(Node::scalar).collect(),
        None => node.scalar().into_iter().collect(),
    }
}
