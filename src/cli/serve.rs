//! `ocpp-attest serve`: the workbench in the browser.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use clap::Args;

use super::{Problem, TestCases, exit, run::asked_to_stop};
use crate::workbench::{Settings, Workbench};

/// Arguments of `serve`.
#[derive(Debug, Args)]
#[command(after_help = super::ENVIRONMENT)]
pub struct Arguments {
    /// Folders with the PICS and bench files to choose from [default: the working directory, and pics/ in it]
    #[arg(value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// The folder that the run folders are written to, and earlier runs are read from
    #[arg(long, value_name = "DIR", default_value = "reports")]
    runs: PathBuf,
    /// Where the page is served: a port of the loopback interface, or an IP address with a port
    #[arg(long, value_name = "[ADDR:]PORT", default_value = "9040", value_parser = address)]
    listen: SocketAddr,
    /// A host name by which browsers may call the page, beside IP addresses and `localhost`
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    #[command(flatten)]
    faults: super::faults::FaultArguments,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    let loopback = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    let port = text.parse().map(loopback);
    port.or_else(|_| text.parse()).map_err(|_| "write a port, or an IP address with a port".to_owned())
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, test_cases: &TestCases) -> Result<u8, Problem> {
    let folders = if arguments.folders.is_empty() {
        [".", "pics"].into_iter().map(PathBuf::from).filter(|folder| folder.is_dir()).collect()
    } else {
        arguments.folders.clone()
    };
    if let Some(missing) = folders.iter().find(|folder| !folder.is_dir()) {
        let what = format!("{} is no folder", missing.display());
        return Err(Problem::Input(what, "name folders with PICS and bench files".into()));
    }
    let program = std::env::current_exe().map_err(|error| Problem::Own(error.to_string()))?;
    let settings = Settings {
        folders,
        runs: arguments.runs.clone(),
        address: arguments.listen,
        hosts: arguments.hosts.clone(),
        program,
        test_cases: test_cases.folder.clone(),
        faults: arguments.faults.texts().to_vec(),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Problem::Own(error.to_string()))?;
    runtime.block_on(async {
        let workbench = Workbench::start(settings, |words| eprintln!("{words}")).await.map_err(|error| {
            let what = format!("the workbench can't be served at {}: {error}", arguments.listen);
            Problem::Input(what, "choose another port: --listen PORT".into())
        })?;
        eprintln!("Ctrl-C ends the workbench, and a run under way as Ctrl-C ends it");
        asked_to_stop().await;
        tokio::select! {
            () = workbench.close() => {}
            // Whoever can't wait leaves the run alone with its end.
            _ = asked_to_stop() => {}
        }
        Ok(exit::OK)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_served_at_loopback_unless_told_otherwise() {
        let read = |text: &str| address(text).map(|address| address.to_string());
        assert_eq!(read("9040"), Ok("127.0.0.1:9040".into()));
        assert_eq!(read("0.0.0.0:80"), Ok("0.0.0.0:80".into()));
        assert_eq!(read("[::1]:80"), Ok("[::1]:80".into()));
        for wrong in ["", "host:1", "99999", "127.0.0.1"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
