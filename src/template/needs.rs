//! The names that code may look up, read from its source.

use std::sync::Arc;

use super::functions::LOOKS_UP;

/// Words of the language, which are no names.
pub(super) const KEYWORDS: [&str; 13] =
    ["true", "True", "false", "False", "none", "None", "not", "and", "or", "if", "else", "in", "is"];

/// The code in a text: what stands between the marks of expressions and statements.
fn code(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let begin = rest.find("{{").into_iter().chain(rest.find("{%")).min()?;
        let code = &rest[begin + 2..];
        let mut end = code;
        while !(end.is_empty() || end.starts_with("}}") || end.starts_with("%}")) {
            let mut letters = end.chars();
            let letter = letters.next();
            end = match letter {
                Some(quote @ ('\'' | '"')) => after_string(letters.as_str(), quote),
                _ => letters.as_str(),
            };
        }
        let code = &code[..code.len() - end.len()];
        rest = end;
        Some(code)
    })
}

/// The names that a text may look up. Where it is not sure what is code, every word counts.
pub(super) fn needs_of_text(text: &str) -> Arc<[Box<str>]> {
    if text.contains("{#") || text.contains("raw") {
        return needs(text.split(|letter: char| !letter.is_alphanumeric() && letter != '_'));
    }
    needs(code(text))
}

/// The names that code may look up: its words, but for those in quotes and those after a dot, and what its functions look up
/// themselves. Minijinja's own list leaves out names in slices. A name too many does no harm.
pub(super) fn needs<'s>(code: impl IntoIterator<Item = &'s str>) -> Arc<[Box<str>]> {
    let mut names: Vec<Box<str>> = Vec::new();
    for code in code {
        names.extend(words(code).map(Into::into));
    }
    for (function, looks_up) in LOOKS_UP {
        if names.iter().any(|name| **name == *function) {
            names.push(looks_up.into());
        }
    }
    names.retain(|name| !KEYWORDS.contains(&&**name));
    names.sort_unstable();
    names.dedup();
    names.into()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    let mut rest = code;
    let mut after_dot = false;
    std::iter::from_fn(move || {
        while let Some(letter) = rest.chars().next() {
            let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
            if is_word(letter) {
                let end = rest.find(|letter| !is_word(letter)).unwrap_or(rest.len());
                let word = &rest[..end];
                rest = &rest[end..];
                if !std::mem::take(&mut after_dot) && !letter.is_numeric() {
                    return Some(word);
                }
                continue;
            }
            if matches!(letter, '\'' | '"') {
                rest = after_string(&rest[1..], letter);
                after_dot = false;
                continue;
            }
            if !letter.is_whitespace() {
                after_dot = letter == '.';
            }
            rest = &rest[letter.len_utf8()..];
        }
        None
    })
}

/// What follows a string literal whose opening quote has been read.
pub(super) fn after_string(text: &str, quote: char) -> &str {
    let mut escaped = false;
    for (at, letter) in text.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return &text[at + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_names_unless_quoted_or_after_a_dot() {
        let found: Vec<&str> = words(r#"a.b + c['d'] | f(x="it's \" y", z=2e) and evse . id [i:j]"#).collect();
        assert_eq!(found, ["a", "c", "f", "x", "z", "and", "evse", "i", "j"]);
    }

    #[test]
    fn names_of_a_text_stand_in_its_code() {
        let text = "of {{ a }} and {% for b in c %}{{ b.now }}{% endfor %}";
        let found = needs_of_text(text);
        assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>(), ["a", "b", "c", "endfor", "for"]);
        let found: Vec<&str> = code("{{ '}}' ~ a }} b {{ c }}").collect();
        assert_eq!(found, [" '}}' ~ a ", " c "]);
        assert!(needs(["supports('C-01')"]).iter().any(|name| **name == *"pics"));
    }
}
