//! The hash chain over the lines of a file: a line that is changed, removed or inserted later is seen.
//!
//! The last member of each line is `chain`, 64 hexadecimal digits. It is the SHA-256 over the `chain` of the line before and the
//! SHA-256 of this line without the member, both as hexadecimal digits. The first line takes the SHA-256 of
//! `ocpp-attest chain 1: NAME` for the one before, with the name of the file in the run folder.
//!
//! A run that is resumed takes lines out of its trace. In their place it leaves one line with their digests
//! ([`TraceEvent::Withdrawn`](super::TraceEvent::Withdrawn)), so that the chain leads on from what was written before.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use aws_lc_rs::digest::{SHA256, digest};

use super::model::{TraceEntry, TraceEvent};

/// Before the digits of a line's `chain`, and after them.
const BEFORE: &[u8] = b",\"chain\":\"";
const AFTER: &[u8] = b"\"}";
/// Hexadecimal digits of a digest.
const DIGITS: usize = 64;
/// Longest line that is read, bytes.
const LONGEST: u64 = 8 << 20;
/// What a line that stands for others has in it, after its times alone.
const WITHDRAWN: &[u8] = b"\"event\":\"withdrawn\"";
/// Within so many bytes.
const HEAD: usize = 128;

/// SHA-256 in hexadecimal digits.
pub fn sha256(content: &[u8]) -> String {
    crate::certificate::hex(digest(&SHA256, content).as_ref())
}

/// The head of a chain, to which lines are added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    head: String,
}

impl Chain {
    /// The chain of a file that begins, by its name in the run folder.
    pub fn begin(name: &str) -> Self {
        Self { head: sha256(format!("ocpp-attest chain 1: {name}").as_bytes()) }
    }

    /// The digits of the last line.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Adds a line (a JSON object, without a line break) and writes it with its member `chain`.
    pub fn add(&mut self, line: &[u8], out: &mut Vec<u8>) {
        self.advance(&sha256(line));
        self.write(line, out);
    }

    /// Writes a line that stands for lines with these digests.
    pub(crate) fn stand_in(&mut self, line: &[u8], digests: &[String], out: &mut Vec<u8>) {
        for digest in digests {
            self.advance(digest);
        }
        self.write(line, out);
    }

    fn advance(&mut self, digest: &str) {
        self.head = sha256([self.head.as_bytes(), digest.as_bytes()].concat().as_slice());
    }

    fn write(&self, line: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(line.strip_suffix(b"}").unwrap_or(line));
        out.extend_from_slice(BEFORE);
        out.extend_from_slice(self.head.as_bytes());
        out.extend_from_slice(AFTER);
        out.push(b'\n');
    }
}

/// A line without its member `chain`, and the digits of it, if it has one.
pub fn split(line: &[u8]) -> (Vec<u8>, Option<&str>) {
    let trimmed = line.trim_ascii_end();
    let parts = || {
        let rest = trimmed.strip_suffix(AFTER)?;
        let (rest, digits) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
        let content = rest.strip_suffix(BEFORE)?;
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = std::str::from_utf8(digits).ok().filter(|digits| digits.as_bytes().iter().all(is_digit))?;
        Some(([content, b"}"].concat(), digits))
    };
    parts().map_or_else(|| (trimmed.to_vec(), None), |(content, digits)| (content, Some(digits)))
}

/// What the chain of a file says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Chained {
    /// There is none: an earlier version wrote the file, or it has no lines.
    #[default]
    Absent,
    /// Every line follows from the one before; the digits of the last one.
    Whole(String),
    /// It breaks at this line (from 1).
    Broken(usize),
}

impl Chained {
    /// True where a line does not follow from the one before.
    pub fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// What is wrong with a file, in a sentence.
    pub fn complaint(&self, name: &str) -> Option<String> {
        let Self::Broken(line) = self else { return None };
        Some(format!(
            "{name}: the hash chain breaks at line {line}: this line was changed or inserted, or one before it was changed or removed"
        ))
    }
}

/// Follows the chain of a file line by line.
#[derive(Debug)]
pub struct Follower {
    chain: Chain,
    lines: usize,
    found: Option<Chained>,
}

impl Follower {
    /// Of a file by its name in the run folder.
    pub fn new(name: &str) -> Self {
        Self { chain: Chain::begin(name), lines: 0, found: None }
    }

