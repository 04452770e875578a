//! The full report: one page that works offline. Summary, findings, verdicts, KPIs and coverage are static; the steps and messages
//! of a test case are data, which the page's own script draws when somebody opens the test case.

pub(crate) mod charts;
mod coverage;
mod data;
pub(crate) mod frame;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use self::charts::{Axis, Histogram, span, time};
use super::{ReportError, Run, render, seal::Printed};
use crate::{
    kpi::{self, Times},
    pics::Pics,
    protocol::{requirements::RequirementList, rules::Rule, semantics::KpiDefinition},
    record::{
        Kpi, ProfileOutcome, Results, calibration::Calibration, causes::Cause, index::TraceIndex, read::ReadError,
    },
    verdict::{Failure, TestCaseResult, UploadRecord, Verdict},
};

const SCRIPT: &str = include_str!("full/page.js");
const STYLE: &str = include_str!("full/page.css");

/// Most findings shown of one test case.
const MAX_FINDINGS: usize = 12;

#[derive(Serialize)]
struct Page<'r> {
    style: &'static str,
    script_hash: String,
    product: &'r str,
    vendor: &'r str,
    simulated: Option<String>,
    interrupted: bool,
    facts: Vec<(&'static str, String)>,
    verdict: (&'static str, &'static str),
    total: usize,
    counts: Vec<Count>,
    profiles: Vec<(String, &'static str, &'static str)>,
    kpis: Vec<KpiRow>,
    calibration: Option<String>,
    actions: Vec<ActionRow>,
    blocks: Vec<Block<'r>>,
    causes: Vec<CauseRow<'r>>,
    findings: Vec<CaseFindings<'r>>,
    cases: Vec<CaseRow<'r>>,
    profile_ids: Vec<(&'static str, &'static str)>,
    coverage: Vec<coverage::Block<'r>>,
    coverage_totals: (usize, usize, usize),
    seal: Option<Printed>,
}

#[derive(Serialize)]
struct Count {
    class: &'static str,
    word: &'static str,
    number: usize,
}

#[derive(Serialize)]
struct KpiRow {
    name: String,
    description: &'static str,
    measured: Option<[String; 5]>,
    samples: usize,
    limit: Option<String>,
    exceeded: bool,
    slowest: Option<String>,
    histogram: Histogram,
}

#[derive(Serialize)]
struct ActionRow {
    kpi: &'static str,
    action: String,
    samples: usize,
    measured: [String; 4],
    histogram: Histogram,
}

/// One letter of the strip of verdicts.
#[derive(Serialize)]
struct Block<'r> {
    letter: &'r str,
    title: &'static str,
    cases: Vec<(&'r str, &'static str)>,
}

#[derive(Serialize)]
struct CauseRow<'r> {
    class: &'static str,
    word: &'static str,
    message: &'r str,
    check: String,
    expected: &'r str,
    found: Option<&'r str>,
    requirements: String,
    test_cases: &'r [String],
}

#[derive(Serialize)]
struct CaseFindings<'r> {
    id: &'r str,
    title: &'r str,
    class: &'static str,
    word: &'static str,
    reason: Option<&'r str>,
    findings: Vec<Finding<'r>>,
    more: usize,
}

#[derive(Serialize)]
struct Finding<'r> {
    class: &'static str,
    word: &'static str,
    message: &'r str,
    step: &'r str,
    rule: Option<&'static str>,
    source: Option<&'r str>,
    expected: Option<&'r str>,
    found: Option<&'r str>,
    pointer: Option<&'r str>,
    further: Vec<String>,
    waited: Option<String>,
    at: String,
    of_run: String,
    requirements: Vec<(&'r str, &'static str)>,
    request: Option<&'r str>,
    frame: Vec<frame::Line>,
}

#[derive(Serialize)]
struct CaseRow<'r> {
    id: &'r str,
    title: &'r str,
    class: &'static str,
    word: &'static str,
    profiles: &'r [String],
    block: &'r str,
    duration: String,
    reason: Option<&'r str>,
    remarks: &'r [String],
    uploads: &'r [UploadRecord],
    words: String,
}

/// The class of a verdict in the page's style sheet.
fn class(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Inconclusive => "inconclusive",
        Verdict::Error => "error",
        Verdict::NotImplemented => "open",
    }
}

