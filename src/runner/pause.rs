//! A run that its operator has paused: the SUT's clocks go on, so it is answered meanwhile.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use serde_json::Map;
use tokio::sync::watch;

use super::{driver, environment::Environment, journal::Voice};
use crate::{
    clock::Clock,
    operator::Operator,
    pics::SutKind,
    record::PlanEntry,
    testcase::{library::Library, model::TestCase, reader},
    yaml::Source,
};

/// How long to rest when the SUT does what can't be gone on from while nothing is tested.
const REST: Duration = Duration::from_secs(1);

/// Waits until the operator lets the next test case begin, or the run is interrupted. The SUT, where there is one
/// already, gets its answers meanwhile; nothing that it does is judged.
pub(super) async fn hold(
    operator: &dyn Operator,
    environment: &mut Option<Environment>,
    interrupt: &watch::Receiver<bool>,
    clock: Clock,
    voice: &Voice<'_, '_>,
) {
    if operator.ready().now_or_never().is_some() {
        return;
    }
    let (stop, over) = watch::channel(false);
    let mut interrupt = interrupt.clone();
    let waiting = async {
        tokio::select! {
            () = operator.ready() => {}
            _ = interrupt.wait_for(|stop| *stop) => {}
        }
        let _ = stop.send(true);
    };
    let idle = async {
        if let Some(environment) = environment {
            idle(environment, over, clock, voice).await;
        }
    };
    tokio::join!(waiting, idle);
}

/// Answers the SUT until it is over.
async fn idle(environment: &mut Environment, mut over: watch::Receiver<bool>, clock: Clock, voice: &Voice<'_, '_>) {
    let Some(case) = nothing(if environment.is_for_csms() { SutKind::Csms } else { SutKind::ChargingStation }) else {
        return;
    };
    let entry = PlanEntry {
        id: String::new(),
        title: String::new(),
        profiles: Vec::new(),
        applicable: true,
        implemented: true,
        reason: String::new(),
        requirements: Vec::new(),
    };
    let library = Library { cases: std::collections::BTreeMap::new(), states: Arc::new(HashMap::new()) };
    let case = Arc::new(case);
    while !*over.borrow() {
        let job = driver::Job { entry: &entry, case: &case, variant: &Map::new(), library: &library, clock };
        driver::drive(environment, job, &mut over, voice, false).await;
        let _ = tokio::time::timeout(REST, over.wait_for(|over| *over)).await;
    }
}

/// A test case that only waits, before its steps begin: what comes then is answered and not judged.
fn nothing(sut: SutKind) -> Option<TestCase> {
    let suffix = match sut {
        SutKind::ChargingStation => "CS",
        SutKind::Csms => "CSMS",
    };
    let text = format!(
        "id: TC_A_00_{suffix}\ntitle: Pause\nuse-cases: []\nrequirements: []\npurpose: Nothing is tested.\n\
         certification:\n  2024-06: {{ core: mandatory }}\nbefore:\n  states:\n    - wait: 86400\nsteps: []\n"
    );
    reader::test_case(&Source::new(format!("TC_A_00_{suffix}.yaml"), text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_can_be_read() {
        for sut in [SutKind::ChargingStation, SutKind::Csms] {
            let case = nothing(sut).unwrap();
            assert_eq!(case.header.sut(), sut);
            assert_eq!(case.before.len(), 1);
        }
    }
}
