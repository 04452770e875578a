//! A test case in words, for people who do not want to read its file.

use super::{
    connection::Outcome,
    library::Library,
    matcher::Checks,
    model::{Step, StepKind, TestCase},
    requirements::Requirements,
    template::Template,
};
use crate::{pics::SutKind, protocol::error_code::ErrorCode};

/// Needs, preparations, steps and what is tidied up afterwards, each under a heading; lines without line ends.
pub fn describe(case: &TestCase, library: &Library) -> Vec<String> {
    let mut prose = Prose {
        sut: match case.header.sut {
            SutKind::ChargingStation => "the station",
            SutKind::Csms => "the CSMS",
        },
        library,
        lines: Vec::new(),
    };
    for need in &case.needs {
        prose.heading("Needs");
        prose.say(1, format!("{} (otherwise inconclusive: {})", need.condition.text(), need.otherwise));
    }
    if let Some(reason) = &case.header.exclusive {
        prose.heading("Alone, and after all others");
        prose.say(1, reason.clone());
    }
    if !case.variants.is_empty() {
        prose.heading("Run once for each of");
        for variant in &case.variants {
            let values = variant.iter().map(|(name, value)| format!("{name} = {}", bare(&value.to_string())));
            prose.say(1, values.collect::<Vec<_>>().join(", "));
        }
    }
    if !case.prepared || !case.variables.is_empty() || !case.before.is_empty() {
        prose.heading("Before");
    }
    if !case.prepared {
        prose.say(1, "no connection: whether we are let in is what is tested".to_owned());
    }
    for variable in &case.variables {
        let value = variable.value.text();
        let contains = if variable.contains { format!("contains {value}") } else { format!("is {value}") };
        let without = if variable.without.is_empty() {
            String::new()
        } else {
            format!(", without {}", variable.without.join(", "))
        };
        let when = variable.when.as_ref().map(|when| format!("if {}: ", when.text())).unwrap_or_default();
        prose.say(1, format!("{when}{}.{} {contains}{without}", variable.component, variable.variable));
    }
    prose.steps(&case.before, 1);
    if let Some(steps) = &case.steps {
        prose.heading("Steps");
        prose.steps(steps, 1);
    }
    if !case.always.is_empty() {
        prose.heading("All the time");
    }
    for rule in &case.always {
        let which = with(&rule.matches);
        let what = match &rule.checks {
            Some(checks) => format!("every {}{which} must have {}", rule.action, text(checks)),
            None => format!("no {}{which} may come", rule.action),
        };
        prose.say(1, format!("{what}{}", cited(&rule.requirements)));
    }
    if !case.after.is_empty() {
        prose.heading("Afterwards, whatever the verdict");
        prose.steps(&case.after, 1);
    }
    prose.lines
}

struct Prose<'l> {
    sut: &'static str,
    library: &'l Library,
    lines: Vec<String>,
}

