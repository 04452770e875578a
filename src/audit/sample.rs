//! Messages that a matcher wants: what a `never` forbids has to be sent to see that it is caught.

use serde_json::{Value, json};

use super::values;
use crate::{
    engine::{Engine, Input},
    link::LinkEvent,
    protocol::{frame::Frame, member::Member, messages::Messages},
    replay::Recording,
    template::Lookup,
    testcase::matcher::{Checks, Matcher},
};

/// A CALL that the `never` step at this path forbids, when it is under way.
pub(super) fn forbidden(engine: &Engine, recording: &Recording, path: &str) -> Option<String> {
    let (step, names) = engine.under_way(path)?;
    let (action, matches) = step.forbids()?;
    let messages = recording.setup.protocol.messages();
    let recorded = recording.inputs.iter().filter_map(|(_, input)| match input {
        Input::Link(LinkEvent::Text { text, .. }) => match Frame::read_back(text) {
            Ok(Frame::Call { action: of, payload, .. } | Frame::Send { action: of, payload, .. }) if of == action => {
                Some(payload)
            }
            _ => None,
        },
        _ => None,
    });
    let example = messages.message(action, true).map(Member::example);
    let mut payload = recorded.chain(example).find_map(|payload| wanted(matches, payload, action, &names, messages))?;
    for time in messages.times(action, true, &payload) {
        if let (Some(place), Some(now)) = (payload.pointer_mut(&time.pointer), names.lookup("now")) {
            *place = now.into_owned();
        }
    }
    let (id, action) = ("audit-never".to_owned(), action.to_owned());
    let frame = if messages.is_one_way(&action) {
        Frame::Send { id, action, payload }
    } else {
        Frame::Call { id, action, payload }
    };
    Some(frame.to_text())
}

/// The message with a value that a demand of the step at this path excludes (`not: …`), in the order of `match` and `check`.
pub(super) fn unwanted(engine: &Engine, frame: &Frame, number: usize, path: &str) -> Option<Frame> {
    let (step, names) = engine.under_way(path)?;
    let messages = engine.protocol().messages();
    let mut frame = frame.clone();
    let message = step.message()?;
    let payload = match &mut frame {
        Frame::Call { payload, .. } | Frame::Send { payload, .. } if message.request => payload,
        Frame::CallResult { payload, .. } if !message.request => payload,
        _ => return None,
    };
    let (action, request) = (message.action, message.request);
    let entries: Vec<_> = message.demands().collect();
    let (path, matcher) = entries.get(number)?;
    let excluded = excluded(matcher)?;
    let (pointer, value) = path.places(payload).into_iter().next()?;
    let member = messages.member(action, request, &pointer);
    let other = sample(excluded, value, member, &names)?;
    // A list keeps what is in it.
    let other = match (value.and_then(Value::as_array), other) {
        (Some(items), Value::Array(others)) => items.iter().cloned().chain(others).collect(),
        (_, other) => other,
    };
    put(payload, &pointer, Some(other), messages.message(action, request)?)?;
    Some(frame)
}

/// What a matcher excludes.
pub(super) fn excluded(matcher: &Matcher) -> Option<&Matcher> {
    match matcher {
        Matcher::Not(inner) => Some(inner),
        Matcher::All(matchers) => matchers.iter().find_map(excluded),
        Matcher::When(_, inner) | Matcher::Citing(_, inner) | Matcher::Saying(_, inner) => excluded(inner),
        _ => None,
    }
}

/// The payload with as little changed as the checks need to hold; `None` where that can't be brought about.
fn wanted(
    checks: &Checks,
    mut payload: Value,
    action: &str,
    names: &dyn Lookup,
    messages: &'static Messages,
) -> Option<Value> {
    for (path, matcher) in &checks.entries {
        for (pointer, _) in path.places(&payload.clone()) {
            let member = messages.member(action, true, &pointer);
            let value = sample(matcher, payload.pointer(&pointer), member, names);
            put(&mut payload, &pointer, value, messages.message(action, true)?)?;
        }
    }
    checks.mismatches(&payload, names).is_ok_and(|found| found.is_empty()).then_some(payload)
}

