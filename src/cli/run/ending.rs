//! What is said when a run is over.

use clap::ValueEnum as _;

use super::prepare::Prepared;
use crate::{
    cli::{display, gate, print},
    record::Results,
    report::Format,
    text::{shell_word, visible_line},
};

/// Tells the counts, what the gate found, and where the reports are. `again` is what must be given again to go on.
pub(super) fn tell(prepared: &Prepared, results: &Results, formats: &[Format], again: &str) {
    print(&format!("\n{}\n\n{}\n", visible_line(&gate::counts(results)), display::summary(results)));
    print(&gate::words(results));
    let (done, chosen) = (results.test_cases.len(), prepared.manifest.chosen.len());
    if let Some(shard) = prepared.manifest.choice.shard.filter(|_| chosen == 0) {
        print(&format!("shard {shard} contains no test case\n"));
    }
    if results.interrupted {
        print(&ended_early(done, chosen));
        let folder = shell_word(&prepared.folder.display().to_string());
        print(&format!("to resume: ocpp-attest run --resume {folder}{again}\n"));
    }
    print(&display::places(&prepared.folder, formats));
}

/// How far a run came that was ended early.
fn ended_early(done: usize, chosen: usize) -> String {
    if done < chosen {
        format!("ended early: {done} of {chosen} test cases were run\n")
    } else {
        format!("ended early: during the last of {chosen} test cases\n")
    }
}

/// What the run folder does not keep, as it is to be given when the run goes on: the operator's address may hold a secret.
pub(super) fn again(operator: Option<&str>, jobs: u16, formats: &[Format]) -> String {
    let operator = operator.map(|how| format!(" --operator {}", shell_word(how)));
    let jobs = (jobs > 1).then(|| format!(" --jobs {jobs}"));
    let named: Vec<String> =
        formats.iter().filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned())).collect();
    let formats = (formats != Format::ALL).then(|| format!(" --format {}", named.join(",")));
    [operator, jobs, formats].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_cut_short_in_its_last_test_case_says_so() {
        assert_eq!(ended_early(3, 4), "ended early: 3 of 4 test cases were run\n");
        assert_eq!(ended_early(4, 4), "ended early: during the last of 4 test cases\n");
    }

    #[test]
    fn what_must_be_given_again_can_be_typed_as_it_stands() {
        assert_eq!(again(None, 1, Format::ALL), "");
        assert_eq!(again(Some("web:0.0.0.0:9050"), 1, Format::ALL), " --operator web:0.0.0.0:9050");
        assert_eq!(
            again(Some("exec:./bench.sh 'a b'"), 8, Format::ALL),
            r" --operator 'exec:./bench.sh '\''a b'\''' --jobs 8"
        );
    }
}
