//! `ocpp-attest simulate`: a reference product on the wire.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use clap::{Args, Subcommand};

use super::{Problem, exit, faults, print};
use crate::{
    bench::Bench,
    clock::Clock,
    link::{CertificateKind, Network, Secret},
    manual_action::{ActionOutcome, ManualAction},
    operator::Operator as _,
    pics::{SutKind, reader},
    runner::key_kind,
    services::pki::{KeyKind, Pki, PkiError},
    simulator::{
        csms::{self, BootSetting, CsmsEndpoint, CsmsSetup, KnownStation},
        operator,
        station::{self, NetworkProfile, StationSetup, Vehicle},
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
    #[command(visible_alias = "station")]
    ChargingStation {
        /// The PICS of the product
        #[arg(long, value_name = "FILE")]
        pics: PathBuf,
        /// The CSMS, ws:// or wss://, without the identity
        #[arg(long, value_name = "URL")]
        connect: String,
        /// Identity of the station
        #[arg(long, default_value = "CS001")]
        identity: String,
        /// Basic authentication password of the station
        #[arg(long, env = "OCPP_ATTEST_PASSWORD", default_value = "attest-bench-secret", hide_env_values = true)]
        password: String,
        /// Root certificates that the station trusts (PEM), for wss
        #[arg(long, value_name = "FILE", conflicts_with = "authority")]
        root: Option<PathBuf>,
        /// Folder of the certificate authority (the bench's `authority`): the station trusts its roots and gets its
        /// certificate from it
        #[arg(long, value_name = "DIR")]
        authority: Option<PathBuf>,
        /// Security profile [default: 1 for ws://, 2 for wss://]; 3 needs --authority
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=3))]
        security_profile: Option<u8>,
        /// Listen for manual actions on this address (HTTP POST, as `run --operator http://…` sends them)
        #[arg(long, value_name = "ADDR")]
        operator: Option<String>,
        #[command(flatten)]
        faults: faults::FaultArguments,
    },
    /// A CSMS that a charging station can connect to; manual actions come as JSON lines on standard input
    Csms {
        /// The PICS of the product
        #[arg(long, value_name = "FILE")]
        pics: PathBuf,
        /// The address to listen on
        #[arg(long, value_name = "ADDR")]
        listen: String,
        /// An identity that may connect, optionally with its own security profile after a comma (repeatable)
        #[arg(long, default_value = "CS001", value_name = "ID[,PROFILE]")]
        identity: Vec<String>,
        /// The Basic authentication password of every station
        #[arg(long, env = "OCPP_ATTEST_PASSWORD", default_value = "attest-bench-secret", hide_env_values = true)]
        password: String,
        /// Folder of a certificate authority (such as the bench's `authority`); with it, the CSMS uses TLS
        #[arg(long, value_name = "DIR")]
        authority: Option<PathBuf>,
        /// Security profile of the stations [default: 2 with --authority, else 1]; each higher profile is served on the
        /// next port
        #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u8).range(1..=3))]
        security_profile: Option<u8>,
        /// Keep the status that is set for a station's next boot until it is restored, instead of for one boot
        #[arg(long)]
        sticky_boot: bool,
        /// Listen for manual actions on this address (HTTP POST)
        #[arg(long, value_name = "ADDR")]
        operator: Option<String>,
        #[command(flatten)]
        faults: faults::FaultArguments,
    },
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    match &arguments.command {
        Command::ChargingStation { operator, .. } => {
            let clock = Clock::start();
            run_station(setup(&arguments.command, clock)?, operator.as_deref(), clock)
        }
        Command::Csms { operator, .. } => {
            let clock = Clock::start();
            run_csms(csms_setup(&arguments.command, clock)?, operator.as_deref(), clock)
        }
    }
}

