//! State that browsers watch: each is sent it now, and whenever it has changed.

use std::{
    convert::Infallible,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    http::StatusCode,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

/// Most browsers that look at once.
const MAX_LOOKERS: usize = 32;

/// A state, and who wants to know when it changes.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    state: Mutex<T>,
    changed: watch::Sender<()>,
}

impl<T> Watched<T> {
    pub(crate) fn new(state: T) -> Self {
        Self { state: Mutex::new(state), changed: watch::Sender::new(()) }
    }

    /// The state. Who changes it by this calls [`Self::tell`] afterwards.
    pub(crate) fn state(&self) -> MutexGuard<'_, T> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn change(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.state());
        self.tell();
    }

    /// Tells the browsers that something has changed.
    pub(crate) fn tell(&self) {
        self.changed.send_replace(());
    }

    /// How many browsers look.
    pub(crate) fn lookers(&self) -> usize {
        self.changed.receiver_count()
    }

    /// What `next` tells, now and whenever the state has changed, until `close`. Changes that come closer together than `breath` are
    /// sent together, and a browser that is slow is told less often.
    pub(crate) fn events(
        &self,
        mut close: watch::Receiver<bool>,
        breath: Duration,
        mut next: impl FnMut() -> String + Send + 'static,
    ) -> Response {
        if self.lookers() >= MAX_LOOKERS {
            return (StatusCode::SERVICE_UNAVAILABLE, "too many browsers have the page open").into_response();
        }
        let mut changed = self.changed.subscribe();
        let (states, stream) = mpsc::channel::<Result<Event, Infallible>>(1);
        tokio::spawn(async move {
            loop {
                changed.borrow_and_update();
                let last = *close.borrow_and_update();
                let event = Event::default().data(next());
                if states.send(Ok(event)).await.is_err() || last {
                    break;
                }
                tokio::time::sleep(breath).await;
                tokio::select! {
                    // The browser is gone.
                    () = states.closed() => break,
                    changed = changed.changed() => if changed.is_err() { break },
                    closed = close.changed() => if closed.is_err() { break },
                }
            }
        });
        let alive = KeepAlive::new().interval(Duration::from_secs(10));
        Sse::new(ReceiverStream::new(stream)).keep_alive(alive).into_response()
    }
}
