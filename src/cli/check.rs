//! `ocpp-attest check`: reads every test case and state, and names what is wrong with them.

use super::{Problem, exit, print};
use crate::{
    pics::SutKind,
    testcase::{catalogue::Catalogue, library::Library},
};

/// Runs the subcommand.
pub fn run(catalogue: &Catalogue) -> Result<u8, Problem> {
    let mut bad = Vec::new();
    let mut lines = String::new();
    for (sut, name) in [(SutKind::ChargingStation, "charging station"), (SutKind::Csms, "CSMS")] {
        let all = catalogue.cases.values().filter(|entry| entry.header.sut() == sut).count();
        match Library::load(catalogue, sut) {
            Ok(library) => {
                bad.extend(library.miscited());
                lines.push_str(&format!(
                    "{name}: {all} test cases, {} with steps, {} states, all valid\n",
                    library.cases.len(),
                    library.states.len()
                ));
            }
            Err(defects) => bad.extend(defects),
        }
    }
    if bad.is_empty() {
        print(&lines);
        Ok(exit::OK)
    } else {
        Err(bad.into())
    }
}