/// The station as the arguments describe it.
fn setup(command: &Command, clock: Clock) -> Result<StationSetup, Problem> {
    let input = |what: String, help: &str| Problem::Input(what, help.into());
    let Command::ChargingStation {
        pics, connect, identity, password, root, authority, security_profile, faults, ..
    } = command
    else {
        return Err(Problem::Own("these arguments are for a CSMS".into()));
    };
    let pics = reader::read(pics)?;
    if pics.sut != SutKind::ChargingStation {
        return Err(input("this is the PICS of a CSMS".into(), "give the PICS of a charging station"));
    }
    let secure = connect.starts_with("wss://");
    if !secure && !connect.starts_with("ws://") {
        return Err(input(format!("invalid WebSocket URL `{connect}`"), "write ws://host:port/path"));
    }
    let security_profile = security_profile.unwrap_or(if secure { 2 } else { 1 });
    if secure != (security_profile >= 2) {
        let what = format!("security profile {security_profile} does not match `{connect}`");
        return Err(input(what, "1 is for ws://, 2 and 3 are for wss://"));
    }
    let mut setup = StationSetup {
        identity: identity.clone(),
        password: Secret::new(password.as_str()),
        profiles: vec![(1, NetworkProfile { url: connect.clone(), security_profile })],
        roots: String::new(),
        manufacturer_roots: String::new(),
        vehicle: None,
        certificate: None,
        variables: Vec::new(),
        faults: faults.read(pics.ocpp.protocol())?.witnessed(faults::witness),
        pics,
    };
    if let Some(path) = root {
        setup.roots = std::fs::read_to_string(path)
            .map_err(|error| input(format!("{}: {error}", path.display()), "check the path"))?;
    }
    if let Some(folder) = authority {
        let given = || {
            let pki = Pki::kept(folder, key_kind(&setup.pics), clock.now().wall)?;
            let vendor = &setup.pics.product.vendor;
            let own = (security_profile == 3).then(|| pki.client(CertificateKind::Valid, identity, vendor));
            let contract = pki.kept_contract(folder, Bench::default().token("emaid"))?.chain;
            let vehicle = Vehicle { contract, roots: pki.v2g_root_pem().to_owned() };
            Ok((pki.root_pem().to_owned(), pki.manufacturer_root_pem().to_owned(), own.transpose()?, Some(vehicle)))
        };
        let given = given().map_err(|error: PkiError| input(error.to_string(), "check the folder"))?;
        (setup.roots, setup.manufacturer_roots, setup.certificate, setup.vehicle) = given;
    }
    if security_profile == 3 && setup.certificate.is_none() {
        return Err(input(
            "security profile 3 needs a certificate".into(),
            "name the bench's authority: --authority DIR",
        ));
    }
    Ok(setup)
}

fn run_station(setup: StationSetup, actions: Option<&str>, clock: Clock) -> Result<u8, Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Own(error.to_string()))?;
    runtime.block_on(async {
        let (bench, requests) = operator::pair(Duration::ZERO);
        take_actions(bench, actions).await?;
        let url = setup.profiles.first().map(|(_, profile)| profile.url.clone()).unwrap_or_default();
        print(&format!("{} connects to {url}\n", setup.identity));
        let faults = setup.faults.clone();
        tokio::select! {
            result = station::run(setup, Network::Tcp, clock, requests) => {
                result.map_err(|error| Problem::Own(error.to_string()))?;
            }
            _ = tokio::signal::ctrl_c() => {}
        }
        faults::tell_idle(&faults);
        Ok(exit::OK)
    })
}

/// Takes manual actions over HTTP, or as lines on standard input.
async fn take_actions(bench: operator::SimulatedOperator, listen: Option<&str>) -> Result<(), Problem> {
    let bench = Arc::new(bench);
    let Some(listen) = listen else {
        tokio::spawn(read_actions(bench));
        return Ok(());
    };
    let listener = tokio::net::TcpListener::bind(listen).await.map_err(|error| {
        Problem::Input(format!("{listen} can't be bound: {error}"), "choose another address".into())
    })?;
    let address = listener.local_addr().map(|address| address.to_string()).unwrap_or_default();
    print(&format!("manual actions: http://{address}/\n"));
    let handler = move |body: axum::body::Bytes| {
        let bench = bench.clone();
        async move { act(&bench, &body).await }
    };
    let service = axum::Router::new().route("/", axum::routing::post(handler));
    tokio::spawn(async move {
        let _ = axum::serve(listener, service).await;
    });
    Ok(())
}

