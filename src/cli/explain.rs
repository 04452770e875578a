//! `ocpp-attest explain`: one test case as a person would read it.

use std::{collections::HashSet, fmt::Write as _, path::PathBuf};

use clap::Args;

use super::{Problem, TestCases, exit, print};
use crate::{
    pics::{Pics, reader},
    protocol::{Protocol, Version},
    selection,
    testcase::{
        catalogue::{Demand, Entry},
        library::Library,
        prose,
    },
    yaml::nearest,
};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The test case, such as `TC_B_02_CS`
    test_case: String,
    /// Evaluate its condition for this PICS
    #[arg(long, value_name = "FILE")]
    pics: Option<PathBuf>,
    /// The version of OCPP, where several have the test case [default: the earliest, or the PICS's]
    #[arg(long, value_parser = super::version, value_name = "VERSION")]
    ocpp: Option<Version>,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, test_cases: &TestCases) -> Result<u8, Problem> {
    let id = arguments.test_case.to_uppercase();
    let pics = arguments.pics.as_deref().map(reader::read).transpose()?;
    let wanted = pics.as_ref().map(|pics| pics.ocpp).or(arguments.ocpp);
    let mut versions = Vec::new();
    let mut known = Vec::new();
    for version in Version::ALL.into_iter().filter(|version| wanted.is_none_or(|wanted| wanted == *version)) {
        let catalogue = test_cases.of(version)?;
        known.extend(catalogue.cases.keys().cloned());
        if catalogue.cases.contains_key(&id) {
            versions.push(catalogue);
        }
    }
    let found = versions.first().and_then(|catalogue| Some((catalogue, catalogue.cases.get(&id)?)));
    let Some((catalogue, entry)) = found else {
        // The ids of the two sides differ at their ends.
        known.sort();
        known.dedup();
        let begun: Vec<&str> = known
            .iter()
            .map(String::as_str)
            .filter(|known| known.strip_prefix(&id).is_some_and(|rest| rest.starts_with('_')))
            .collect();
        let help = match (begun.as_slice(), nearest(&id, known.iter().map(String::as_str))) {
            ([_, ..], _) => format!("did you mean {}?", begun.join(" or ")),
            ([], Some(near)) => format!("did you mean {near}?"),
            ([], None) => "`ocpp-attest list` shows all of them".to_owned(),
        };
        return Err(Problem::Input(format!("unknown test case {id}"), help));
    };
    let implemented = entry.header.implemented;
    let only = HashSet::from([id.as_str()]);
    let library = implemented.then(|| Library::of(catalogue, entry.header.sut, &only)).transpose()?;
    let further: Vec<&Entry> = versions[1..].iter().filter_map(|catalogue| catalogue.cases.get(&id)).collect();
    print(&explain(entry, &further, catalogue.dialect.protocol, pics.as_ref(), library.as_ref()));
    Ok(exit::OK)
}

/// The test case, with what other versions say of its place in the programme.
fn explain(
    entry: &Entry,
    further: &[&Entry],
    protocol: &'static Protocol,
    pics: Option<&Pics>,
    library: Option<&Library>,
) -> String {
    let header = &entry.header;
    let mut out = format!("{}  {}\n", header.id, header.title);
    if !header.purpose.is_empty() {
        let _ = writeln!(out, "\n{}", header.purpose);
    }
    out.push_str("\nIn the programme\n");
    let certification = further.iter().flat_map(|entry| &entry.header.certification);
    for (baseline, demands) in header.certification.iter().chain(certification) {
        let version = if further.is_empty() { String::new() } else { format!("OCPP {} ", baseline.version()) };
        let baseline = baseline.id();
        if demands.is_empty() {
            let _ = writeln!(out, "  {version}since {baseline}  no longer");
        }
        for (profile, demand) in demands {
            let demand = match demand {
                Demand::Mandatory => "mandatory".to_owned(),
                Demand::When(condition) => format!("when {condition}"),
            };
            let _ = writeln!(out, "  {version}since {baseline}  {}: {demand}", profile.title());
        }
    }
    if let Some(pics) = pics {
        let selected = selection::select(pics, header);
        let applies = if selected.applicable { "applies" } else { "does not apply" };
        let _ = writeln!(out, "\nFor {} it {applies}: {}", pics.product.designation, selected.reason);
    }
    if let Some(note) = &header.note {
        let _ = writeln!(out, "\nNote\n  {}", note.trim().replace('\n', "\n  "));
    }
    if !header.use_cases.is_empty() {
        let _ = writeln!(out, "\nUse cases     {}", header.use_cases.join(", "));
    }
    if !header.requirements.is_empty() || entry.header.implemented {
        out.push_str("\nRequirements\n");
        // Those of the head first, then those that only a state has listed.
        let mut told = std::collections::BTreeSet::new();
        let case = library.and_then(|library| library.cases.get(&header.id));
        let named = case.iter().flat_map(|case| &case.citations).map(|citation| citation.id.clone());
        let cited = header.proves().into_iter().chain(named);
        for id in cited.filter(|id| told.insert(id.clone())) {
            let _ = writeln!(out, "  {id:<11} {}", protocol.requirements().text(&id).unwrap_or(""));
        }
    }
    for (id, reason) in &header.further_requirements {
        let _ = writeln!(out, "  {id} is not in the list of Part 6: {reason}");
    }
    let Some(library) = library else {
        out.push_str("\nIts steps are not implemented yet.\n");
        return out;
    };
    if let Some(case) = library.cases.get(&header.id) {
        let _ = writeln!(out, "\n{}", prose::describe(case, library).join("\n"));
    }
    let _ = writeln!(out, "\nThe complete test case is in {}.", entry.source.name);
    out
}
