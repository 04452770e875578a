//! The short summary in Markdown, for a pull request, and the comparison of two runs as text and as Markdown.

use std::fmt::Write as _;

use super::full::charts::{span, time};
use crate::{
    record::{
        Kpi, ProfileOutcome, Results,
        causes::Cause,
        compare::{Change, Comparison, KpiChange, Side, What},
    },
    text::{ids, visible_line, wrap},
    verdict::{TestCaseResult, Verdict},
    yaml::shorten,
};

/// Most test cases told one by one in Markdown; a comment on a pull request has an end.
const MAX_ROWS: usize = 50;
/// Longest cell in Markdown, characters.
const MAX_CELL: usize = 240;
/// Longest list of test cases in a cell.
const MAX_LIST: usize = 4000;

/// A cell of a Markdown table: one line, in which nothing is markup.
fn cell(text: &str) -> String {
    cell_of(text, MAX_CELL)
}

/// The same, at most this long.
fn cell_of(text: &str, longest: usize) -> String {
    let mut out = String::new();
    for letter in visible_line(&shorten(text, longest)).chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // An @ would call somebody, a # link to an issue.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            ':' => out.push_str("&#58;"),
            '|' | '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    out
}

fn outcome(outcome: ProfileOutcome) -> &'static str {
    match outcome {
        ProfileOutcome::Pass => "Pass",
        ProfileOutcome::Fail => "Fail",
        ProfileOutcome::Incomplete => "Incomplete",
        ProfileOutcome::NotTested => "Not Tested",
    }
}

fn count(results: &Results, verdict: Verdict) -> usize {
    results.test_cases.iter().filter(|case| case.verdict == verdict).count()
}

fn shown(value: Option<f64>) -> String {
    value.map_or("–".into(), time)
}

/// What several test cases share, told once.
fn causes(out: &mut String, causes: &[Cause]) {
    if causes.is_empty() {
        return;
    }
    out.push_str("\n| | one cause | requirement | test cases |\n| --- | --- | --- | --- |\n");
    for (number, cause) in causes.iter().take(MAX_ROWS).enumerate() {
        let Cause { message, verdict, .. } = cause;
        let mut what = format!("{message} ({}), {}", cause.checks(), verdict.word());
        match (&cause.expected, &cause.found) {
            (Some(expected), Some(found)) => what = format!("{what}: expected {expected}, found {found}"),
            (None, Some(found)) => what = format!("{what}: found {found}"),
            _ => {}
        }
        let (requirements, test_cases) = (ids(&cause.requirements), cause.test_cases.join(", "));
        let _ = writeln!(
            out,
            "| cause {} | {} | {} | {} |",
            number + 1,
            cell(&what),
            cell(&requirements),
            cell_of(&test_cases, MAX_LIST)
        );
    }
}

/// Why a test case did not pass; a cause that it shares was told before.
fn why(case: &TestCaseResult, causes: &[Cause]) -> String {
    let shared = causes.iter().take(MAX_ROWS).position(|cause| cause.test_cases.contains(&case.id));
    let shared = shared.filter(|_| !case.is_flaky()).map(|number| format!("cause {}", number + 1));
    shared.unwrap_or_else(|| case.reason.clone().unwrap_or_default())
}

