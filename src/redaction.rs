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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_text_is_replaced_and_what_is_put_in_is_left_alone() {
        let pairs = [("secret", "1"), ("secret-key", "[redacted]"), ("redacted", "2"), ("", "3")];
        let replacements = Replacements::new(pairs.map(|(text, by)| (text, by.to_owned())));
        assert_eq!(replacements.apply("a secret, a secret-key, redacted"), "a 1, a [redacted], 2");
        assert_eq!(Replacements::new([]).apply("nothing to hide"), "nothing to hide");
    }
}
