//! What a run says on the terminal. Everything that came from the product is shown, never obeyed.

use std::{collections::HashSet, io::IsTerminal as _, path::Path, sync::OnceLock, time::Duration};

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::{
    protocol::Protocol,
    record::{Kpi, ProfileOutcome, Results, TraceEvent, causes::Cause},
    report::{Format, finding, time},
    runner::Event,
    text::{ids, visible_line, wrap},
    verdict::{TestCaseResult, Verdict},
};

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Whether standard output and standard error are coloured.
static COLORED: OnceLock<(bool, bool)> = OnceLock::new();

/// Sets for the whole process whether output is coloured.
pub(super) fn choose(color: Color) {
    let refused = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let colored = |terminal: bool| match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && !refused("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb"),
    };
    if color != Color::Auto {
        let colored = color == Color::Always;
        console::set_colors_enabled(colored);
        console::set_colors_enabled_stderr(colored);
        let theme = if colored { miette::GraphicalTheme::unicode() } else { miette::GraphicalTheme::unicode_nocolor() };
        // Set once, before anything is said; a second time would be a defect of ours, and harmless.
        let _ = miette::set_hook(Box::new(move |_| {
            Box::new(miette::MietteHandlerOpts::new().graphical_theme(theme.clone()).build())
        }));
    }
    let _ = COLORED.set((colored(std::io::stdout().is_terminal()), colored(std::io::stderr().is_terminal())));
}

/// True when standard output is coloured.
pub(super) fn colored() -> bool {
    COLORED.get().is_some_and(|(stdout, _)| *stdout)
}

/// True when standard error is coloured.
pub(super) fn colored_on_stderr() -> bool {
    COLORED.get().is_some_and(|(_, stderr)| *stderr)
}

/// How a word is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    Doubtful,
    Faint,
}

/// A text in its colour, where there is any.
pub(super) fn paint(tone: Tone, text: &str) -> String {
    painted(colored(), tone, text)
}

fn painted(colored: bool, tone: Tone, text: &str) -> String {
    if !colored {
        return text.to_owned();
    }
    let code = match tone {
        Tone::Good => "32",
        Tone::Bad => "1;31",
        Tone::Doubtful => "33",
        Tone::Faint => "2",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

/// The terminal's columns; none where output goes elsewhere, and lines may be as long as they are.
pub(super) fn width() -> Option<usize> {
    console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns)).filter(|columns| *columns >= 40)
}

/// How output is laid out.
#[derive(Debug, Clone, Copy)]
struct Layout {
    colored: bool,
    width: Option<usize>,
}

impl Layout {
    fn of_this_process() -> Self {
        Self { colored: colored(), width: width() }
    }

    fn paint(self, tone: Tone, text: &str) -> String {
        painted(self.colored, tone, text)
    }
}

/// A line per verdict, and on a terminal a line that tells what is going on.
pub(super) struct Display {
    bar: Option<ProgressBar>,
    protocol: &'static Protocol,
    /// What came of attempts to connect before the first one that succeeded, while a station is waited for.
    failed_attempts: Option<HashSet<String>>,
}

/// Most kinds of failed attempts that are told while a station is waited for.
const MAX_KINDS: usize = 10;

impl Display {
    /// With `waits`, it tells why a station does not come in.
    pub(super) fn new(protocol: &'static Protocol, waits: bool) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len}  {elapsed}  {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, protocol, failed_attempts: waits.then(HashSet::new) }
    }

    pub(super) fn show(&mut self, event: Event) {
        match event {
            Event::Begins(number, of, id, title) => {
                if let Some(bar) = &self.bar {
                    bar.set_length(of as u64);
                    bar.set_position(number as u64 - 1);
                    bar.set_message(visible_line(&format!("{id} {title}")).into_owned());
                }
            }
            Event::Step(id, step) => {
                if let Some(bar) = &self.bar {
                    bar.set_message(visible_line(&format!("{id} {step}")).into_owned());
                }
            }
            Event::Trace(entry) => self.attempt(&entry.what),
            // The result of the test case tells of it.
            Event::Recorded(_) | Event::Uploaded(..) => {}
            Event::Ended(result) | Event::Postponed(result) => {
                self.print(&line(&result, self.protocol, Layout::of_this_process()));
            }
            Event::Notice(text) => self.print(&notice(&text, Layout::of_this_process())),
        }
    }