/// A run in short, in Markdown; with a comparison, what changed since.
pub fn markdown(results: &Results, comparison: Option<&Comparison>) -> String {
    let mut out = format!("### {}: {}\n\n", results.protocol().name, cell(&results.product));
    let mut counts = Vec::new();
    for (verdict, word) in [
        (Verdict::Pass, "passed"),
        (Verdict::Fail, "failed"),
        (Verdict::Error, "errors"),
        (Verdict::Inconclusive, "inconclusive"),
        (Verdict::NotImplemented, "not implemented"),
    ] {
        let number = count(results, verdict);
        if number > 0 {
            counts.push(format!("**{number}** {word}"));
        }
    }
    let seconds = results.finished.duration_since(results.started).as_secs_f64().max(0.0);
    let _ = writeln!(out, "{} of {} test cases, in {}.", counts.join(", "), results.test_cases.len(), span(seconds));
    if results.interrupted {
        out.push_str("\n**The run was interrupted; it is incomplete.**\n");
    }
    if !results.remarks.is_empty() {
        out.push('\n');
    }
    for remark in results.remarks.iter().take(MAX_ROWS) {
        let _ = writeln!(out, "- {}", cell(remark));
    }
    let profiles: Vec<String> = results
        .profiles
        .iter()
        .filter(|profile| profile.result != ProfileOutcome::NotTested)
        .map(|profile| format!("{}: **{}**", cell(&profile.name), outcome(profile.result)))
        .collect();
    let _ = writeln!(out, "\n{}", profiles.join(" · "));
    causes(&mut out, &results.causes);
    let bad: Vec<&TestCaseResult> = results
        .test_cases
        .iter()
        .filter(|case| matches!(case.verdict, Verdict::Fail | Verdict::Error | Verdict::Inconclusive))
        .collect();
    if !bad.is_empty() {
        out.push_str("\n| verdict | test case | what | requirement |\n| --- | --- | --- | --- |\n");
        for case in bad.iter().take(MAX_ROWS) {
            let mut requirements: Vec<&str> =
                case.failures.iter().flat_map(|failure| &failure.requirements).map(String::as_str).collect();
            requirements.dedup();
            let _ = writeln!(
                out,
                "| {} | {} {} | {} | {} |",
                case.word(),
                cell(&case.id),
                cell(&case.title),
                cell(&why(case, &results.causes)),
                cell(&ids(&requirements))
            );
        }
        if bad.len() > MAX_ROWS {
            let _ = writeln!(out, "\n{} more in the full report.", bad.len() - MAX_ROWS);
        }
    }
    out.push_str("\n| KPI | 50 % | 99 % | longest | limit |\n| --- | --: | --: | --: | --: |\n");
    for kpi in &results.kpis {
        let longest = if kpi.exceeded() { format!("**{}**", shown(kpi.max_s)) } else { shown(kpi.max_s) };
        let cells = [shown(kpi.p50_s), shown(kpi.p99_s), longest, shown(kpi.limit_s)];
        let _ = writeln!(out, "| {} | {} |", cell(&kpi.name), cells.join(" | "));
    }
    if let Some(comparison) = comparison {
        let _ = write!(out, "\n{}", changes_markdown(comparison));
    }
    let simulated = super::against_simulator(results).map(|words| format!(" {}", cell(&words))).unwrap_or_default();
    let _ = writeln!(
        out,
        "\n<sub>ocpp-attest {}, run {}{simulated}. Not a certificate of the Open Charge Alliance.</sub>",
        cell(&results.tool_version),
        cell(&results.run_id)
    );
    out
}

/// A comparison in Markdown.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    format!(
        "### {}: {}\n\n{}",
        comparison.after.ocpp.protocol().name,
        cell(&comparison.after.product),
        changes_markdown(comparison)
    )
}

fn changes_markdown(comparison: &Comparison) -> String {
    let mut out = format!("Compared with {}: {}.\n", cell(&named(&comparison.before)), tally(comparison));
    for warning in &comparison.warnings {
        let _ = writeln!(out, "\n> {}", cell(warning));
    }
    if !comparison.test_cases.is_empty() {
        out.push_str("\n| | test case | before | after | why |\n| --- | --- | --- | --- | --- |\n");
        for change in comparison.test_cases.iter().take(MAX_ROWS) {
            let word = if change.what == What::Broken { "**broken**" } else { change.what.word() };
            let why = [ids(&change.requirements), change.reason.clone().unwrap_or_default()];
            let _ = writeln!(
                out,
                "| {word} | {} {} | {} | {} | {} |",
                cell(&change.id),
                cell(&change.title),
                verdict(change.before),
                verdict(change.after),
                cell(why.join(" ").trim())
            );
        }
        if comparison.test_cases.len() > MAX_ROWS {
            let _ = writeln!(out, "\n{} more.", comparison.test_cases.len() - MAX_ROWS);
        }
    }
    let profiles = comparison.profiles.iter().filter(|profile| profile.before != profile.after);
    for profile in profiles {
        let name = |result: Option<ProfileOutcome>| result.map_or("–", outcome);
        let lost = if profile.lost() { "**" } else { "" };
        let _ =
            writeln!(out, "\n{lost}{}: {} → {}{lost}", cell(&profile.name), name(profile.before), name(profile.after));
    }
    let moved: Vec<&KpiChange> = comparison.kpis.iter().filter(|kpi| kpi.moved()).collect();
    if !moved.is_empty() {
        out.push_str("\n| KPI that moved | 50 % | 99 % | longest | limit |\n| --- | --- | --- | --- | --: |\n");
        for kpi in moved {
            let limit = kpi.after.as_ref().and_then(|kpi| kpi.limit_s);
            let [half, most, longest] = VALUES.map(|(_, of)| movement(kpi, of));
            let longest = if kpi.newly_exceeded { format!("**{longest}**") } else { longest };
            let _ = writeln!(out, "| {} | {half} | {most} | {longest} | {} |", cell(&kpi.name), shown(limit));
        }
    }
    out
}

type Value = fn(&Kpi) -> Option<f64>;

const VALUES: [(&str, Value); 3] = [("50 %", |kpi| kpi.p50_s), ("99 %", |kpi| kpi.p99_s), ("longest", |kpi| kpi.max_s)];