/// Writes the full report: the page first, then the data of one test case after the other.
pub(super) fn write(run: Run<'_>, out: &mut dyn Write) -> Result<(), ReportError> {
    let Run { pics, results, trace, seal, .. } = run;
    let count = |verdict: Verdict| Count {
        class: class(verdict),
        word: verdict.word(),
        number: results.test_cases.iter().filter(|case| case.verdict == verdict).count(),
    };
    let coverage = coverage::blocks(results);
    let sum = |of: fn(&coverage::Block<'_>) -> usize| coverage.iter().map(of).sum();
    let coverage_totals = (sum(|block| block.rows.len()), sum(|block| block.verified), sum(|block| block.broken));
    let axis = Axis::for_values(trace.times.all().chain(results.kpis.iter().filter_map(|kpi| kpi.limit_s)));
    let findings = results.test_cases.iter().filter(|case| has_findings(case));
    let findings = findings
        .map(|case| case_findings(case, &trace.lines, results.protocol().requirements()))
        .collect::<Result<_, _>>()?;
    let used: BTreeSet<&str> = results.test_cases.iter().flat_map(|case| &case.profiles).map(String::as_str).collect();
    let page = Page {
        style: STYLE,
        script_hash: STANDARD.encode(Sha256::digest(SCRIPT)),
        product: &results.product,
        vendor: &pics.product.vendor,
        simulated: super::no_real_product(results),
        interrupted: results.interrupted,
        facts: facts(pics, results),
        verdict: (class(results.verdict), results.verdict.word()),
        total: results.test_cases.len(),
        counts: [Verdict::Pass, Verdict::Fail, Verdict::Error, Verdict::Inconclusive, Verdict::NotImplemented]
            .map(count)
            .into(),
        profiles: results
            .profiles
            .iter()
            .map(|one| (one.name.clone(), outcome(one.result).0, outcome(one.result).1))
            .collect(),
        kpis: results.kpis.iter().map(|kpi| kpi_row(pics, kpi, &trace.times, axis)).collect(),
        calibration: results.calibration.as_ref().map(Calibration::sentence),
        actions: actions(pics, &trace.times, axis),
        blocks: blocks(results),
        causes: results.causes.iter().map(cause_row).collect(),
        findings,
        cases: results.test_cases.iter().map(case_row).collect(),
        profile_ids: results
            .protocol()
            .profiles
            .iter()
            .filter(|profile| used.contains(profile.id()))
            .map(|profile| (profile.id(), profile.title()))
            .collect(),
        coverage,
        coverage_totals,
        seal: seal.and_then(Printed::of),
    };
    out.write_all(render::html(include_str!("full/page.html"), &page).as_bytes())?;
    drop(page);
    let cited: BTreeSet<&str> =
        results.test_cases.iter().flat_map(|case| &case.requirements).map(String::as_str).collect();
    let mut add = |id: &str, json: &str| {
        let id: String = id.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
        writeln!(out, "<script type=\"application/json\" id=\"data-{id}\">{json}</script>")
    };
    add("requirements", &data::texts(cited.into_iter(), results.protocol().requirements()))?;
    let mut data = data::Data::of(&trace.lines, results);
    for case in &results.test_cases {
        add(&case.id, &data.of_case(case)?)?;
    }
    write!(out, "<script>{SCRIPT}</script>\n</body>\n</html>\n")?;
    Ok(())
}

fn cause_row(cause: &Cause) -> CauseRow<'_> {
    CauseRow {
        class: class(cause.verdict),
        word: cause.verdict.word(),
        message: &cause.message,
        check: cause.checks(),
        expected: cause.expected.as_deref().unwrap_or_default(),
        found: cause.found.as_deref().filter(|_| cause.expected.is_some()),
        requirements: crate::text::ids(&cause.requirements),
        test_cases: &cause.test_cases,
    }
}

fn facts(pics: &Pics, results: &Results) -> Vec<(&'static str, String)> {
    let minute = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M").to_string();
    let seconds = results.finished.duration_since(results.started).as_secs_f64().max(0.0);
    let version = pics.product.firmware_version.as_ref().or(pics.product.software_version.as_ref());
    let mut facts = vec![("Vendor", pics.product.vendor.clone())];
    facts.extend(version.map(|version| ("Version", version.clone())));
    facts.extend([
        ("Programme", format!("OCPP {}, edition {}, errata {}", pics.ocpp, pics.edition, pics.baseline.id())),
        ("Tested", format!("{} UTC, {}", minute(results.started), span(seconds))),
        ("Resumed", results.resumed.iter().map(|time| format!("{} UTC", minute(*time))).collect::<Vec<_>>().join(", ")),
        ("Against", if results.simulated() { "the embedded simulator".into() } else { results.sut.clone() }),
        ("Run", results.run_id.clone()),
        ("Tool", format!("ocpp-attest {}", results.tool_version)),
    ]);
    facts.retain(|(_, fact)| !fact.is_empty());
    facts
}

/// Word and class of a profile's outcome.
fn outcome(outcome: ProfileOutcome) -> (&'static str, &'static str) {
    match outcome {
        ProfileOutcome::Pass => ("Pass", "pass"),
        ProfileOutcome::Fail => ("Fail", "fail"),
        ProfileOutcome::Incomplete => ("Incomplete", "inconclusive"),
        ProfileOutcome::NotTested => ("Not tested", "open"),
    }
}

