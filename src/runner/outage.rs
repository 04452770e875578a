//! A product that is away in the middle of a run: the run waits for it, and asks the operator to bring it back.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::sync::{Notify, watch};

use super::worker::{Common, Found, Worker};
use crate::{
    manual_action::{ActionOutcome, ManualAction, actions},
    record::TraceEvent,
    template::{Names, Template},
};

/// The manual action that is asked for.
const RESTORE: &str = "restore-sut";
/// How long the run waits where the bench does not say, seconds.
const PATIENCE: f64 = 600.0;
/// How long to rest between two looks for a product that is not there.
const LOOK: Duration = Duration::from_secs(5);
/// The same for one that is there and can't be prepared: looking asks a lot of it.
const TRY: Duration = Duration::from_mins(1);

/// What is known of it.
pub(super) struct Outage {
    /// The test cases that found it so.
    pub(super) cases: String,
    /// Those of them that run again once it is back.
    pub(super) returning: String,
    /// Why the last of them could not be begun.
    pub(super) reason: String,
    /// Nobody is there; otherwise the product is, and can't be brought to the general preconditions.
    pub(super) absent: bool,
}

/// Waits until the product is ready again; false when it was not within the bench's `outage-timeout`, or the run was
/// interrupted.
pub(super) async fn wait(worker: &mut Worker, common: &Common<'_, '_>, outage: &Outage) -> bool {
    let Outage { cases, returning, reason, absent } = outage;
    let patience = worker.bench.values.get("outage_timeout").and_then(Value::as_f64).unwrap_or(PATIENCE);
    let limit = Duration::try_from_secs_f64(patience).unwrap_or(Duration::MAX);
    let what = if *absent { "The product is not available" } else { "The product does not reach the preconditions" };
    common.log.notice(&format!("{what} ({cases}): {reason}. The run waits for up to {patience} s."));
    let began = common.clock.now();
    let (stop, over) = watch::channel(false);
    let (asked, rest) = (Notify::new(), if *absent { LOOK } else { TRY });
    let mut interrupt = common.interrupt.clone();
    let ending = async {
        tokio::select! {
            () = tokio::time::sleep(limit) => {}
            _ = interrupt.wait_for(|stop| *stop) => {}
        }
        let _ = stop.send(true);
        std::future::pending::<()>().await;
    };
    let operator = worker.environment().map(|environment| environment.operator.clone());
    let identity = worker.bench.identity.clone();
    let asking = async {
        let voice = common.log.between(&identity);
        while let Some(operator) = &operator {
            let action = restore(what, reason);
            voice.note(TraceEvent::Operator { action: action.action.clone(), parameters: action.parameters.clone() });
            let outcome = operator.perform(action).await;
            voice.note(TraceEvent::OperatorDone { action: RESTORE.into(), outcome: format!("{outcome:?}") });
            if outcome != ActionOutcome::Done {
                // It may come back by itself.
                break;
            }
            asked.notify_one();
            tokio::time::sleep(TRY).await;
        }
        std::future::pending::<()>().await;
    };
    let looking = async {
        let mut over = over;
        loop {
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = asked.notified() => {}
                _ = over.wait_for(|over| *over) => {}
            }
            if *over.borrow() {
                return false;
            }
            let found = worker.prepare(common, &mut over).await;
            if found == Found::Ready && !*over.borrow() {
                return true;
            }
        }
    };
    let back = tokio::select! {
        biased;
        back = looking => back,
        () = ending => false,
        () = asking => false,
    };
    let waited = common.clock.now().seconds_since(&began);
    common.log.notice(&if !back {
        format!("The product did not come back within {waited:.0} s; the run ends early.")
    } else if returning.is_empty() {
        format!("The product is back after {waited:.0} s. {cases} found it so after an earlier return, too, and do not run again.")
    } else {
        format!("The product is back after {waited:.0} s; {returning} run again.")
    });
    back
}

/// What is asked of the operator.
fn restore(what: &str, reason: &str) -> ManualAction {
    let parameters = Map::from_iter([("reason".to_owned(), Value::from(format!("{what}: {reason}")))]);
    let prompt = actions::find(RESTORE).map_or("", |known| known.prompt);
    let prompt = Template::new(Value::from(prompt)).evaluate(&Names::from(parameters.clone()));
    let prompt = prompt.ok().and_then(|prompt| prompt.as_str().map(str::to_owned)).unwrap_or_default();
    ManualAction { action: RESTORE.into(), parameters, prompt }
}
