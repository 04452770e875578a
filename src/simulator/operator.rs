//! The simulated test bench: manual actions are handed to the simulated product.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::{
    manual_action::{ActionOutcome, ManualAction},
    operator::{BoxFuture, Operator},
};

/// How long the simulated person takes to act at least.
const REACTION: Duration = Duration::from_millis(500);

/// A manual action on its way to the simulated product.
#[derive(Debug)]
pub struct Request {
    /// What to do.
    pub action: ManualAction,
    /// Where to say that it is done.
    pub done: oneshot::Sender<ActionOutcome>,
}

/// An operator that acts on a simulated product.
#[derive(Debug, Clone)]
pub struct SimulatedOperator {
    requests: mpsc::UnboundedSender<Request>,
    acts_after: Duration,
    says_after: Duration,
}

/// The operator, and the end that the simulated product listens to. The operator says that an action is done so much later than it
/// is: what the product sends because of it comes before that, as with a person.
pub fn pair(says_after: Duration) -> (SimulatedOperator, mpsc::UnboundedReceiver<Request>) {
    slow_pair(Duration::ZERO, says_after)
}

/// The same with an operator who takes so long to act.
pub fn slow_pair(acts_after: Duration, says_after: Duration) -> (SimulatedOperator, mpsc::UnboundedReceiver<Request>) {
    let (requests, receiver) = mpsc::unbounded_channel();
    (SimulatedOperator { requests, acts_after: acts_after.max(REACTION), says_after }, receiver)
}

impl Operator for SimulatedOperator {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move {
            // Nobody is quicker than this, and what was answered before has arrived by then.
            tokio::time::sleep(self.acts_after).await;
            let (done, answer) = oneshot::channel();
            if self.requests.send(Request { action, done }).is_err() {
                return ActionOutcome::Failed("the simulated product is gone".into());
            }
            let outcome =
                answer.await.unwrap_or_else(|_| ActionOutcome::Failed("the simulated product is gone".into()));
            tokio::time::sleep(self.says_after).await;
            outcome
        })
    }
}
