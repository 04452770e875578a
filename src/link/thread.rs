//! The thread of a link over real sockets.
//!
//! A frame is stamped when the thread that serves its socket gets to it. What else the harness does (the engine, serialising,
//! writing to disk) takes milliseconds at a time, so a link over real sockets has an operating system thread with a runtime of
//! its own. A link in memory stays on the runtime of its owner: only there is one virtual clock for both.

use std::{io, thread::JoinHandle};

use tokio::{
    runtime::Builder,
    sync::oneshot,
    task::{JoinError, JoinSet},
};

use super::priority;

/// A thread that serves a link; dropping it ends the thread and everything on it.
#[derive(Debug)]
pub(super) struct LinkThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LinkThread {
    /// Starts a thread, begins the link there, and serves its tasks until this is dropped or one of them panics. Returns what
    /// `begin` returned besides its tasks.
    pub(super) async fn start<T, F>(begin: impl FnOnce() -> F + Send + 'static) -> io::Result<(Self, T)>
    where
        T: Send + 'static,
        F: Future<Output = io::Result<(JoinSet<()>, T)>>,
    {
        let (stop, stopped) = oneshot::channel();
        let (begun, waiting) = oneshot::channel();
        let run = move || {
            // Where it is refused the link does without.
            priority::ask_for(priority::OF_LINK);
            let runtime = match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = begun.send(Err(error));
                    return;
                }
            };
            runtime.block_on(async {
                match begin().await {
                    Ok((mut tasks, value)) => {
                        if begun.send(Ok(value)).is_ok() {
                            tokio::select! {
                                _ = stopped => {}
                                () = lost(&mut tasks) => {}
                            }
                        }
                    }
                    Err(error) => {
                        let _ = begun.send(Err(error));
                    }
                }
            });
            // A name may still be looked up on a thread of the runtime's pool, and that has no end of ours: don't wait for it.
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name("link".into()).spawn(run)?;
        let link = Self { stop: Some(stop), thread: Some(thread) };
        let value = waiting.await.unwrap_or_else(|_| Err(io::Error::other("the thread of the link panicked")))?;
        Ok((link, value))
    }

    /// True until the thread has ended.
    pub(super) fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

/// Ends when no task is left, or when one has panicked: what a link with a part missing tells is worth nothing.
async fn lost(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        if ended.as_ref().is_err_and(JoinError::is_panic) {
            return;
        }
    }
}

impl Drop for LinkThread {
    /// When this returns the sockets are closed and the addresses are free. The thread waits for nothing but its own tasks, none of
    /// which blocks.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic was told by the panic hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    async fn started(task: impl FnOnce() -> JoinSet<()> + Send + 'static) -> LinkThread {
        LinkThread::start(|| async { Ok((task(), ())) }).await.unwrap().0
    }

    #[tokio::test]
    async fn dropping_it_ends_its_tasks() {
        let (held, mut free) = mpsc::channel::<()>(1);
        let link = started(|| {
            let mut tasks = JoinSet::new();
            tasks.spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            });
            tasks
        })
        .await;
        assert!(link.is_alive());
        drop(link);
        assert_eq!(free.try_recv(), Err(mpsc::error::TryRecvError::Disconnected), "everything on the thread is gone");
    }

    #[tokio::test]
    async fn a_panic_in_a_task_ends_the_others() {
        let (held, mut free) = mpsc::channel::<()>(1);
        let _link = started(|| {
            let mut tasks = JoinSet::new();
            tasks.spawn(async move {
                let _held = held;
                std::future::pending::<()>().await;
            });
            tasks.spawn(async { panic!("as this test wants it") });
            tasks
        })
        .await;
        assert_eq!(free.recv().await, None);
    }

    #[tokio::test]
    async fn what_keeps_it_from_beginning_is_told() {
        let refused = || async { Err::<(JoinSet<()>, ()), _>(io::Error::from(io::ErrorKind::AddrInUse)) };
        let error = LinkThread::start(refused).await.map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
        let panics = || async { panic!("as this test wants it") };
        let error = LinkThread::start::<(), _>(panics).await.map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
    }
}
