//! The display: what a driver sees on it.

use serde_json::{Map, Value};

use crate::manual_action::ActionOutcome;

/// What the display shows at one time: a text, a page or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen {
    /// How the content is written.
    pub format: String,
    /// The content.
    pub content: String,
}

/// A display. Its screens take turns.
#[derive(Debug, Clone, Default)]
pub struct Display {
    screens: Vec<Screen>,
}

impl Display {
    /// Shows these screens from now on.
    pub fn show(&mut self, screens: Vec<Screen>) {
        self.screens = screens;
    }

    /// What a person answers who is asked about a message (`check-display`).
    pub fn answer(&self, question: &Map<String, Value>) -> ActionOutcome {
        let asked = |screen: &Screen| question["content"] == *screen.content && question["format"] == *screen.format;
        let found = self.screens.iter().any(asked);
        let right = match question["how"].as_str() {
            Some("alone") => found && self.screens.len() == 1,
            Some("not-shown") => !found,
            _ => found,
        };
        if right {
            return ActionOutcome::Done;
        }
        let shown: Vec<String> =
            self.screens.iter().map(|Screen { format, content }| format!("`{content}` ({format})")).collect();
        ActionOutcome::Denied(format!("the display shows {}", shown.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_person_sees_what_is_shown_alone_in_turn_and_not_at_all() {
        let screen = |content: &str| Screen { format: "UTF8".into(), content: content.into() };
        let mut display = Display::default();
        let answers = |display: &Display| {
            ["shown", "alone", "not-shown"].map(|how| {
                let question = json!({ "content": "A", "format": "UTF8", "how": how });
                display.answer(question.as_object().unwrap()) == ActionOutcome::Done
            })
        };
        assert_eq!(answers(&display), [false, false, true]);
        display.show(vec![screen("A")]);
        assert_eq!(answers(&display), [true, true, false]);
        display.show(vec![screen("A"), screen("B")]);
        assert_eq!(answers(&display), [true, false, false]);
        display.show(vec![Screen { format: "HTML".into(), content: "A".into() }]);
        assert_eq!(answers(&display), [false, false, true]);
    }
}