    /// A person who waits for a station is told at once why it is not let in, each reason once.
    fn attempt(&mut self, event: &TraceEvent) {
        let Some(told) = &mut self.failed_attempts else { return };
        match event {
            TraceEvent::Opened { .. } => self.failed_attempts = None,
            TraceEvent::AttemptFailed { failure, .. } => {
                let words = failure.words();
                if told.len() < MAX_KINDS && told.insert(words.clone()) {
                    let text = format!("a station did not get in: {words}; still waiting");
                    self.print(&notice(&text, Layout::of_this_process()));
                }
            }
            _ => {}
        }
    }

    fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| print(text)),
            None => print(text),
        }
    }

    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Most findings shown of one test case; the reports have them all.
const MAX_FINDINGS: usize = 3;

fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Fail | Verdict::Error => Tone::Bad,
        Verdict::Inconclusive => Tone::Doubtful,
        Verdict::NotImplemented => Tone::Faint,
    }
}

/// A verdict in one line; a failure with all it takes to agree or to object, ready to be pasted into a ticket.
fn line(result: &TestCaseResult, protocol: &'static Protocol, layout: Layout) -> String {
    let word = layout.paint(tone(result.verdict), &format!("{:<15}", result.word()));
    let took = layout.paint(Tone::Faint, &format!("({:.1} s)", result.duration_s));
    let mut text = format!("{word} {:<14} {} {took}\n", visible_line(&result.id), visible_line(&result.title));
    if matches!(result.verdict, Verdict::Pass | Verdict::NotImplemented) {
        return text;
    }
    // One that was not even begun has the reason of a notice before it.
    let begun = !result.steps.is_empty();
    if let Some(reason) = result.reason.as_deref().filter(|_| result.failures.is_empty() && begun) {
        fact(&mut text, "why", &visible_line(reason), layout);
    }
    let distinct = finding::distinct(&result.failures);
    for (failure, more) in distinct.iter().take(MAX_FINDINGS) {
        let began = result.began_before(failure.at_s);
        for (name, value) in finding::facts(failure, began, protocol.requirements()) {
            fact(&mut text, name, &value, layout);
        }
        if let Some(again) = finding::again(*more) {
            fact(&mut text, "again", &again, layout);
        }
    }
    let more = distinct.len().saturating_sub(MAX_FINDINGS);
    if more > 0 {
        fact(&mut text, "and", &format!("{more} more in the full report"), layout);
    }
    text
}

/// What concerns the run as a whole.
fn notice(text: &str, layout: Layout) -> String {
    let word = layout.paint(Tone::Doubtful, &format!("{:<15}", "note"));
    let text = visible_line(text).into_owned();
    let lines = layout.width.map_or_else(|| vec![text.clone()], |width| wrap(&text, width.saturating_sub(16)));
    let lines = lines.iter().enumerate();
    lines.map(|(number, line)| format!("{} {line}\n", if number == 0 { &word } else { "               " })).collect()
}

/// A named value, below which its further lines hang.
fn fact(text: &mut String, name: &str, value: &str, layout: Layout) {
    let lines = layout.width.map_or_else(|| vec![value.to_owned()], |width| wrap(value, width.saturating_sub(17)));
    for (number, line) in lines.iter().enumerate() {
        let name = if number == 0 { name } else { "" };
        let name = layout.paint(Tone::Faint, &format!("{name:<12}"));
        text.push_str(format!("    {name} {line}").trim_end());
        text.push('\n');
    }
}

/// What is said at the end of a run: profiles, KPIs against their limits.
pub(super) fn summary(results: &Results) -> String {
    summarised(results, Layout::of_this_process())
}

