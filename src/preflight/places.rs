//! Addresses of a bench: those that we listen at, those that we go to, and who performs manual actions.

use std::{net::ToSocketAddrs as _, time::Duration};

use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::{Findings, Subject};
use crate::{
    certificate::Certificate,
    clock::Clock,
    link::{CertificateKind, ClientTls, Network, tls},
    operator::{adapters, web},
    pics::SutKind,
    protocol::transfer::Protocol,
    services::{
        files::{FileServer, FileSetup, FilesError, is_loopback},
        pki::{KeyKind, Pki},
    },
    template::Names,
};

/// How long anything may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn look(subject: Subject<'_>, clock: Clock, findings: &mut Findings) {
    match subject.sut() {
        SutKind::ChargingStation => {
            // Held until all are tried, so that two of them that are the same are found.
            let first = bind("listen", &subject.bench.listen, findings).await;
            let second = match subject.bench.listen_second.as_str() {
                "" => {
                    let help = "name a second address: test cases migrate the station to it";
                    findings.warning(
                        "listen-second",
                        "none: test cases that need a second CSMS are inconclusive",
                        help,
                    );
                    None
                }
                address => bind("listen-second", address, findings).await,
            };
            host(subject, findings);
            files(subject, clock, findings).await;
            drop((first, second));
        }
        SutKind::Csms => {
            url(subject, clock, findings).await;
            files(subject, clock, findings).await;
        }
    }
    operator(subject, findings).await;
}

async fn bind(item: &str, address: &str, findings: &mut Findings) -> Option<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => {
            findings.ok(item, format!("{address} is free"));
            Some(listener)
        }
        Err(error) => {
            findings.problem(item, format!("{address} can't be bound: {error}"), bind_help(&error));
            None
        }
    }
}

fn bind_help(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => "another program or another address of the bench uses it; choose another port",
        std::io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one",
        std::io::ErrorKind::AddrNotAvailable => "this machine does not have that address; 0.0.0.0 means all addresses",
        _ => "write an address and a port: \"0.0.0.0:9000\"",
    }
}

/// The name that the station knows us by.
fn host(subject: Subject<'_>, findings: &mut Findings) {
    let host = subject.bench.host.as_str();
    if is_loopback(&subject.bench.listen) != is_loopback(host) {
        findings.warning(
            "host",
            format!("the station is told to connect to {host}, and we listen on {}", subject.bench.listen),
            "for a station on the network, listen on \"0.0.0.0:PORT\", and set `host` to this machine's name or address",
        );
        return;
    }
    match (host, 0).to_socket_addrs().map(|mut found| found.next()) {
        Ok(Some(_)) => findings.ok("host", host),
        _ => findings.warning(
            "host",
            format!("this machine can't resolve {host}"),
            "it is enough if the station can resolve it",
        ),
    }
}

/// The file server that a run would start.
async fn files(subject: Subject<'_>, clock: Clock, findings: &mut Findings) {
    let bench = subject.bench;
    let setup = FileSetup::of(bench, subject.pics);
    let beside = subject.pics.map(|pics| setup.for_logs(bench, pics)).unwrap_or_default();
    // Held until all are tried, so that two of them that are the same are found.
    let mut held = Vec::new();
    for setup in [setup].iter().chain(&beside) {
        held.extend(file_server(subject, setup, clock, findings).await);
    }
}

async fn file_server(
    subject: Subject<'_>,
    setup: &FileSetup,
    clock: Clock,
    findings: &mut Findings,
) -> Option<FileServer> {
    let bench = subject.bench;
    let item = match setup.protocol {
        Protocol::Http => "files".to_owned(),
        other => format!("files-{}", other.scheme()),
    };
    let identity = Pki::new(KeyKind::Ecdsa, clock.now().wall)
        .and_then(|pki| pki.server(CertificateKind::Valid, std::slice::from_ref(&bench.host)))
        .ok();
    let (protocol, address) = (setup.protocol, setup.listen.clone());
    let started = FileServer::start(setup, &Network::Tcp, identity, clock).await;
    match &started {
        Ok(_) if subject.sut() == SutKind::ChargingStation && setup.is_out_of_reach(bench) => {
            findings.problem(
                &item,
                format!("the {protocol} server listens on {address}, where only this machine reaches it"),
                format!("write an address at which the station reaches it: `{item}: \"0.0.0.0:PORT\"`"),
            );
        }
        Ok(_) => findings.ok(&item, format!("the {protocol} server can be started at {address}")),
        Err(FilesError::Bind(_, error)) => {
            let message = format!("the {protocol} server can't be started at {address}: {error}");
            match subject.sut() {
                SutKind::ChargingStation => findings.problem(&item, message, bind_help(error)),
                // Few test cases of a CSMS need it, and a run without them does not start it.
                SutKind::Csms => {
                    let message = format!("{message}; only test cases that transfer files or ask for OCSP need it");
                    findings.warning(&item, message, bind_help(error));
                }
            }
        }
        Err(error) => {
            let help =
                "set `file-protocol` to a protocol that both sides support, or use a build with the feature `files`";
            findings.problem(&item, error.to_string(), help);
        }
    }
    started.ok()
}

