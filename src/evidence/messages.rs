//! Holds the messages of a trace against those of the recordings: the KPIs are measured in the trace, and reports show it, but the
//! verdicts follow from the recordings.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

use crate::{clock::Stamp, redaction::REDACTED, replay::Kept};

/// How far two times of the same message may be apart: a time is written in nanoseconds, and rounded at most.
const SAME_NS: i128 = 1_000_000;

/// A message, as a trace or a recording has it.
#[derive(Debug, Clone)]
pub(super) struct Message {
    /// When, nanoseconds of the run.
    at: u64,
    /// When, by the calendar.
    wall: i128,
    from_sut: bool,
    /// Of its text.
    digest: u64,
    /// The text where something in it is redacted: in a trace nothing stands for a secret, in a recording another text does.
    redacted: Option<Box<str>>,
}

/// The messages of test cases.
pub(super) type Messages = BTreeMap<String, Vec<Message>>;

/// Makes digests of texts; two that are to be compared come from the same.
#[derive(Debug, Default)]
pub(super) struct Digests(RandomState);

impl Digests {
    /// A message of a trace.
    pub(super) fn traced(&self, at: &Stamp, from_sut: bool, text: &str) -> Message {
        let redacted = text.contains(REDACTED).then(|| text.into());
        Message {
            at: at.mono_ns,
            wall: at.wall.as_nanosecond(),
            from_sut,
            digest: self.0.hash_one(text.as_bytes()),
            redacted,
        }
    }

    /// The messages of a recording.
    pub(super) fn recorded<'k>(&'k self, kept: &'k Kept) -> impl Iterator<Item = Message> + 'k {
        let began = kept.began();
        let base = began.wall.as_nanosecond() - i128::from(began.mono_ns);
        kept.frames().map(move |(at, from_sut, text)| Message {
            at,
            wall: base + i128::from(at),
            from_sut,
            digest: self.0.hash_one(text.as_bytes()),
            redacted: None,
        })
    }
}

/// How the messages of a test case in the trace are not those of its recordings; `texts` reads the recorded texts again where they
/// are needed, and `shifted` says that the run was merged into another, whose times it has got.
pub(super) fn difference(
    traced: &[Message],
    recorded: &[Message],
    shifted: bool,
    texts: impl FnOnce() -> Option<Vec<String>>,
) -> Option<String> {
    let later = match (traced.first(), recorded.first()) {
        (Some(traced), Some(recorded)) if shifted => traced.at.wrapping_sub(recorded.at),
        _ => 0,
    };
    let same_times = traced.len() == recorded.len()
        && traced
            .iter()
            .zip(recorded)
            .all(|(one, other)| (one.at, one.from_sut) == (other.at.wrapping_add(later), other.from_sut));
    if !same_times {
        return Some(format!(
            "the trace has {} messages, the recording {}, or their times differ",
            traced.len(),
            recorded.len()
        ));
    }
    let told = |message: &Message| {
        let whose = if message.from_sut { "of the product" } else { "of the harness" };
        format!("the message {whose} at {:.3} s", Duration::from_nanos(message.at).as_secs_f64())
    };
    let mut pairs = traced.iter().zip(recorded);
    if let Some((one, _)) = pairs.clone().find(|(one, other)| (one.wall - other.wall).abs() > SAME_NS) {
        return Some(format!("{} has another date in the trace than in the recording", told(one)));
    }
    if let Some((one, _)) = pairs.find(|(one, other)| one.redacted.is_none() && one.digest != other.digest) {
        return Some(format!("{} is another one in the trace than in the recording", told(one)));
    }
    if traced.iter().all(|one| one.redacted.is_none()) {
        return None;
    }
    let Some(texts) = texts() else { return Some("its recording can't be read again".into()) };
    let mut redacted = traced.iter().zip(&texts).filter_map(|(one, text)| Some((one, one.redacted.as_deref()?, text)));
    redacted.find(|(_, traced, text)| !fits(traced, text)).map(|(one, ..)| {
        format!("{} is another one in the trace than in the recording, also where nothing is redacted", told(one))
    })
}

/// True where a text is what a redacted one was: the same, but for something else in the place of each secret, within its string.
fn fits(redacted: &str, text: &str) -> bool {
    let mut parts = redacted.split(REDACTED);
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        let last = parts.peek().is_none();
        let found = if last {
            rest.len().checked_sub(part.len()).filter(|at| rest.is_char_boundary(*at) && rest.ends_with(part))
        } else {
            rest.find(part)
        };
        let Some(at) = found else { return false };
        let (secret, after) = rest.split_at(at);
        if secret.is_empty() || ends_string(secret) {
            return false;
        }
        rest = &after[part.len()..];
    }
    rest.is_empty()
}

/// True where a JSON string would end in it.
fn ends_string(text: &str) -> bool {
    let mut escaped = false;
    text.chars().any(|letter| {
        let ends = letter == '"' && !escaped;
        escaped = letter == '\\' && !escaped;
        ends
    })
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn what_is_redacted_may_be_anything_within_its_string() {
        let traced = r#"[2,"1","SetVariables",{"a":"[redacted]","b":"x[redacted]y"}]"#;
        assert!(fits(traced, r#"[2,"1","SetVariables",{"a":"s3cr\"et","b":"xpy"}]"#));
        assert!(!fits(traced, r#"[2,"1","SetVariables",{"a":"","b":"xpy"}]"#), "nothing was redacted");
        assert!(!fits(traced, r#"[2,"1","SetVariables",{"a":"s","c":1,"b":"xpy"}]"#), "a member more");
        assert!(!fits(traced, r#"[2,"1","GetVariables",{"a":"s","b":"xpy"}]"#));
        assert!(!fits(traced, r#"[2,"1","SetVariables",{"a":"s","b":"xpy"}] "#));
        assert!(fits("[redacted]", "é…") && !fits("é[redacted]", "é"));
    }
}
