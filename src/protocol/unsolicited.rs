//! Tables of messages that no step of a test case waits for: what each of them means for the verdict, and why. Each version of OCPP has
//! its own, with conditions of its own; a page of the documentation is generated from them.

use std::fmt::Write as _;

use crate::verdict::Verdict;

/// What an unsolicited message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning<C> {
    /// It may be sent at any time. It is answered and has no influence on the verdict.
    Background,
    /// It violates nothing, but is incompatible with what the test case does: inconclusive.
    Undecided,
    /// It violates the specification, or reports something that did not happen: a failure.
    Breach,
    /// The meaning depends on a condition.
    Depends(C),
}

/// A line of a table.
#[derive(Debug, Clone, Copy)]
pub struct Line<C> {
    /// The action of the request.
    pub action: &'static str,
    /// What it means.
    pub meaning: Meaning<C>,
    /// Why, with requirements or sections of the specification.
    pub reason: &'static str,
    /// The requirement that it breaks if it is a failure; none where the reason names it.
    pub breaks: Option<&'static str>,
}

/// A line of a table.
pub(super) const fn line<C: Copy>(action: &'static str, meaning: Meaning<C>, reason: &'static str) -> Line<C> {
    Line { action, meaning, reason, breaks: None }
}

impl<C: Copy> Line<C> {
    /// The line with the requirement that a failure breaks.
    pub(super) const fn breaking(self, requirement: &'static str) -> Self {
        Line { breaks: Some(requirement), ..self }
    }

    /// The verdict that the message leads to, none for background; `depends` decides where the meaning is conditional.
    pub(super) fn verdict(&self, depends: impl FnOnce(C) -> Option<Verdict>) -> Option<Verdict> {
        match self.meaning {
            Meaning::Background => None,
            Meaning::Undecided => Some(Verdict::Inconclusive),
            Meaning::Breach => Some(Verdict::Fail),
            Meaning::Depends(condition) => depends(condition),
        }
    }
}

/// A page of the documentation: its introduction, and each table under its heading. `words` says what a condition means.
pub(super) fn page<C: Copy>(
    introduction: &str,
    tables: &[(&str, &[Line<C>])],
    words: impl Fn(C) -> &'static str,
) -> String {
    let mut page = introduction.to_owned();
    for (heading, table) in tables {
        let _ = write!(page, "\n## {heading}\n\n| request | meaning | reason |\n| --- | --- | --- |\n");
        for line in *table {
            let meaning = match line.meaning {
                Meaning::Background => "background",
                Meaning::Undecided => "inconclusive",
                Meaning::Breach => "fail",
                Meaning::Depends(condition) => words(condition),
            };
            let _ = writeln!(page, "| `{}` | {meaning} | {} |", line.action, line.reason);
        }
    }
    page
}

/// Holds a page of the documentation against what is generated, or writes it where that is asked for.
#[cfg(test)]
pub(super) fn assert_up_to_date(file: &str, page: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    let held = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(held == page, "docs/{file} is not up to date: UPDATE_DOCS=1 cargo test --lib unsolicited");
}
