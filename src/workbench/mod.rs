//! The workbench: a page on which a person chooses what is tested, runs it, watches it, and reads what came of it.
//!
//! It tests nothing itself. A run is a process of the tool's own `run` ([`job`]) with the command line that the page shows
//! ([`order`]); what the page shows is read from the output of that process and from its run folder. So a run that crashes takes
//! nothing with it, and is a run folder like any other.

mod detail;
mod inputs;
mod job;
mod live;
mod operator;
mod order;
mod refused;
mod runs;
mod sequence;
mod server;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{sync::watch, task::JoinHandle};

use crate::operator::web::{access::Access, door::Door};

/// How long the browsers may take to learn that the workbench ends.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a workbench works with.
#[derive(Debug)]
pub struct Settings {
    /// The folders whose PICS and benches may be chosen.
    pub folders: Vec<PathBuf>,
    /// The folder of the runs.
    pub runs: PathBuf,
    /// Where the page is served.
    pub address: SocketAddr,
    /// Host names, beside addresses and `localhost`, by which the page may be called.
    pub hosts: Vec<String>,
    /// The tool itself.
    pub program: PathBuf,
    /// Test cases to use instead of the compiled-in ones.
    pub test_cases: Option<PathBuf>,
    /// What goes wrong with the simulated product.
    pub faults: Vec<String>,
}

/// A workbench, served.
#[derive(Debug)]
pub struct Workbench {
    address: SocketAddr,
    desk: Arc<server::Desk>,
    close: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Workbench {
    /// Binds and serves the page. `say` tells the person at the terminal the links that let a browser in, each of which works
    /// once.
    pub async fn start(settings: Settings, say: impl Fn(&str) + Send + Sync + 'static) -> std::io::Result<Self> {
        let listener = tokio::net::TcpListener::bind(settings.address).await?;
        let address = listener.local_addr()?;
        let access = Access::new(address, settings.hosts.clone());
        let door = Arc::new(Door::open(access, "workbench", "workbench", Box::new(say)));
        let desk = Arc::new(server::Desk::new(settings));
        let close = watch::Sender::new(false);
        let server = server::serve(listener, desk.clone(), door, close.subscribe());
        Ok(Self { address, desk, close, server })
    }

    /// Where the page is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends the run under way as Ctrl-C does, waits for it, and closes the page.
    pub async fn close(self) {
        self.desk.end_run().await;
        self.close.send_replace(true);
        let mut server = self.server;
        if tokio::time::timeout(FAREWELL, &mut server).await.is_err() {
            server.abort();
        }
    }
}