/// The CSMS under test: is somebody there, and is it who it should be?
async fn url(subject: Subject<'_>, clock: Clock, findings: &mut Findings) {
    let bench = subject.bench;
    let url = match Url::parse(&bench.url) {
        Ok(url) if ["ws", "wss"].contains(&url.scheme()) && url.has_host() => url,
        _ => {
            return findings.problem(
                "url",
                format!("invalid WebSocket URL {}", bench.url),
                "write wss://host:port/path",
            );
        }
    };
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        findings.warning(
            "url",
            "only its scheme, host, port and path are used",
            "leave out user and password, and what follows `?` or `#`",
        );
    }
    let secure = url.scheme() == "wss";
    if secure != (bench.security_profile >= 2) {
        let (is, wants) = if secure { ("wss", "2 or 3") } else { ("ws", "1 (0 in OCPP 1.6)") };
        findings.problem(
            "url",
            format!("{is} is security profile {wants}, and the bench starts with {}", bench.security_profile),
            "change one of them",
        );
    }
    let host = url.host_str().unwrap_or_default();
    let port = url.port().unwrap_or(if secure { 443 } else { 80 });
    let stream = match tokio::time::timeout(PATIENCE, Network::Tcp.connect(host, port)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            let help = "check that the CSMS is running and reachable";
            return findings.problem("url", format!("{host}:{port} can't be reached: {error}"), help);
        }
        Err(_) => {
            let help = "check for a firewall in between";
            return findings.problem("url", format!("{host}:{port} does not answer within 5 s"), help);
        }
    };
    if !secure {
        return findings.ok("url", format!("{host}:{port} accepts connections"));
    }
    let settings = ClientTls {
        roots: std::fs::read_to_string(&bench.root).ok(),
        identity: None,
        versions: Vec::new(),
        suites: Vec::new(),
    };
    match tokio::time::timeout(PATIENCE, tls::connect(stream, &settings, host, clock)).await {
        Ok(Ok((_, info))) => {
            let leaf = info.peer_chain.first().and_then(|pem| Certificate::first(pem));
            let until = leaf.map(|leaf| leaf.facts()["not_after"].as_str().unwrap_or_default().to_owned());
            let (version, until) = (info.version, until.unwrap_or_default());
            findings.ok("url", format!("{host}:{port} speaks TLS ({version}), with a certificate valid to {until}"));
        }
        Ok(Err(failure)) => findings.problem(
            "url",
            format!("{host}:{port} accepts connections, but the TLS handshake fails: {}", failure.words()),
            "check `root` and the CSMS's certificate: its dates, its names, its issuer",
        ),
        Err(_) => {
            findings.problem(
                "url",
                format!("{host}:{port} does not answer the TLS handshake"),
                "check that it is a TLS port",
            );
        }
    }
}

/// Who performs manual actions. Nothing is asked of anybody: an action can't be taken back.
async fn operator(subject: Subject<'_>, findings: &mut Findings) {
    let item = "operator";
    let Some(how) = subject.operator else { return requests(subject, findings).await };
    match web::address(how) {
        Some(Ok(address)) => {
            bind(item, &address.to_string(), findings).await;
            return;
        }
        Some(Err(why)) => return findings.problem(item, why, "write web, web:PORT or web:ADDR:PORT"),
        None => {}
    }
    if let Err(why) = adapters::parse(how, Duration::default()) {
        let help = "write prompt, web, exec:COMMAND or http://host:port/path";
        return findings.problem(item, why, help);
    }
    if let Some(command) = how.strip_prefix("exec:") {
        return match executable(command) {
            Ok(path) => findings.ok(item, format!("{path} can be executed")),
            Err(why) => {
                findings.problem(item, format!("{command}: {why}"), "name an executable file (chmod +x)");
            }
        };
    }
    if let Ok(url) = Url::parse(how) {
        service(item, &url, findings).await;
    }
}

/// A service that performs manual actions.
async fn service(item: &str, url: &Url, findings: &mut Findings) {
    let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or(80));
    let help = "start the service that performs manual actions";
    match tokio::time::timeout(PATIENCE, TcpStream::connect((host.trim_matches(['[', ']']), port))).await {
        Ok(Ok(_)) => findings.ok(item, format!("{host}:{port} accepts connections")),
        Ok(Err(error)) => findings.problem(item, format!("{host}:{port} can't be reached: {error}"), help),
        Err(_) => findings.problem(item, format!("{host}:{port} does not answer within 5 s"), help),
    }
}

/// The API that the bench itself names.
async fn requests(subject: Subject<'_>, findings: &mut Findings) {
    let Some(requests) = &subject.bench.operator else { return };
    let item = "operator.http";
    if !requests.root.is_empty() && std::fs::read_to_string(&requests.root).is_err() {
        findings.problem(item, format!("its root, {}, can't be read", requests.root), "name a PEM file");
    }
    for setting in requests.never_restored() {
        let word = setting.word();
        findings.warning(
            item,
            format!("it has a request that sets {word}, and none that restores it"),
            format!("write a request under `restore: {word}:`, or `not-needed` if the CSMS restores it by itself"),
        );
    }
    let mut names = Names::default();
    names.insert("env", Value::Object(requests.env.clone()));
    names.insert("bench", Value::Object(subject.bench.values.clone()));
    let base =
        requests.base.evaluate(&names).ok().and_then(|base| base.as_str().and_then(|base| Url::parse(base).ok()));
    match base.filter(Url::has_host) {
        Some(url) => service(item, &url, findings).await,
        None => {
            findings.warning(item, "its base can't be checked beforehand", "try one manual action by hand");
        }
    }
}

/// Where a command is, if it can be executed: as a path, or on the PATH.
fn executable(command: &str) -> Result<String, String> {
    let candidates: Vec<std::path::PathBuf> = if command.contains('/') {
        vec![command.into()]
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|folder| folder.join(command)).collect()
    };
    let mut why = "command not found".to_owned();
    for candidate in candidates {
        let Ok(metadata) = std::fs::metadata(&candidate) else { continue };
        #[cfg(unix)]
        let fit = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o111 != 0;
        #[cfg(not(unix))]
        let fit = true;
        if metadata.is_file() && fit {
            return Ok(candidate.display().to_string());
        }
        "it can't be executed".clone_into(&mut why);
    }
    Err(why)
}
