//! A frame as a person reads it: a member per line, with the place in question marked. The text is laid out as it came, number by
//! number and member by member (doubled members too), never read into values and written again.

use serde::Serialize;

/// Deepest nesting that is laid out; what goes deeper is shown as it came.
const MAX_DEPTH: usize = 40;
/// Most lines shown; around the marked place where there are more.
const MAX_LINES: usize = 120;
/// Longest line shown, characters.
const MAX_LINE: usize = 1000;

/// One line of a laid out frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Line {
    /// Blanks before it.
    pub(crate) indent: String,
    /// What stands there.
    pub(crate) text: String,
    /// It belongs to the place that is pointed at.
    pub(crate) marked: bool,
}

/// Lays a frame out. `pointer` is a JSON pointer into its payload; where it names what is not there, the nearest that is gets
/// the mark. What is no JSON comes back as it is, in one line.
pub(crate) fn lay_out(text: &str, pointer: Option<&str>) -> Vec<Line> {
    let mut layout = Layout { text, at: 0, lines: Vec::new(), path: Vec::new() };
    if layout.value(String::new(), 0).is_none() || !text[layout.at..].trim().is_empty() {
        return vec![Line { indent: String::new(), text: shorten(text), marked: false }];
    }
    let payload = payload_place(&layout.lines);
    let wanted: Option<Vec<String>> = pointer.map(|pointer| {
        let names = pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~"));
        std::iter::once(payload).chain(names).collect()
    });
    let lines = layout.lines;
    // How much of the pointer exists in the frame; at least the payload itself, or nothing is marked.
    let known = |depth: &usize| {
        wanted.as_ref().is_some_and(|wanted| lines.iter().any(|(path, _)| path.starts_with(&wanted[..*depth])))
    };
    let depth = (1..=wanted.as_ref().map_or(0, Vec::len)).rev().find(known).unwrap_or(0);
    let marked =
        |path: &[String]| depth > 0 && wanted.as_ref().is_some_and(|wanted| path.starts_with(&wanted[..depth]));
    let line = |(path, text): (Vec<String>, String)| {
        let bare = text.trim_start_matches(' ');
        Line { indent: " ".repeat(text.len() - bare.len()), marked: marked(&path), text: shorten(bare) }
    };
    clip(lines.into_iter().map(line).collect())
}

/// The index of the payload in the frame's array: the last one (a CALL's fourth member, a CALLRESULT's third).
fn payload_place(lines: &[(Vec<String>, String)]) -> String {
    let of_call = lines.iter().any(|(path, _)| path.first().is_some_and(|first| first == "3"));
    if of_call { "3".into() } else { "2".into() }
}

fn shorten(text: &str) -> String {
    crate::yaml::shorten(text, MAX_LINE)
}

fn clip(lines: Vec<Line>) -> Vec<Line> {
    if lines.len() <= MAX_LINES {
        return lines;
    }
    let mark = lines.iter().position(|line| line.marked).unwrap_or(0);
    let from = mark.saturating_sub(MAX_LINES / 3);
    let to = (from + MAX_LINES).min(lines.len());
    let left_out = |count: usize| {
        let text = format!("… {count} more {}", if count == 1 { "line" } else { "lines" });
        (count > 0).then_some(Line { indent: String::new(), text, marked: false })
    };
    let after = lines.len() - to;
    let shown = lines.into_iter().skip(from).take(to - from);
    left_out(from).into_iter().chain(shown).chain(left_out(after)).collect()
}

struct Layout<'t> {
    text: &'t str,
    at: usize,
    lines: Vec<(Vec<String>, String)>,
    path: Vec<String>,
}

