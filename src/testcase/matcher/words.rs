//! What matchers demand, in words: for the "expected" of a finding, and for whoever reads a test case.

use serde_json::Value;

use super::{Checks, Distance, Matcher};
use crate::{
    certificate,
    testcase::template::{Lookup, Template},
};

impl Checks {
    /// In words, for a failure's "expected": `status = Accepted, interval present`; without names, expressions stand as
    /// they are written.
    pub fn describe(&self, names: Option<&dyn Lookup>) -> String {
        self.entries
            .iter()
            .map(|(path, matcher)| format!("{} {}", path.text(), matcher.describe(names)))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Matcher {
    /// In words.
    pub fn describe(&self, names: Option<&dyn Lookup>) -> String {
        let shown = |template: &Template| {
            let value = names.and_then(|names| template.evaluate(names).ok());
            value.map_or_else(|| template.text(), |value| value.to_string())
        };
        match self {
            Matcher::Is(expected) | Matcher::Identifier(expected) => {
                match names.map(|names| expected.evaluate(names)) {
                    Some(Ok(Value::Null)) => "absent".into(),
                    _ => format!("= {}", shown(expected)),
                }
            }
            Matcher::OneOf(matchers) => {
                // Several expressions may come to the same value.
                let mut each: Vec<String> = Vec::new();
                for one in matchers.iter().map(|matcher| matcher.describe(names)) {
                    if !each.contains(&one) {
                        each.push(one);
                    }
                }
                if let [one] = &each[..] {
                    return one.clone();
                }
                let each: Vec<&str> = each.iter().map(|one| one.strip_prefix("= ").unwrap_or(one)).collect();
                format!("one of [{}]", each.join(" | "))
            }
            Matcher::Absent => "absent".into(),
            Matcher::Present => "present".into(),
            Matcher::Not(matcher) => format!("not {}", matcher.describe(names)),
            Matcher::Matches(pattern) => format!("matching /{pattern}/"),
            Matcher::AtLeast(bound) => format!("at least {}", shown(bound)),
            Matcher::AtMost(bound) => format!("at most {}", shown(bound)),
            Matcher::Near(centre, within) => format!("{} ± {}", shown(centre), shown(within)),
            Matcher::After(after) => {
                let distance = match &after.distance {
                    Distance::Plus(plus) => format!("{} after", shown(plus)),
                    Distance::Every(every) => format!("a multiple of {} from", shown(every)),
                };
                format!("{distance} {} ± {}", shown(&after.at), shown(&after.tolerance))
            }
            Matcher::Each(matcher) => format!("each element {}", matcher.describe(names)),
            Matcher::Any(matcher) => format!("any element {}", matcher.describe(names)),
            Matcher::Contains(member) => format!("containing {}", shown(member)),
            Matcher::AnyOf(list) => match names.map(|names| list.evaluate(names)) {
                // A list of one is that one.
                Some(Ok(Value::Array(one))) if one.len() == 1 => format!("= {}", one[0]),
                Some(Ok(Value::Array(list))) => {
                    let each: Vec<String> = list.iter().map(Value::to_string).collect();
                    format!("one of [{}]", each.join(" | "))
                }
                _ => format!("one of {}", shown(list)),
            },
            Matcher::Token(token) => format!("the token {}", shown(token)),
            Matcher::HashOf(chain) => {
                let value = names.and_then(|names| chain.evaluate(names).ok()).unwrap_or_default();
                let pem = value.as_str().unwrap_or_default();
                match (certificate::Certificate::first(pem), certificate::hash_data(pem, "SHA256")) {
                    (Some(first), Some(hash)) => {
                        format!("the hash data of the certificate {:?}, in SHA256 {hash}", first.common_name())
                    }
                    _ => format!("the hash data of the certificate {}", chain.text()),
                }
            }
            Matcher::CompositeOf(composite) => composite.describe(names),
            Matcher::When(condition, matcher) => format!("{} (when {})", matcher.describe(names), condition.text()),
            Matcher::Members(checks) => format!("{{ {} }}", checks.describe(names)),
            Matcher::All(matchers) => {
                matchers.iter().map(|matcher| matcher.describe(names)).collect::<Vec<_>>().join(" and ")
            }
            Matcher::Saying(_, matcher) => matcher.describe(names),
            // A finding names them apart from what was expected.
            Matcher::Citing(requirements, matcher) => match names {
                Some(_) => matcher.describe(names),
                None => format!("{} [{}]", matcher.describe(None), requirements.describe()),
            },
        }
    }
}
