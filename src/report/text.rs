//! Texts of products and people, made fit to be printed.

/// The text as it is printed: on one line, and without what can't be seen but changes what is (control characters,
/// and marks that turn the direction of what follows).
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .filter_map(|c| match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => Some(' '),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => None,
            c if c.is_control() => None,
            c => Some(c),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_left_out_and_letters_of_every_script_stay() {
        assert_eq!(printable("a\u{0}b\u{202e}c\nd\u{1b}[31m\u{feff}"), "abc d[31m");
        assert_eq!(printable("Ünïcode 充电桩 שלום ελ 🚗"), "Ünïcode 充电桩 שלום ελ 🚗");
    }
}
