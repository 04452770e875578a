//! What is said when a run is over.

use super::prepare::Prepared;
use crate::{
    cli::{display, gate, print},
    record::Results,
    text::visible_line,
};

/// Tells the counts, what the gate found, and where the reports are.
pub(super) fn tell(prepared: &Prepared, results: &Results) {
    print(&format!("\n{}\n\n{}\n", visible_line(&gate::counts(results)), display::summary(results)));
    print(&gate::words(results));
    let (done, chosen) = (results.test_cases.len(), prepared.manifest.chosen.len());
    if let Some(shard) = prepared.manifest.choice.shard.filter(|_| chosen == 0) {
        print(&format!("no test case falls into shard {shard}\n"));
    }
    if results.interrupted {
        print(&format!("ended early: {done} of {chosen} test cases came to their turn\n"));
        print(&format!("go on with: ocpp-attest run --resume {}\n", prepared.folder.display()));
    }
    print(&display::places(&prepared.folder));
}
