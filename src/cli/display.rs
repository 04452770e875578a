//! What a run says on the terminal.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::{
    ocpp::requirements,
    runner::Event,
    verdict::{TestCaseResult, Verdict},
};

/// A line per verdict, and on a terminal a line that tells what is going on.
pub(super) struct Display {
    bar: Option<ProgressBar>,
}

impl Display {
    pub(super) fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar }
    }

    pub(super) fn show(&mut self, event: Event) {
        match event {
            Event::Begins(number, of, id, title) => {
                if let Some(bar) = &self.bar {
                    bar.set_length(of as u64);
                    bar.set_position(number as u64 - 1);
                    bar.set_message(format!("{id} {title}"));
                }
            }
            Event::Step(id, step) => {
                if let Some(bar) = &self.bar {
                    bar.set_message(format!("{id} {step}"));
                }
            }
            // The trace and the result of its test case tell of it.
            Event::Trace(_) | Event::Recorded(_) | Event::Uploaded(..) => {}
            Event::Ended(result) => {
                let text = line(&result);
                match &self.bar {
                    Some(bar) => bar.suspend(|| print(&text)),
                    None => print(&text),
                }
            }
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A verdict in one line; a failure with all it takes to agree or to object.
fn line(result: &TestCaseResult) -> String {
    let mut text = format!("{:<15} {:<14} {} ({:.1} s)\n", result.word(), result.id, result.title, result.duration_s);
    let shown = result.verdict != Verdict::Pass && result.verdict != Verdict::NotImplemented;
    for failure in result.failures.iter().take(if shown { 3 } else { 0 }) {
        let mut add = |name: &str, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                text.push_str(&format!("    {name:<12} {value}\n"));
            }
        };
        add("what", Some(&failure.message));
        add("step", Some(&failure.step));
        add("in", failure.source.as_deref());
        add("expected", failure.expected.as_deref());
        add("found", failure.found.as_deref());
        add("at", failure.pointer.as_deref());
        add("frame", failure.frame.as_deref());
        for requirement in requirements::lines(&failure.requirements) {
            add("requirement", Some(&requirement));
        }
    }
    text
}
