//! Text of others on a terminal, a page or paper: what would be obeyed there is shown instead, or left out.

use std::borrow::Cow;

/// Control characters, and those that turn the reading direction round, have no width or are no characters at all, become visible: an
/// escape is `\u{1b}`, a byte-order mark `\u{feff}`. Line breaks and tabs stay.
pub fn visible(text: &str) -> Cow<'_, str> {
    shown(text, |letter| letter != '\n' && letter != '\t' && is_unsafe(letter))
}

/// Like [`visible`], and what has several lines becomes one.
pub fn visible_line(text: &str) -> Cow<'_, str> {
    shown(text, is_unsafe)
}

fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || turns(letter)
        || matches!(letter, '\u{feff}' | '\u{200b}')
        || matches!(letter, '\u{2028}' | '\u{2029}')
        || matches!(u32::from(letter) & 0xffff, 0xfffe | 0xffff)
        || matches!(letter, '\u{fdd0}'..='\u{fdef}')
}

fn shown(text: &str, hidden: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '\n' if hidden('\n') => out.push_str("\\n"),
            '\r' if hidden('\r') => out.push_str("\\r"),
            '\t' if hidden('\t') => out.push_str("\\t"),
            letter if hidden(letter) => out.extend(letter.escape_unicode()),
            letter => out.push(letter),
        }
    }
    Cow::Owned(out)
}

/// Marks that turn the direction of what follows.
fn turns(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A word as a shell takes it for one.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", visible_line(word).replace('\'', r"'\''"))
}

/// The text as it is printed on paper: on one line, and without what can't be seen but changes what is (control
/// characters, marks that turn the direction, tags). Unlike [`visible_line`] it leaves them out: a certificate is no place for
/// escapes.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => None,
            c if c.is_control() || turns(c) => None,
            c => Some(c),
        })
        .collect()
}

/// Lines of at most `width` columns, broken at blanks where there are any, else anywhere.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let options = textwrap::Options::new(width.max(8))
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}

/// Ids in one line: `B01.FR.01, B01.FR.02`; between semicolons where one of them has a comma itself, as `1.6, 4.2; 1.6, 4.8`.
pub fn ids(ids: &[impl AsRef<str>]) -> String {
    let ids: Vec<&str> = ids.iter().map(AsRef::as_ref).collect();
    ids.join(if ids.iter().any(|id| id.contains(',')) { "; " } else { ", " })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(
            visible_line("\u{1b}[2J\u{7}a\r\nb\tc\u{202e}d\u{9b}1m"),
            "\\u{1b}[2J\\u{7}a\\r\\nb\\tc\\u{202e}d\\u{9b}1m"
        );
        assert_eq!(visible("\u{feff}a\nb\tc\u{0}\u{fffe}"), "\\u{feff}a\nb\tc\\u{0}\\u{fffe}");
        assert!(matches!(visible_line("Zürich ✓ 充电桩"), Cow::Borrowed(_)));
    }

    #[test]
    fn what_cannot_be_seen_is_left_out_and_letters_of_every_script_stay() {
        assert_eq!(printable("a\u{0}b\u{202e}c\nd\u{1b}[31m\u{feff}"), "abc d[31m");
        assert_eq!(printable("Ünïcode 充电桩 שלום ελ 🚗"), "Ünïcode 充电桩 שלום ελ 🚗");
    }

    #[test]
    fn ids_with_commas_stay_apart() {
        assert_eq!(ids(&["B01.FR.01", "B01.FR.02"]), "B01.FR.01, B01.FR.02");
        assert_eq!(ids(&["1.6, 4.2", "A04.FR.01"]), "1.6, 4.2; A04.FR.01");
        assert_eq!(ids(&["1.6, 4.2"]), "1.6, 4.2");
    }

    #[test]
    fn lines_are_as_wide_as_they_may_be() {
        assert_eq!(wrap("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrap("[2,\"0-7\",\"TransactionEvent\"]", 10), ["[2,\"0-7\",\"", "Transactio", "nEvent\"]"]);
        assert_eq!(wrap("充电桩充电桩", 8), ["充电桩充", "电桩"]);
        assert_eq!(wrap("", 10), [""]);
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_in_wrapping(text in "[a-z充 ]{0,80}", width in 8_usize..30) {
            let bare = |text: &str| text.replace(' ', "");
            let lines = wrap(&text, width);
            proptest::prop_assert!(lines.iter().all(|line| console::measure_text_width(line) <= width), "{:?}", lines);
            proptest::prop_assert_eq!(bare(&lines.concat()), bare(&text));
        }
    }
}
