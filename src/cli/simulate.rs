//! `ocpp-attest simulate`: a reference product on the wire.

use std::{path::PathBuf, sync::Arc};

use clap::{Args, Subcommand};

use super::{Problem, exit, print};
use crate::{
    clock::Clock,
    link::{Network, Secret},
    operator::{ActionOutcome, ManualAction, Operator as _},
    pics::{SutKind, reader},
    simulator::{
        operator,
        station::{self, NetworkProfile, StationSetup},
    },
};

/// Arguments of `simulate`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// A charging station that connects to a CSMS; manual actions come as JSON lines on standard input
    ChargingStation {
        /// The PICS that it follows
        #[arg(long, value_name = "FILE")]
        pics: PathBuf,
        /// The CSMS, ws:// or wss://, without the identity
        #[arg(long, value_name = "URL")]
        connect: String,
        /// Its identity
        #[arg(long, default_value = "CS001")]
        identity: String,
        /// Its Basic authentication password
        #[arg(long, env = "OCPP_ATTEST_PASSWORD", default_value = "attest-bench-password", hide_env_values = true)]
        password: String,
        /// Root certificates that it trusts (PEM), for wss
        #[arg(long, value_name = "FILE")]
        root: Option<PathBuf>,
        /// Listen for manual actions on this address (HTTP POST, as `run --operator http://…` sends them)
        #[arg(long, value_name = "ADDR")]
        operator: Option<String>,
    },
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let Command::ChargingStation { pics, connect, identity, password, root, operator: listen } = &arguments.command;
    let pics = reader::read(pics)?;
    if pics.sut != SutKind::ChargingStation {
        return Err(Problem::Input("this is the PICS of a CSMS".into(), "give the PICS of a charging station".into()));
    }
    if !connect.starts_with("ws://") && !connect.starts_with("wss://") {
        return Err(Problem::Input(format!("`{connect}` is no WebSocket URL"), "write ws://host:port/path".into()));
    }
    let roots = match root {
        None => String::new(),
        Some(path) => std::fs::read_to_string(path)
            .map_err(|error| Problem::Input(format!("{}: {error}", path.display()), "check the path".into()))?,
    };
    let security_profile = if connect.starts_with("wss://") { 2 } else { 1 };
    let setup = StationSetup {
        pics,
        identity: identity.clone(),
        password: Secret::new(password.as_str()),
        profiles: vec![(1, NetworkProfile { url: connect.clone(), security_profile })],
        roots,
        certificate: None,
        variables: Vec::new(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Own(error.to_string()))?;
    runtime.block_on(async {
        let (bench, requests) = operator::pair();
        let bench = Arc::new(bench);
        if let Some(listen) = listen {
            let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
                Problem::Input(format!("{listen} can't be bound: {error}"), "choose another address".into())
            })?;
            let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
            print(&format!("manual actions: http://{address}/\n"));
            let acting = bench.clone();
            let service = axum::Router::new().route(
                "/",
                axum::routing::post(move |body: axum::body::Bytes| {
                    let acting = acting.clone();
                    async move { act(&acting, &body).await }
                }),
            );
            tokio::spawn(async move {
                let _ = axum::serve(listener, service).await;
            });
        } else {
            tokio::spawn(read_actions(bench.clone()));
        }
        print(&format!("{identity} connects to {connect}\n"));
        tokio::select! {
            result = station::run(setup, Network::Tcp, Clock::start(), requests) => {
                result.map_err(|error| Problem::Own(error.to_string()))?;
            }
            _ = tokio::signal::ctrl_c() => {}
        }
        Ok(exit::OK)
    })
}

async fn act(bench: &operator::SimulatedOperator, body: &[u8]) -> (axum::http::StatusCode, String) {
    use axum::http::StatusCode;
    match serde_json::from_slice::<ManualAction>(body) {
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()),
        Ok(action) => match bench.perform(action).await {
            ActionOutcome::Done => (StatusCode::NO_CONTENT, String::new()),
            ActionOutcome::NotPossible(reason) => (StatusCode::CONFLICT, reason),
            ActionOutcome::Failed(reason) => (StatusCode::INTERNAL_SERVER_ERROR, reason),
        },
    }
}

async fn read_actions(bench: Arc<operator::SimulatedOperator>) {
    use tokio::io::{AsyncBufReadExt, BufReader};
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let (_, said) = act(&bench, line.as_bytes()).await;
        print(&format!("{}\n", if said.is_empty() { "done" } else { &said }));
    }
    // Standard input has ended; the station goes on.
    std::future::pending::<()>().await;
}