impl Prose<'_> {
    fn heading(&mut self, text: &str) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
        self.lines.push(text.to_owned());
    }

    fn say(&mut self, depth: usize, text: String) {
        self.lines.push(format!("{}{text}", "  ".repeat(depth)));
    }

    fn steps(&mut self, steps: &[std::sync::Arc<Step>], depth: usize) {
        for (number, step) in (1..).zip(steps) {
            let when = step.when.as_ref().map(|when| format!("if {}: ", when.text())).unwrap_or_default();
            let (what, inner) = self.step(step);
            self.say(depth, format!("{number}. {when}{what}{}", cited(&step.requirements)));
            self.steps(inner, depth + 2);
        }
    }

    /// A step in words, and the steps within it.
    fn step<'s>(&self, step: &'s Step) -> (String, &'s [std::sync::Arc<Step>]) {
        let sut = self.sut;
        let what = match &step.kind {
            StepKind::Expect(expect) => {
                let mut what = format!("{sut} sends {}{}", expect.action, with(&expect.matches));
                let mut also = |text: String| {
                    what.push_str("; ");
                    what.push_str(&text);
                };
                if expect.optional.is_some() {
                    also("it may be missing".into());
                }
                if let Some(requirements) = &expect.nothing_else_before {
                    also(format!("nothing else comes first{}", cited(requirements)));
                }
                if let Some(bound) = &expect.no_earlier_than {
                    also(format!("not before {} s{}", bound.is.text(), cited(&bound.requirements)));
                }
                if let Some(seconds) = &expect.within {
                    also(format!("within {} s", seconds.text()));
                }
                if !expect.checks.is_empty() {
                    also(format!("it must have {}", text(&expect.checks)));
                }
                if let Some(reply) = &expect.reply {
                    also(format!("we answer {}", reply.text()));
                }
                let under = |when: Option<&Template>| match when.map(Template::text) {
                    Some(when) if when != "true" => format!(" if {when}"),
                    _ => String::new(),
                };
                if let Some(refusal) = &expect.reply_error {
                    also(format!("we answer with the error {}{}", refusal.code, under(refusal.when.as_ref())));
                }
                if expect.no_reply.is_some() {
                    also(format!("we leave it unanswered{}", under(expect.no_reply.as_ref())));
                }
                what
            }
            StepKind::Send(send) => {
                let payload = send.payload.text();
                let payload = if payload == "{}" { String::new() } else { format!(" {payload}") };
                let answer = match (&send.expect_error, send.checks.is_empty()) {
                    (Some(codes), false) if send.error_allowed => {
                        format!(
                            "; {sut} must answer with {} or refuse it with {}",
                            text(&send.checks),
                            alternatives(codes)
                        )
                    }
                    (Some(codes), _) => format!("; {sut} must refuse it with {}", alternatives(codes)),
                    (None, true) => String::new(),
                    (None, false) => format!("; {sut} must answer with {}", text(&send.checks)),
                };
                let refusal = match (send.takes_any_error(), send.lost_allowed) {
                    (_, true) => " (or the connection may be closed)",
                    (true, false) => " (or an error)",
                    (false, false) => "",
                };
                format!("we send {}{payload}{answer}{refusal}", send.action)
            }
            StepKind::Run { state, with } => {
                let purpose = self.library.states.get(state).map(|state| state.purpose.as_str()).unwrap_or_default();
                format!("{state}{} – {purpose}", parameters(with))
            }
            StepKind::Operator { action, with, optional } => {
                let optional = if *optional { ", if that is possible" } else { "" };
                format!("operator: {}{}{optional}", action.name, parameters(with))
            }
            StepKind::AnyOrder(steps) => return ("in any order:".into(), steps),
            StepKind::OneOf(steps) => return ("one of:".into(), steps),
            StepKind::Optional(steps) => return ("possibly:".into(), steps),
            StepKind::Group(steps) => {
                let title = step.title.as_ref().map_or_else(|| "these:".to_owned(), |title| format!("{title}:"));
                return (title, steps);
            }
            StepKind::Repeat { steps, until } => return (format!("until {}:", until.text()), steps),
            StepKind::ForEach { items, item, steps, in_order } => {
                let order = if *in_order { "" } else { ", in any order" };
                return (format!("for each {item} of {}{order}:", items.text()), steps);
            }
            StepKind::Wait(seconds) => format!("wait {} s", seconds.text()),
            StepKind::Settle { seconds, .. } => format!("wait until nothing has come for {} s", seconds.text()),
            StepKind::Connection(connection) => {
                let offer = connection.offer.as_ref().map(|offer| format!(", offering {}", offer.text()));
                let outcome = connection.outcome.map(|outcome| match outcome {
                    Outcome::Any => "; whatever comes of it".to_owned(),
                    outcome => format!("; it must be {}", outcome.word()),
                });
                let checks = (!connection.checks.is_empty()).then(|| format!(" with {}", text(&connection.checks)));
                format!(
                    "connection: {}{}{}{}",
                    connection.act.word(),
                    offer.unwrap_or_default(),
                    outcome.unwrap_or_default(),
                    checks.unwrap_or_default()
                )
            }
            StepKind::Service { service, with } => format!("our service {}{}", service.name, parameters(with)),
            StepKind::Set(values) => {
                let values = values.iter().map(|(name, value)| format!("{name} = {}", value.text()));
                format!("let {}", values.collect::<Vec<_>>().join(", "))
            }
            StepKind::Assert { condition, .. } => format!("it must hold that {}", condition.text()),
            StepKind::Remark(sentence) => format!("we remark: {}", sentence.text()),
            StepKind::Never { action, matches, during } => {
                format!("for {} s {sut} must not send {action}{}", during.text(), with(matches))
            }
        };
        (what, &[])
    }
}

fn cited(requirements: &Requirements) -> String {
    if requirements.is_empty() { String::new() } else { format!("  [{}]", requirements.describe()) }
}

fn with(checks: &Checks) -> String {
    if checks.is_empty() { String::new() } else { format!(" with {}", text(checks)) }
}

fn text(checks: &Checks) -> String {
    checks.describe(None)
}

fn parameters(with: &[(String, Template)]) -> String {
    if with.is_empty() {
        return String::new();
    }
    let each: Vec<String> = with.iter().map(|(name, value)| format!("{name}: {}", value.text())).collect();
    format!(" ({})", each.join(", "))
}

fn alternatives(codes: &[ErrorCode]) -> String {
    codes.iter().map(|code| code.as_str()).collect::<Vec<_>>().join(" or ")
}

fn bare(text: &str) -> &str {
    text.trim_matches('"')
}