fn kpi_row(pics: &Pics, kpi: &Kpi, measured: &Times, axis: Axis) -> KpiRow {
    let times = measured.of(&kpi.key);
    let shown = |value: Option<f64>| value.map_or("–".to_owned(), time);
    KpiRow {
        name: kpi.name.clone(),
        description: kpi::definitions(pics)
            .iter()
            .find(|known| known.key == kpi.key)
            .map_or("", |known| known.description),
        measured: kpi
            .max_s
            .map(|_| [shown(kpi.min_s), shown(kpi.p50_s), shown(kpi.p90_s), shown(kpi.p99_s), shown(kpi.max_s)]),
        samples: kpi.samples,
        limit: kpi.limit_s.map(time),
        exceeded: kpi.exceeded(),
        slowest: measured.slowest(&kpi.key).map(str::to_owned),
        histogram: axis
            .histogram(&times, &[(kpi.p50_s, "p50"), (kpi.p90_s, "p90"), (kpi.p99_s, "p99"), (kpi.limit_s, "limit")]),
    }
}

fn actions(pics: &Pics, measured: &Times, axis: Axis) -> Vec<ActionRow> {
    let row = |(definition, action, times): (&KpiDefinition, &str, Vec<f64>)| {
        let at = |per_cent: usize| kpi::percentile(&times, per_cent).map_or_else(String::new, time);
        ActionRow {
            kpi: definition.name,
            action: action.to_owned(),
            samples: times.len(),
            measured: [at(50), at(90), at(99), at(100)],
            histogram: axis.histogram(&times, &[]),
        }
    };
    measured.by_action(kpi::definitions(pics)).map(row).collect()
}

fn blocks(results: &Results) -> Vec<Block<'_>> {
    let mut blocks: BTreeMap<&str, Vec<(&str, &'static str)>> = BTreeMap::new();
    for case in &results.test_cases {
        blocks.entry(case.block()).or_default().push((&case.id, class(case.verdict)));
    }
    blocks
        .into_iter()
        .map(|(letter, cases)| Block { letter, title: results.protocol().block_title(letter), cases })
        .collect()
}

fn has_findings(case: &TestCaseResult) -> bool {
    !matches!(case.verdict, Verdict::Pass | Verdict::NotImplemented)
}

fn case_findings<'r>(
    case: &'r TestCaseResult,
    lines: &TraceIndex,
    known: &'static RequirementList,
) -> Result<CaseFindings<'r>, ReadError> {
    let whole = data::whole_frames(case, MAX_FINDINGS, lines)?;
    let finding = |(number, failure): (usize, &'r Failure)| Finding {
        class: class(failure.verdict),
        word: failure.verdict.word(),
        message: &failure.message,
        step: &failure.step,
        rule: Rule::at_step(&failure.step).map(Rule::text),
        source: failure.source.as_deref(),
        expected: failure.expected.as_deref(),
        found: failure.found.as_deref(),
        pointer: failure.pointer.as_deref(),
        further: failure.further.iter().map(super::finding::place).collect(),
        waited: failure.waited_s.map(time),
        at: span((failure.at_s - case.began_before(failure.at_s)).max(0.0)),
        of_run: span(failure.at_s),
        requirements: failure.requirements.iter().map(|id| (id.as_str(), known.text(id).unwrap_or_default())).collect(),
        request: failure.request.as_deref(),
        frame: failure.frame.as_deref().map_or_else(Vec::new, |quoted| {
            frame::lay_out(whole.get(&number).map_or(quoted, String::as_str), failure.pointer.as_deref())
        }),
    };
    Ok(CaseFindings {
        id: &case.id,
        title: &case.title,
        class: class(case.verdict),
        word: case.verdict.word(),
        reason: case.reason.as_deref().filter(|_| case.failures.is_empty()),
        findings: case.failures.iter().take(MAX_FINDINGS).enumerate().map(finding).collect(),
        more: case.failures.len().saturating_sub(MAX_FINDINGS),
    })
}

fn case_row(case: &TestCaseResult) -> CaseRow<'_> {
    let words =
        [&case.id, &case.title, &case.profiles.join(" "), &case.requirements.join(" ")].map(|text| text.to_lowercase());
    let found = case.failures.iter().map(|failure| failure.message.to_lowercase());
    CaseRow {
        id: &case.id,
        title: &case.title,
        class: class(case.verdict),
        word: case.verdict.word(),
        profiles: &case.profiles,
        block: case.block(),
        duration: span(case.duration_s),
        reason: case.reason.as_deref().filter(|_| case.failures.is_empty()),
        remarks: &case.remarks,
        uploads: &case.uploads,
        words: words.into_iter().chain(found).collect::<Vec<_>>().join(" "),
    }
}