impl Layout<'_> {
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        self.text.as_bytes().get(self.at).copied()
    }

    fn line(&mut self, text: String) {
        self.lines.push((self.path.clone(), text));
    }

    /// A value, its first line beginning with `head`.
    fn value(&mut self, head: String, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        let indent = "  ".repeat(depth);
        let (close, named) = match self.peek()? {
            b'{' => ('}', true),
            b'[' => (']', false),
            _ => {
                let text = self.scalar()?.to_owned();
                self.line(format!("{indent}{head}{text}"));
                return Some(());
            }
        };
        let open = if named { '{' } else { '[' };
        self.at += 1;
        if self.peek()? == close as u8 {
            self.at += 1;
            self.line(format!("{indent}{head}{open}{close}"));
            return Some(());
        }
        self.line(format!("{indent}{head}{open}"));
        for index in 0.. {
            let mut head = String::new();
            let name = if named {
                let name = self.scalar().filter(|name| name.starts_with('"'))?.to_owned();
                if self.peek()? != b':' {
                    return None;
                }
                self.at += 1;
                head = format!("{name}: ");
                serde_json::from_str::<String>(&name).ok()?
            } else {
                index.to_string()
            };
            self.path.push(name);
            self.value(head, depth + 1)?;
            let more = self.peek()? == b',';
            if more {
                self.at += 1;
                if let Some((_, line)) = self.lines.last_mut() {
                    line.push(',');
                }
            }
            self.path.pop();
            if !more {
                break;
            }
        }
        if self.peek()? != close as u8 {
            return None;
        }
        self.at += 1;
        self.line(format!("{indent}{close}"));
        Some(())
    }

    /// A string, number or word as it stands in the text.
    fn scalar(&mut self) -> Option<&str> {
        self.peek()?;
        let from = self.at;
        let rest = &self.text[from..];
        let length = if rest.starts_with('"') {
            let mut escaped = false;
            let end = rest.char_indices().skip(1).find(|(_, letter)| {
                let ends = *letter == '"' && !escaped;
                escaped = *letter == '\\' && !escaped;
                ends
            })?;
            end.0 + 1
        } else {
            rest.find([',', ']', '}', ' ', '\t', '\r', '\n', ':']).unwrap_or(rest.len())
        };
        self.at = from + length;
        (length > 0).then(|| &rest[..length])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, pointer: Option<&str>) -> String {
        let line = |line: Line| format!("{} {}{}\n", if line.marked { '>' } else { ' ' }, line.indent, line.text);
        lay_out(text, pointer).into_iter().map(line).collect()
    }

    #[test]
    fn the_place_is_marked() {
        let call = r#"[2,"0-7","TransactionEvent",{"eventType":"Ended","transactionInfo":{"stoppedReason":"Local","n":1.0},"list":[{},[ ]]}]"#;
        insta::assert_snapshot!(shown(call, Some("/transactionInfo/stoppedReason")), @r#"
          [
            2,
            "0-7",
            "TransactionEvent",
            {
              "eventType": "Ended",
              "transactionInfo": {
        >       "stoppedReason": "Local",
                "n": 1.0
              },
              "list": [
                {},
                []
              ]
            }
          ]
        "#);
        // What is missing is marked where it is missing, in a CALLRESULT as in a CALL.
        insta::assert_snapshot!(shown(r#"[3,"7",{"info":{"a":1},"b":2}]"#, Some("/info/status/code")), @r#"
          [
            3,
            "7",
            {
        >     "info": {
        >       "a": 1
        >     },
              "b": 2
            }
          ]
        "#);
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        for text in ["", "[2,", "not json \u{1b}[2J", "{\"a\" 1}", "[1] 2", "{a:1}", "\"open", "[1,]x"] {
            assert_eq!(lay_out(text, Some("/a")).len(), 1, "{text}");
        }
        let deep = "[".repeat(100_000);
        assert_eq!(lay_out(&deep, None).len(), 1);
    }

    #[test]
    fn of_a_long_frame_the_surroundings_of_the_place_are_shown() {
        let items: Vec<String> = (0..5000).map(|n| format!("{{\"n\":{n}}}")).collect();
        let frame = format!("[2,\"1\",\"NotifyReport\",{{\"reportData\":[{}]}}]", items.join(","));
        let lines = lay_out(&frame, Some("/reportData/4000/n"));
        assert!(lines.len() <= MAX_LINES + 2);
        assert_eq!(
            lines.iter().filter(|line| line.marked).map(|line| line.text.trim()).collect::<Vec<_>>(),
            ["\"n\": 4000"]
        );
        assert!(lines[0].text.starts_with("… "));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_breaks(text in "[\\[\\]{}\",:a1\\\\ é-]{0,60}") {
            let joined: String = lay_out(&text, Some("/a/1")).into_iter().map(|line| line.text).collect();
            let bare = |text: &str| text.chars().filter(|letter| !letter.is_whitespace()).collect::<String>();
            proptest::prop_assert_eq!(bare(&joined), bare(&text));
        }
    }
}