/// The CSMS as the arguments describe it.
fn csms_setup(command: &Command, clock: Clock) -> Result<CsmsSetup, Problem> {
    let input = |what: String, help: &str| Problem::Input(what, help.into());
    let Command::Csms { pics, listen, identity, password, authority, security_profile, sticky_boot, faults, .. } =
        command
    else {
        return Err(Problem::Own("these arguments are for a charging station".into()));
    };
    let pics = reader::read(pics)?;
    if pics.sut != SutKind::Csms {
        return Err(input("this is the PICS of a charging station".into(), "give the PICS of a CSMS"));
    }
    let security_profile = security_profile.unwrap_or(if authority.is_some() { 2 } else { 1 });
    let (endpoints, authority) = match authority {
        None if security_profile > 1 => {
            let what = format!("security profile {security_profile} needs certificates");
            return Err(input(what, "name the folder of a certificate authority with --authority"));
        }
        None => (vec![CsmsEndpoint { profile: 1, address: listen.clone(), tls: None }], None),
        Some(folder) => {
            let (endpoints, pki) = endpoints(listen, security_profile, folder, clock)
                .map_err(|error| input(error.to_string(), "check the folder"))?;
            (endpoints, Some(pki))
        }
    };
    let known = |told: &String| {
        let (identity, profile) = match told.split_once(',') {
            None => (told.as_str(), Some(security_profile)),
            Some((identity, profile)) => (identity, profile.parse().ok()),
        };
        let served = |profile: &u8| endpoints.iter().any(|endpoint| endpoint.profile == *profile);
        let profile = profile.filter(served).ok_or_else(|| {
            input(format!("`{told}`: this security profile is not available"), "write ID, or ID,3 with --authority")
        })?;
        Ok(KnownStation {
            identity: identity.to_owned(),
            password: pics.ocpp.protocol().semantics.password(&Secret::new(password)),
            serial_number: identity.to_owned(),
            security_profile: profile,
        })
    };
    let stations = identity.iter().map(known).collect::<Result<_, Problem>>()?;
    Ok(CsmsSetup {
        protocol: pics.ocpp.protocol(),
        endpoints,
        stations,
        tokens: Bench::default().values.get("tokens").cloned().unwrap_or_default(),
        interval: 300,
        inventory: pics.is_yes("C-50.1"),
        boot_setting: if *sticky_boot { BootSetting::UntilRestored } else { BootSetting::Once },
        authority,
        faults: faults.read(pics.ocpp.protocol())?.witnessed(faults::witness),
    })
}

/// One endpoint for the security profile, and one for each above it, port after port.
fn endpoints(
    listen: &str,
    from: u8,
    authority: &Path,
    clock: Clock,
) -> Result<(Vec<CsmsEndpoint>, Arc<Pki>), PkiError> {
    let (host, port) = listen.rsplit_once(':').unwrap_or((listen, ""));
    let pki = Pki::kept(authority, KeyKind::Ecdsa, clock.now().wall)?;
    let names = ["localhost".to_owned(), host.to_owned()];
    let mut endpoints = vec![CsmsEndpoint::new(from, listen.to_owned(), &pki, &names)?];
    for profile in from + 1..=3 {
        if let Some(port) = port.parse::<u16>().ok().and_then(|port| port.checked_add(u16::from(profile - from))) {
            endpoints.push(CsmsEndpoint::new(profile, format!("{host}:{port}"), &pki, &names)?);
        }
    }
    Ok((endpoints, pki))
}

fn run_csms(setup: CsmsSetup, actions: Option<&str>, clock: Clock) -> Result<u8, Problem> {
    let addresses: Vec<String> = setup
        .endpoints
        .iter()
        .map(|endpoint| format!("{} (security profile {})", endpoint.address, endpoint.profile))
        .collect();
    let addresses = addresses.join(" and ");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Own(error.to_string()))?;
    runtime.block_on(async {
        let (operator, requests) = operator::pair(Duration::ZERO);
        take_actions(operator, actions).await?;
        print(&format!("listening on {addresses}\n"));
        let faults = setup.faults.clone();
        tokio::select! {
            result = csms::run(setup, Network::Tcp, clock, requests) => {
                let help = "choose another address";
                result.map_err(|error| Problem::Input(format!("{addresses} can't be bound: {error}"), help.into()))?;
            }
            _ = tokio::signal::ctrl_c() => {}
        }
        faults::tell_idle(&faults);
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
            ActionOutcome::Denied(reason) => (StatusCode::EXPECTATION_FAILED, reason),
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
