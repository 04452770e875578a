//! The operator's page: what is tested, what a person has to do, and a way to pause, abort and note what is seen.
//!
//! [`Page`] is what the run knows; [`server`] shows it. The page never decides anything: closed, reloaded or opened twice,
//! it only shows the state that is kept here.

pub(crate) mod access;
pub(crate) mod door;
mod page_state;
mod server;
pub(crate) mod watched;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use tokio::{
    sync::{oneshot, watch},
    task::JoinHandle,
};

use self::page_state::PageState;
use super::{BoxFuture, Operator};
use crate::{
    manual_action::{ActionOutcome, ManualAction},
    verdict::Verdict,
};

/// Where the page is when nothing else is said.
const PORT: u16 = 9050;

/// How long the last state may take to reach the browsers, once the run is over.
const FAREWELL: Duration = Duration::from_secs(2);

/// Reads `web`, `web:PORT` or `web:ADDR:PORT`; `None` for another kind of operator.
pub fn address(how: &str) -> Option<Result<SocketAddr, String>> {
    let place = match how.strip_prefix("web")? {
        "" => return Some(Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT))),
        rest => rest.strip_prefix(':')?,
    };
    if let Ok(port) = place.parse() {
        return Some(Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)));
    }
    Some(place.parse().map_err(|_| format!("`{place}` is neither a port nor an IP address with a port")))
}

/// What the page is about.
#[derive(Debug, Clone)]
pub struct About {
    /// The product's designation.
    pub product: String,
    /// How long a manual action may take.
    pub patience: Duration,
    /// Host names, beside addresses and `localhost`, by which the page may be called.
    pub hosts: Vec<String>,
}

/// The operator's page, served.
#[derive(Debug)]
pub struct Page {
    state: Arc<PageState>,
    paused: watch::Sender<bool>,
    address: SocketAddr,
    close: watch::Sender<bool>,
    server: std::sync::Mutex<Option<JoinHandle<()>>>,
}

impl Page {
    /// Binds and serves the page. `stop` ends the run; `say` tells the person at the terminal the links that let a
    /// browser in, each of which works once.
    pub async fn start(
        address: SocketAddr,
        about: About,
        stop: Arc<watch::Sender<bool>>,
        say: impl Fn(&str) + Send + Sync + 'static,
    ) -> std::io::Result<Arc<Self>> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(PageState::new(about.product, about.patience));
        let paused = watch::Sender::new(false);
        let close = watch::Sender::new(false);
        let service = server::Service {
            state: state.clone(),
            paused: paused.clone(),
            stop,
            door: Arc::new(door::Door::open(
                access::Access::new(address, about.hosts),
                "operator's page",
                "run",
                Box::new(say),
            )),
        };
        let server = server::serve(listener, service, close.subscribe());
        Ok(Arc::new(Self { state, paused, address, close, server: std::sync::Mutex::new(Some(server)) }))
    }

    /// Where the page is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A test case begins: number, of how many, id, title, purpose.
    pub fn begins(&self, number: usize, of: usize, id: &str, title: &str, purpose: &str) {
        self.state.begins(number, of, id, title, purpose);
    }

    /// A step is reached.
    pub fn step(&self, id: &str, step: &str) {
        self.state.step(id, step);
    }

    /// A test case is over.
    pub fn ended(&self, id: &str, verdict: Verdict, reason: Option<&str>) {
        self.state.ended(id, verdict, reason);
    }

    /// The run is over: shows so, and closes once the browsers know.
    pub async fn finish(&self, summary: &str) {
        self.state.finish(summary);
        self.close.send_replace(true);
        let server = self.server.lock().ok().and_then(|mut server| server.take());
        if let Some(mut server) = server {
            if tokio::time::timeout(FAREWELL, &mut server).await.is_err() {
                server.abort();
            }
        }
    }
}

/// Takes an action from the state when nobody waits for it any longer.
struct Withdrawn<'b>(&'b PageState, u64);

impl Drop for Withdrawn<'_> {
    fn drop(&mut self) {
        self.0.withdraw(self.1);
    }
}

impl Operator for Page {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            let id = self.state.ask(action, answer);
            let _withdrawn = Withdrawn(&self.state, id);
            answered.await.unwrap_or_else(|_| ActionOutcome::NotPossible("the run is being aborted".into()))
        })
    }

    fn ready(&self) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            // The sender lives as long as the page does.
            let _ = self.paused.subscribe().wait_for(|paused| !*paused).await;
        })
    }

    fn remarks<'o>(&'o self, test_case: &'o str) -> BoxFuture<'o, Vec<String>> {
        Box::pin(self.state.remarks(test_case))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_the_page_is_loopback_unless_told_otherwise() {
        let read = |how: &str| address(how).map(|read| read.map(|address| address.to_string()));
        assert_eq!(read("web"), Some(Ok("127.0.0.1:9050".into())));
        assert_eq!(read("web:8000"), Some(Ok("127.0.0.1:8000".into())));
        assert_eq!(read("web:0.0.0.0:8000"), Some(Ok("0.0.0.0:8000".into())));
        assert_eq!(read("web:[::1]:8000"), Some(Ok("[::1]:8000".into())));
        assert_eq!(read("prompt"), None);
        assert_eq!(read("website"), None);
        for wrong in ["web:", "web:host:1", "web:99999", "web:127.0.0.1"] {
            assert!(read(wrong).unwrap().is_err(), "{wrong}");
        }
    }
}
