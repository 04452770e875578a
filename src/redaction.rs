//! Texts in the place of others: what must not be shown is found in one pass, however much of it there is.

use aho_corasick::{AhoCorasick, MatchKind};

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Finds texts and puts others in their place; where several begin at the same character, the longest.
#[derive(Debug)]
pub(crate) struct Replacements {
    /// None where there are too many texts to look for.
    finder: Option<AhoCorasick>,
    by: Vec<String>,
}

impl Replacements {
    /// Puts the second of each pair in the place of the first.
    pub(crate) fn new<'p>(pairs: impl IntoIterator<Item = (&'p str, String)>) -> Self {
        let (texts, by): (Vec<&str>, Vec<String>) = pairs.into_iter().filter(|(text, _)| !text.is_empty()).unzip();
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(texts).ok();
        Self { finder, by }
    }

    /// A text with the replacements made. Where they can't be, nothing of it is shown.
    pub(crate) fn apply(&self, text: &str) -> String {
        match &self.finder {
            Some(finder) => finder.replace_all(text, &self.by),
            None => REDACTED.to_owned(),
        }
    }
}

/// True for the key of a value that must not be shown: passwords, and the headers of an HTTP request, which carry credentials.
pub(crate) fn is_secret_key(key: &str) -> bool {
    SECRET_KEYS.iter().any(|word| key.ends_with(word))
}

const SECRET_KEYS: [&str; 4] = ["password", "secret", "api-key", "headers"];

/// The text of a YAML file, or of what should be one, with asterisks for the values of secret keys. No byte moves, so that places in the
/// text still hold.
pub(crate) fn without_secrets(yaml: &str) -> String {
    let mut out = String::with_capacity(yaml.len());
    // Lines that are indented more than this belong to a secret value.
    let mut within: Option<usize> = None;
    for line in yaml.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches([' ', '-']).len();
        if within.is_some_and(|outer| indent > outer || line.trim().is_empty()) {
            out.push_str(&hidden(line));
            continue;
        }
        within = None;
        let mut rest = line;
        while let Some(value) = secret_value(rest) {
            let (before, after) = rest.split_at(value);
            let in_braces = line[..line.len() - after.len()].contains(['{', '[']);
            let (secret, after) = after.split_at(end_of_value(after, in_braces));
            out.push_str(before);
            out.push_str(&hidden(secret));
            rest = after;
            within = Some(indent);
        }
        out.push_str(rest);
    }
    out
}

fn hidden(text: &str) -> String {
    let hide = |c: char| if c == '\n' || c == '\r' || c == ' ' { c.to_string() } else { "*".repeat(c.len_utf8()) };
    text.chars().map(hide).collect()
}

/// Where the value of the first secret key of a line begins.
fn secret_value(line: &str) -> Option<usize> {
    line.match_indices(':').find_map(|(at, _)| {
        let key = line[..at].trim_end().trim_end_matches(['"', '\'']);
        let after = &line[at + 1..];
        let blanks = after.len() - after.trim_start().len();
        (is_secret_key(key) && (blanks > 0 || after.is_empty())).then_some(at + 1 + blanks)
    })
}

/// Where a value ends that begins a text: with its quote, in braces with what follows it, else with the line.
fn end_of_value(text: &str, in_braces: bool) -> usize {
    let line = text.trim_end_matches(['\n', '\r']).len();
    if let Some(quote) = text.chars().next().filter(|c| ['"', '\''].contains(c)) {
        let mut escaped = false;
        for (at, c) in text.char_indices().skip(1) {
            match c {
                _ if escaped => escaped = false,
                '\\' if quote == '"' => escaped = true,
                c if c == quote => match text[at + 1..].chars().next() {
                    Some(next) if quote == '\'' && next == quote => escaped = true,
                    _ => return at + 1,
                },
                _ => {}
            }
        }
        return line;
    }
    if in_braces && !text.starts_with(['{', '[']) { text.find([',', '}', ']']).unwrap_or(line) } else { line }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secret_keys_are_hidden_wherever_they_stand() {
        let yaml = "url: x\npassword: hunter2 # a\nstations:\n  - { identity: A, password: 'hun''ter2', url: b }\n  - password: |\n      \
                    hunter2\n    identity: B\nfile-password:\n  - hunter2\nheaders: { Authorization: hunter2 }\n\"api-key\": \"hünter2\"\nport: 1\n";
        let shown = without_secrets(yaml);
        assert_eq!(shown.len(), yaml.len());
        insta::assert_snapshot!(shown, @r#"
        url: x
        password: ******* * *
        stations:
          - { identity: A, password: ***********, url: b }
          - password: *
              *******
            identity: B
        file-password:
          * *******
        headers: * ************** ******* *
        "api-key": **********
        port: 1
        "#);
    }

    proptest::proptest! {
        #[test]
        fn no_byte_moves(text in "(password|secret|a|: |'|\"|\\{|\\}|\n| |é|,){0,40}") {
            let shown = without_secrets(&text);
            proptest::prop_assert_eq!(shown.len(), text.len());
            proptest::prop_assert_eq!(shown.matches('\n').count(), text.matches('\n').count());
        }
    }

    #[test]
    fn the_longest_text_is_replaced_and_what_is_put_in_is_left_alone() {
        let pairs = [("secret", "1"), ("secret-key", "[redacted]"), ("redacted", "2"), ("", "3")];
        let replacements = Replacements::new(pairs.map(|(text, by)| (text, by.to_owned())));
        assert_eq!(replacements.apply("a secret, a secret-key, redacted"), "a 1, a [redacted], 2");
        assert_eq!(Replacements::new([]).apply("nothing to hide"), "nothing to hide");
    }
}
