//! What is done with a product while no test case runs against it: it is answered, for its clocks go on, or brought to the
//! general preconditions.

use std::{collections::HashMap, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use serde_json::Map;
use tokio::sync::watch;

use super::{driver, environment::Environment, event_log::Voice};
use crate::{
    clock::Clock,
    operator::Operator,
    pics::SutKind,
    protocol::Version,
    record::PlanEntry,
    testcase::dialect::Dialect,
    testcase::{library::Library, model::TestCase, reader},
    yaml::Source,
};

/// How long to rest when the SUT does what can't be gone on from while nothing is tested.
const REST: Duration = Duration::from_secs(1);

/// Waits until the operator lets the next test case begin, or the run is interrupted. The SUT, where there is one
/// already, gets its answers meanwhile; nothing that it does is judged.
pub(super) async fn hold(
    operator: &dyn Operator,
    environment: Option<&mut Environment>,
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
pub(super) async fn idle(
    environment: &mut Environment,
    mut over: watch::Receiver<bool>,
    clock: Clock,
    voice: &Voice<'_, '_>,
) {
    // What comes before the steps is answered and not judged.
    let Some(case) = case(environment, "before: { prepared: false, states: [{ wait: 86400 }] }") else { return };
    let library = Library {
        cases: std::collections::BTreeMap::new(),
        states: Arc::new(HashMap::new()),
        version: case.protocol.version,
        sut: case.header.sut,
    };
    while !*over.borrow() {
        let job = driver::Job { entry: &entry(), case: &case, variant: &Map::new(), library: &library, clock };
        driver::drive(environment, job, &mut over, voice, false).await;
        let _ = tokio::time::timeout(REST, over.wait_for(|over| *over)).await;
    }
}

/// Brings the SUT to the general preconditions, unless it is over before.
pub(super) async fn prepare(
    environment: &mut Environment,
    library: &Library,
    over: &mut watch::Receiver<bool>,
    clock: Clock,
    voice: &Voice<'_, '_>,
) -> Option<driver::Driven> {
    let case = case(environment, "")?;
    let job = driver::Job { entry: &entry(), case: &case, variant: &Map::new(), library, clock };
    Some(driver::drive(environment, job, over, voice, false).await)
}

/// A plan entry that is none.
fn entry() -> PlanEntry {
    PlanEntry {
        id: String::new(),
        title: String::new(),
        block: String::new(),
        profiles: Vec::new(),
        applicable: true,
        implemented: true,
        reason: String::new(),
        requirements: Vec::new(),
    }
}

/// A test case without steps.
fn case(environment: &Environment, before: &str) -> Option<Arc<TestCase>> {
    let sut = if environment.is_for_csms() { SutKind::Csms } else { SutKind::ChargingStation };
    without_steps(sut, environment.protocol.version, before)
}

fn without_steps(sut: SutKind, version: Version, before: &str) -> Option<Arc<TestCase>> {
    let side = SutKind::WORDS.iter().find(|(_, known)| *known == sut).map_or("", |(word, _)| word);
    let text = format!(
        "id: PAUSE\ntitle: Nothing\nsut: {side}\nblock: B\nprotocols: [{version}]\npurpose: Nothing is tested.\n\
         certification: {{ {version}: {{}} }}\n{before}\nsteps: []\n"
    );
    reader::test_case(&Source::new("pause.yaml", text), Dialect::today(version)).ok().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tests_nothing_can_be_read() {
        for sut in [SutKind::ChargingStation, SutKind::Csms] {
            let waiting =
                without_steps(sut, Version::V2_0_1, "before: { prepared: false, states: [{ wait: 86400 }] }").unwrap();
            assert_eq!((waiting.header.sut, waiting.before.len(), waiting.prepared), (sut, 1, false));
            assert!(without_steps(sut, Version::V2_0_1, "").unwrap().prepared);
        }
    }
}