fn summarised(results: &Results, layout: Layout) -> String {
    let mut text = causes(&results.causes, layout);
    let tested = || results.profiles.iter().filter(|profile| profile.result != ProfileOutcome::NotTested);
    let kpi_name = |kpi: &Kpi| visible_line(&kpi.name).into_owned();
    let broad = tested()
        .map(|profile| profile.name.chars().count())
        .chain(results.kpis.iter().map(|kpi| kpi.name.chars().count()))
        .max()
        .unwrap_or(0)
        .clamp(20, 72);
    for profile in tested() {
        let (tone, word) = match profile.result {
            ProfileOutcome::Pass => (Tone::Good, "Pass"),
            ProfileOutcome::Fail => (Tone::Bad, "Fail"),
            ProfileOutcome::Incomplete => (Tone::Doubtful, "Incomplete"),
            ProfileOutcome::NotTested => (Tone::Faint, "Not Tested"),
        };
        text.push_str(&format!("  {:<broad$}  {}\n", visible_line(&profile.name), layout.paint(tone, word)));
    }
    text.push('\n');
    let heading = format!("  {:<broad$}  {:>9} {:>9} {:>9}", "", "99 %", "longest", "limit");
    text.push_str(&format!("{}\n", layout.paint(Tone::Faint, &heading)));
    for kpi in &results.kpis {
        let shown = |value: Option<f64>| value.map_or("–".to_owned(), time);
        let longest = format!("{:>9}", shown(kpi.max_s));
        let longest = if kpi.exceeded() { layout.paint(Tone::Bad, &longest) } else { longest };
        let note = match () {
            () if kpi.samples == 0 => layout.paint(Tone::Faint, "  not measurable"),
            () if kpi.exceeded() => layout.paint(Tone::Bad, "  exceeded"),
            () => String::new(),
        };
        text.push_str(&format!(
            "  {:<broad$}  {:>9} {longest} {:>9}{note}\n",
            kpi_name(kpi),
            shown(kpi.p99_s),
            shown(kpi.limit_s)
        ));
    }
    text
}

/// Most shared causes told at the end of a run; the reports have them all.
const MAX_CAUSES: usize = 5;

