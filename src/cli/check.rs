//! `ocpp-attest check`: reads every test case and state, and names what is wrong with them.

use super::{Problem, TestCases, exit, print};
use crate::{pics::SutKind, protocol::Version, testcase::library::Library};

/// Runs the subcommand.
pub fn run(test_cases: &TestCases) -> Result<u8, Problem> {
    let mut bad = Vec::new();
    let mut lines = String::new();
    for version in Version::ALL {
        let name = version.protocol().name;
        let catalogue = match test_cases.of(version) {
            Ok(catalogue) => catalogue,
            Err(Problem::Defects(defects)) => {
                bad.extend(defects);
                continue;
            }
            Err(other) => return Err(other),
        };
        for (sut, side) in [(SutKind::ChargingStation, "charging station"), (SutKind::Csms, "CSMS")] {
            let all = catalogue.cases.values().filter(|entry| entry.header.sut == sut).count();
            match Library::load(&catalogue, sut) {
                Ok(library) => {
                    bad.extend(library.miscited());
                    lines.push_str(&format!(
                        "{name}, {side}: {all} test cases, {} with steps, {} states, all valid\n",
                        library.cases.len(),
                        library.states.len()
                    ));
                }
                Err(defects) => bad.extend(defects),
            }
        }
    }
    if bad.is_empty() {
        print(&lines);
        Ok(exit::OK)
    } else {
        Err(bad.into())
    }
}