/// Puts a value (or nothing) at a place, with what has to be around it.
fn put(payload: &mut Value, pointer: &str, value: Option<Value>, root: Member) -> Option<()> {
    let Some(value) = value else {
        values::remove(payload, pointer);
        return Some(());
    };
    let absent = values::first_absent(payload, pointer);
    if absent != pointer {
        values::set(payload, &absent, root.below(&absent).map(Member::example)?);
    }
    values::set(payload, pointer, value).then_some(())
}

/// A value that a matcher lets pass, the present one where it does.
fn sample(matcher: &Matcher, value: Option<&Value>, member: Option<Member>, names: &dyn Lookup) -> Option<Value> {
    let around = json!({});
    if matcher.check(value, "", &around, names).is_ok_and(|found| found.is_none()) {
        return value.cloned();
    }
    let example = || member.map(Member::example);
    let element = || member.map(|member| member.element().example());
    let of = |template: &crate::template::Template| template.evaluate(names).ok().filter(|value| !value.is_null());
    match matcher {
        Matcher::Is(template)
        | Matcher::Identifier(template)
        | Matcher::AtLeast(template)
        | Matcher::AtMost(template)
        | Matcher::Near(template, _)
        | Matcher::Token(template) => of(template),
        Matcher::OneOf(matchers) => sample(matchers.first()?, value, member, names),
        Matcher::Absent => None,
        Matcher::Present => example(),
        Matcher::Not(_) => {
            let others = example().into_iter().flat_map(|one| {
                let others = values::others(&one, member);
                std::iter::once(one).chain(others)
            });
            others.into_iter().find(|other| matcher.check(Some(other), "", &around, names) == Ok(None))
        }
        Matcher::Matches(_) => None,
        Matcher::Each(inner) | Matcher::Any(inner) => {
            let first = value.and_then(Value::as_array).and_then(|items| items.first()).cloned().or_else(element);
            sample(inner, first.as_ref(), member.map(Member::element), names).map(|one| json!([one]))
        }
        Matcher::Contains(template) => {
            let one = of(template)?;
            Some(if value.is_some_and(Value::is_string) || member.is_some_and(|member| !member.is_list()) {
                one
            } else {
                json!([one])
            })
        }
        Matcher::AnyOf(list) => of(list)?.as_array()?.first().cloned(),
        Matcher::CompositeOf(composite) => composite.example(value?, names),
        Matcher::HashOf(chain) => crate::certificate::hash_data(of(chain)?.as_str()?, "SHA256"),
        Matcher::When(_, inner) | Matcher::Citing(_, inner) | Matcher::Saying(_, inner) => {
            sample(inner, value, member, names)
        }
        Matcher::After(after) => of(&after.at),
        Matcher::Members(checks) => {
            let mut value = value.cloned().or_else(example)?;
            for (path, inner) in &checks.entries {
                for (pointer, _) in path.places(&value.clone()) {
                    let place = member.and_then(|member| member.below(&pointer));
                    let old = value.pointer(&pointer).cloned();
                    let Some(new) = sample(inner, old.as_ref(), place, names) else {
                        values::remove(&mut value, &pointer);
                        continue;
                    };
                    let absent = values::first_absent(&value, &pointer);
                    if absent != pointer {
                        let around = member.and_then(|member| member.below(&absent)).map(Member::example)?;
                        values::set(&mut value, &absent, around);
                    }
                    values::set(&mut value, &pointer, new);
                }
            }
            Some(value)
        }
        Matcher::All(matchers) => matchers
            .iter()
            .try_fold(value.cloned(), |value, matcher| Some(sample(matcher, value.as_ref(), member, names)))?,
    }
}