/// What keeps several test cases from passing, once for all of them.
fn causes(causes: &[Cause], layout: Layout) -> String {
    let mut text = String::new();
    for cause in causes.iter().take(MAX_CAUSES) {
        let number = cause.test_cases.len();
        let what = format!("{number} test cases are {} for the same reason", cause.verdict.word());
        let what =
            if cause.verdict == Verdict::Fail { format!("{number} test cases fail for the same reason") } else { what };
        text.push_str(&format!("  {}\n", layout.paint(tone(cause.verdict), &what)));
        fact(&mut text, "what", &visible_line(&cause.message), layout);
        fact(&mut text, "in", &visible_line(&cause.checks()), layout);
        for (name, value) in [("expected", &cause.expected), ("found", &cause.found)] {
            if let Some(value) = value {
                fact(&mut text, name, &visible_line(value), layout);
            }
        }
        if !cause.requirements.is_empty() {
            fact(&mut text, "requirement", &ids(&cause.requirements), layout);
        }
        fact(&mut text, "test cases", &cause.test_cases.join(", "), layout);
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Where the reports lie.
pub(super) fn places(folder: &Path, formats: &[Format]) -> String {
    let mut also: Vec<&str> = Vec::new();
    for (format, words) in
        [(Format::Full, "report.html (every message)"), (Format::Summary, "summary.md"), (Format::Junit, "junit.xml")]
    {
        also.extend(formats.contains(&format).then_some(words));
    }
    also.push("results.json");
    let first = if formats.contains(&Format::Html) { Format::Html.file() } else { also.remove(0) };
    let first = folder.join(first).display().to_string();
    let also = if also.is_empty() { String::new() } else { format!("        also: {}\n", also.join(", ")) };
    format!("report: {}\n{also}", visible_line(&first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{protocol::OCPP_2_0_1, record::ProfileResult, verdict::Failure};

    fn result(found: &str) -> TestCaseResult {
        TestCaseResult {
            id: "TC_E_39_CS".into(),
            block: "E".into(),
            title: "Stop transaction options - Deauthorized - timeout".into(),
            profiles: vec!["core".into()],
            verdict: Verdict::Fail,
            reason: Some("x".into()),
            requirements: Vec::new(),
            duration_s: 42.0,
            started_s: 0.0,
            failures: vec![Failure {
                verdict: Verdict::Fail,
                step: "1 expect TransactionEvent".into(),
                source: Some("TC_E_39_CS.yaml:31".into()),
                message: "TransactionEvent has a wrong stoppedReason".into(),
                expected: Some("/transactionInfo/stoppedReason = \"Timeout\"".into()),
                found: Some(found.into()),
                frame: Some("[2,\"0-7\",\"TransactionEvent\",{\"eventType\":\"Ended\",\"triggerReason\":\"EVConnectTimeout\",\"seqNo\":3}]".into()),
                request: None,
                pointer: Some("/transactionInfo/stoppedReason".into()),
                requirements: vec!["E03.FR.05".into()],
                further: Vec::new(),
                waited_s: None,
                at_s: 1.0,
            }],
            steps: Vec::new(),
            attempts: Vec::new(),
            uploads: Vec::new(),
            remarks: Vec::new(),
        }
    }

    #[test]
    fn a_failure_can_be_pasted_into_a_ticket() {
        insta::assert_snapshot!(
            "ticket",
            line(&result("\"Local\""), &OCPP_2_0_1, Layout { colored: false, width: None })
        );
    }

    #[test]
    fn on_a_terminal_long_values_hang_below_their_names() {
        let text = line(&result("\"Local\""), &OCPP_2_0_1, Layout { colored: false, width: Some(72) });
        assert!(text.lines().skip(1).all(|line| line.chars().count() <= 72), "{text}");
        insta::assert_snapshot!("terminal", text);
    }

    #[test]
    fn what_a_product_says_is_not_obeyed() {
        let text = line(
            &result("\u{1b}[2J\u{1b}]0;owned\u{7}\r\npass            TC_A_01_CS\u{202e}"),
            &OCPP_2_0_1,
            Layout { colored: false, width: None },
        );
        assert!(!text.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{text:?}");
        assert!(text.contains("found        \\u{1b}[2J\\u{1b}]0;owned\\u{7}\\r\\npass"), "{text}");
        let coloured = line(&result("\u{1b}[2J"), &OCPP_2_0_1, Layout { colored: true, width: Some(80) });
        assert!(coloured.starts_with("\u{1b}[1;31mfail"), "{coloured:?}");
        assert!(!coloured.contains("\u{1b}[2J"));
    }

    #[test]
    fn the_end_of_a_run_tells_profiles_and_limits() {
        let kpi = |name: &str, max_s: Option<f64>, limit_s: Option<f64>| Kpi {
            name: name.into(),
            key: name.into(),
            min_s: max_s,
            max_s,
            average_s: max_s,
            p50_s: max_s,
            p90_s: max_s,
            p99_s: max_s,
            samples: usize::from(max_s.is_some()),
            limit_s,
        };
        let pics = Path::new(env!("CARGO_MANIFEST_DIR")).join("pics/cp-flex-plus-eu.yaml");
        let pics = crate::pics::reader::read(&pics).unwrap();
        let info = crate::results::RunInfo {
            calibration: None,
            tested_by: crate::pics::model::TestedBy::default(),
            run_id: "run".into(),
            started: jiff::Timestamp::UNIX_EPOCH,
            finished: jiff::Timestamp::UNIX_EPOCH,
            sut: "simulated".into(),
            faults: Vec::new(),
            shuffle: None,
            interrupted: false,
            resumed: Vec::new(),
            expectations: Vec::new(),
        };
        let mut results = {
            let trace = crate::results::TraceSummary::new(&pics);
            crate::results::summarise(&pics, &[], vec![result("x")], &trace, info)
        };
        let profile = |name: &str, result| ProfileResult { name: name.into(), result };
        results.profiles = vec![
            profile("Core", ProfileOutcome::Fail),
            profile("Advanced Security", ProfileOutcome::Pass),
            profile("Reservation", ProfileOutcome::NotTested),
        ];
        results.kpis = vec![
            kpi("OCPP response time", Some(3.2), Some(3.0)),
            kpi("OCPP triggered function response time", Some(0.151), None),
            kpi("Transaction authorization time by RequestStartTransactionRequest", None, Some(5.0)),
        ];
        let other = TestCaseResult { id: "TC_E_40_CS".into(), ..result("x") };
        results.causes = crate::record::causes::shared(&[result("x"), other]);
        insta::assert_snapshot!("end", summarised(&results, Layout { colored: false, width: None }));
    }
}