/// `151 ms → 1.24 s (+1.09 s, +721 %)`.
fn movement(kpi: &KpiChange, of: Value) -> String {
    let side = |side: &Option<Kpi>| shown(side.as_ref().and_then(of));
    let mut text = format!("{} → {}", side(&kpi.before), side(&kpi.after));
    if let Some((before, after)) = kpi.values(of) {
        let change = after - before;
        let sign = if change < 0.0 { "−" } else { "+" };
        let _ = write!(text, " ({sign}{}", time(change.abs()));
        if before > 0.0 {
            let _ = write!(text, ", {sign}{:.0} %", change.abs() / before * 100.0);
        }
        text.push(')');
    }
    text
}

fn verdict(verdict: Option<Verdict>) -> &'static str {
    verdict.map_or("–", Verdict::word)
}

fn named(side: &Side) -> String {
    let version = side.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
    format!("{}{version}, {} UTC", side.product, side.started.strftime("%Y-%m-%d %H:%M"))
}

/// `2 broken, 1 fixed, 160 unchanged`.
fn tally(comparison: &Comparison) -> String {
    let mut words: Vec<String> = [What::Broken, What::Fixed, What::Changed, What::New, What::Gone]
        .into_iter()
        .map(|what| (what, comparison.test_cases.iter().filter(|change| change.what == what).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(what, number)| format!("{number} {}", what.word()))
        .collect();
    words.push(format!("{} unchanged", comparison.unchanged));
    words.join(", ")
}

/// A comparison for the terminal, `width` columns wide where there is one; `paint` colours what became worse (false) or better.
pub fn comparison_text(comparison: &Comparison, width: Option<usize>, paint: impl Fn(bool, &str) -> String) -> String {
    let mut out = String::new();
    for (word, side) in [("before", &comparison.before), ("after", &comparison.after)] {
        let _ = writeln!(out, "{word:<8} {}, {} test cases", visible_line(&named(side)), side.test_cases);
    }
    for warning in &comparison.warnings {
        let _ = writeln!(out, "note     {}", visible_line(warning));
    }
    if !comparison.test_cases.is_empty() {
        out.push('\n');
    }
    for change in &comparison.test_cases {
        change_text(&mut out, change, width, &paint);
    }
    let profiles: Vec<_> = comparison.profiles.iter().filter(|profile| profile.before != profile.after).collect();
    if !profiles.is_empty() {
        out.push('\n');
    }
    for profile in profiles {
        let name = |result: Option<ProfileOutcome>| result.map_or("–", outcome);
        let (before, after) = (name(profile.before), name(profile.after));
        let after = if profile.lost() { paint(false, after) } else { after.to_owned() };
        let _ = writeln!(out, "profile  {}: {before} → {after}", visible_line(&profile.name));
    }
    let moved: Vec<&KpiChange> = comparison.kpis.iter().filter(|kpi| kpi.moved()).collect();
    if !moved.is_empty() {
        out.push('\n');
    }
    for kpi in moved {
        let _ = writeln!(out, "kpi      {}", visible_line(&kpi.name));
        for (name, of) in VALUES {
            let text = movement(kpi, of);
            let over = name == "longest" && kpi.newly_exceeded;
            let _ = writeln!(out, "           {name:<8} {}", if over { paint(false, &text) } else { text });
        }
        if let Some(limit) = kpi.after.as_ref().and_then(|kpi| kpi.limit_s) {
            let over = if kpi.newly_exceeded { paint(false, ", exceeded now") } else { String::new() };
            let _ = writeln!(out, "           {:<8} {}{over}", "limit", time(limit));
        }
    }
    let _ = writeln!(out, "\n{}", tally(comparison));
    out
}

fn change_text(out: &mut String, change: &Change, width: Option<usize>, paint: &impl Fn(bool, &str) -> String) {
    let word = format!("{:<8}", change.what.word());
    let word = match change.what {
        What::Broken => paint(false, &word),
        What::Fixed => paint(true, &word),
        _ => word,
    };
    let _ = writeln!(
        out,
        "{word} {:<14} {} → {}  {}",
        visible_line(&change.id),
        verdict(change.before),
        verdict(change.after),
        visible_line(&change.title)
    );
    let why = change.reason.iter().map(|reason| format!("{} {reason}", change.requirements.join(" ")));
    for text in why.filter(|_| change.after != Some(Verdict::Pass)) {
        let text = visible_line(text.trim()).into_owned();
        let lines = width.map_or_else(|| vec![text.clone()], |width| wrap(&text, width.saturating_sub(9)));
        for line in lines {
            let _ = writeln!(out, "         {line}");
        }
    }
}