    /// Takes the next line; it without its member `chain`.
    pub fn take(&mut self, line: &[u8]) -> Vec<u8> {
        let (content, digits) = split(line);
        self.lines += 1;
        let broken = Some(Chained::Broken(self.lines));
        match (&self.found, digits) {
            (Some(Chained::Broken(_)), _) | (Some(Chained::Absent), None) => {}
            (None, None) => self.found = Some(Chained::Absent),
            (Some(Chained::Whole(_)), None) | (Some(Chained::Absent), Some(_)) => self.found = broken,
            (None | Some(Chained::Whole(_)), Some(digits)) => {
                match withdrawn(&content) {
                    Some(digests) => digests.iter().for_each(|digest| self.chain.advance(digest)),
                    None => self.chain.advance(&sha256(&content)),
                }
                self.found = if self.chain.head == digits { Some(Chained::Whole(digits.to_owned())) } else { broken };
            }
        }
        content
    }

    /// What the chain says up to here.
    pub fn found(&self) -> Chained {
        self.found.clone().unwrap_or_default()
    }
}

/// The digests of the lines that a line stands for.
fn withdrawn(content: &[u8]) -> Option<Vec<String>> {
    let head = &content[..content.len().min(HEAD)];
    let stands = head.windows(WITHDRAWN.len()).any(|window| window == WITHDRAWN);
    let entry: TraceEntry = stands.then(|| serde_json::from_slice(content).ok()).flatten()?;
    match entry.what {
        TraceEvent::Withdrawn { digests } => Some(digests),
        _ => None,
    }
}

/// Follows the chain of a file of a run folder; a last line that was not written whole is no line.
pub fn of_file(folder: &Path, name: &str) -> io::Result<Chained> {
    of_lines(BufReader::with_capacity(1 << 16, File::open(folder.join(name))?), name)
}

/// The same of what was read of a file.
pub fn of_lines(mut reader: impl BufRead, name: &str) -> io::Result<Chained> {
    let mut follower = Follower::new(name);
    let mut line = Vec::new();
    loop {
        line.clear();
        (&mut reader).take(LONGEST).read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Ok(if line.len() as u64 >= LONGEST - 1 {
                Chained::Broken(follower.lines + 1)
            } else {
                follower.found()
            });
        }
        if !line.trim_ascii().is_empty() {
            follower.take(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chained(lines: &[&str]) -> Vec<String> {
        let (mut chain, mut out) = (Chain::begin("f"), Vec::new());
        for line in lines {
            chain.add(line.as_bytes(), &mut out);
        }
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    fn followed<'l>(lines: impl IntoIterator<Item = &'l String>) -> Chained {
        let mut follower = Follower::new("f");
        for line in lines {
            follower.take(line.as_bytes());
        }
        follower.found()
    }

    #[test]
    fn a_line_that_is_changed_removed_inserted_or_moved_is_seen_where_it_stands() {
        let lines = chained(&[r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#, r#"{"a":4}"#]);
        assert!(matches!(followed(&lines), Chained::Whole(_)));
        assert_eq!(split(lines[2].as_bytes()).0, br#"{"a":3}"#);
        let changed = |number: usize, line: String| {
            let mut lines = lines.clone();
            lines[number] = line;
            followed(&lines)
        };
        assert_eq!(changed(1, lines[1].replace(":2", ":7")), Chained::Broken(2));
        assert_eq!(changed(2, lines[0].clone()), Chained::Broken(3));
        assert_eq!(changed(3, r#"{"a":4}"#.to_owned()), Chained::Broken(4));
        assert_eq!(followed(lines.iter().take(1).chain(lines.iter().skip(2))), Chained::Broken(2));
        assert_eq!(followed(lines.iter().skip(1)), Chained::Broken(1));
        let inserted = r#"{"a":9}"#.to_owned();
        assert_eq!(followed(lines.iter().take(2).chain([&inserted]).chain(lines.iter().skip(2))), Chained::Broken(3));
        // Another file's lines are not this one's.
        let mut other = Follower::new("g");
        other.take(lines[0].as_bytes());
        assert_eq!(other.found(), Chained::Broken(1));
    }

    #[test]
    fn a_file_of_an_earlier_version_has_none() {
        let lines = [r#"{"a":1}"#.to_owned(), r#"{"a":2}"#.to_owned()];
        assert_eq!(followed(&lines), Chained::Absent);
        assert_eq!(followed(lines.iter().take(1).chain(&chained(&[r#"{"a":2}"#]))), Chained::Broken(2));
    }

    #[test]
    fn the_chain_can_be_followed_with_a_tool_for_sha_256() {
        let lines = chained(&[r#"{"a":1}"#]);
        let first = sha256(b"ocpp-attest chain 1: f");
        let head = sha256(format!("{first}{}", sha256(br#"{"a":1}"#)).as_bytes());
        assert_eq!(lines, [format!(r#"{{"a":1,"chain":"{head}"}}"#)]);
    }
}
