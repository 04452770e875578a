//! `ocpp-attest bench`: a bench file to begin with, and a look at one before it is used.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde::Serialize;

use super::{Format, Problem, TestCases, exit, given, print};
use crate::{
    bench::{
        Bench,
        starter::{self, Starter},
    },
    clock::Clock,
    link::{CertificateKind, Secret},
    pics::{Pics, Profile, SutKind, reader},
    preflight::{self, Finding, Level, Planned, Subject},
    runner, selection,
    services::pki::{KeyKind, Pki},
    testcase::library::Library,
};

/// Arguments of `bench`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check a bench before a run: addresses, certificates, tokens, times, the operator
    ///
    /// Exit status: 0 no problems (there may be warnings), 2 at least one problem.
    Check(Check),
    /// Write a commented bench file with fresh certificates
    Init(Init),
}

#[derive(Debug, Args)]
struct Check {
    /// The bench file
    file: PathBuf,
    /// The PICS of the product, to compare the bench with
    #[arg(long, value_name = "FILE")]
    pics: Option<PathBuf>,
    /// Who performs manual actions, as in `run`
    #[arg(long, value_name = "HOW")]
    operator: Option<String>,
    /// Basic authentication password, overrides the bench; prefer the environment variable
    #[arg(long, value_name = "TEXT", env = "OCPP_ATTEST_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    /// Password of the file servers, overrides the bench; prefer the environment variable
    #[arg(long, value_name = "TEXT", env = "OCPP_ATTEST_FILE_PASSWORD", hide_env_values = true)]
    file_password: Option<String>,
    /// How to print
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Args)]
struct Init {
    /// The PICS of the product
    #[arg(long, value_name = "FILE")]
    pics: Option<PathBuf>,
    /// The folder for bench.yaml and the authority
    #[arg(long, value_name = "DIR", default_value = "bench")]
    out: PathBuf,
    /// Of a station under test: the name or address by which it reaches this machine
    #[arg(long, default_value = "localhost")]
    host: String,
    /// Of a station under test: the port where it finds us; the next one and N+80 (files; N+443, N+21, N+990 or N+22 by other protocols)
    /// are used, too
    #[arg(long, value_name = "N", default_value_t = Starter::PORT, value_parser = clap::value_parser!(u16).range(1..=64_000))]
    port: u16,
    /// Of a CSMS under test: its URL, without the identity
    #[arg(long, default_value = "wss://127.0.0.1:9000/ocpp")]
    url: String,
    /// Write times that suit a simulator, which does everything at once, instead of those for a real product
    #[arg(long)]
    fast: bool,
    /// Replace existing files, including the authority's keys: products then need the new root
    #[arg(long)]
    force: bool,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, test_cases: &TestCases) -> Result<u8, Problem> {
    match &arguments.command {
        Command::Check(check) => look(check, test_cases),
        Command::Init(init) => write(init),
    }
}

fn pics(file: Option<&Path>) -> Result<Option<Pics>, Problem> {
    Ok(file.map(reader::read).transpose()?)
}

#[derive(Serialize)]
struct Report<'r> {
    format: u32,
    verdict: Level,
    findings: &'r [Finding],
}

/// The test cases that apply to a product.
fn planned(pics: &Pics, test_cases: &TestCases) -> Result<Planned, Problem> {
    let catalogue = test_cases.of(pics.ocpp)?;
    let plan = selection::plan(pics, &catalogue);
    let ids: HashSet<&str> = plan.iter().filter(|entry| entry.applicable).map(|entry| entry.id.as_str()).collect();
    let library = Library::of(&catalogue, pics.sut, &ids)?;
    Ok(Planned { library, ids: ids.into_iter().map(str::to_owned).collect() })
}

fn look(check: &Check, test_cases: &TestCases) -> Result<u8, Problem> {
    let pics = pics(check.pics.as_deref())?;
    let planned = pics.as_ref().map(|pics| planned(pics, test_cases)).transpose()?;
    let mut bench = Bench::read(&check.file)?;
    if let Some(password) = given(check.password.as_deref()) {
        bench.password = Secret::new(password);
    }
    bench.take_file_password(given(check.file_password.as_deref()))?;
    let subject =
        Subject { bench: &bench, pics: pics.as_ref(), operator: check.operator.as_deref(), planned: planned.as_ref() };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::Own(error.to_string()))?;
    let findings = runtime.block_on(async { preflight::look(subject, Clock::start()).await });
    let worst = findings.iter().map(|finding| finding.level).max().unwrap_or(Level::Ok);
    match check.format {
        Format::Text => print(&text(&findings)),
        Format::Json => {
            let report = Report { format: 1, verdict: worst, findings: &findings };
            let json = serde_json::to_string_pretty(&report).map_err(|error| Problem::Own(error.to_string()))?;
            print(&(json + "\n"));
        }
    }
    Ok(if worst == Level::Problem { exit::WRONG_INPUT } else { exit::OK })
}

fn text(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        text.push_str(&format!("{:<9} {:<22} {}\n", finding.level.word(), finding.item, finding.message));
        if let Some(help) = &finding.help {
            text.push_str(&format!("{:32} → {help}\n", ""));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    let (problems, warnings) = (count(Level::Problem), count(Level::Warning));
    let plural = |count: usize, one: &str| if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") };
    text.push_str(&format!("\n{}, {}\n", plural(problems, "problem"), plural(warnings, "warning")));
    text
}

/// Writes a file that only its owner can read.
fn private(path: &Path, content: &str) -> Result<(), Problem> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| {
        Problem::Input(format!("{}: {error}", path.display()), "name another folder with --out".into())
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).and_then(|mut file| file.write_all(content.as_bytes())).map_err(failed)
}

fn write(init: &Init) -> Result<u8, Problem> {
    let pics = pics(init.pics.as_deref())?;
    let sut = pics.as_ref().map_or(SutKind::ChargingStation, |pics| pics.sut);
    let url_is_fit =
        url::Url::parse(&init.url).is_ok_and(|url| ["ws", "wss"].contains(&url.scheme()) && url.has_host());
    if !url_is_fit {
        return Err(Problem::Input(
            format!("invalid WebSocket URL `{}`", init.url),
            "write wss://host:port/path".into(),
        ));
    }
    let (file, authority) = (init.out.join("bench.yaml"), init.out.join("authority"));
    let certificates = ["root", "manufacturer", "station"];
    let names = certificates.iter().flat_map(|name| [format!("{name}.pem"), format!("{name}.key")]);
    let places: Vec<PathBuf> = std::iter::once(file.clone()).chain(names.map(|name| authority.join(name))).collect();
    let there: Vec<&PathBuf> = places.iter().filter(|path| path.exists()).collect();
    if let Some(first) = there.first().filter(|_| !init.force) {
        return Err(Problem::Input(
            format!("{} already exists", first.display()),
            "name another folder with --out, or use --force to replace the files, including keys".into(),
        ));
    }
    let failed = |path: &Path, error: std::io::Error| {
        Problem::Input(format!("{}: {error}", path.display()), "name another folder with --out".into())
    };
    for path in there {
        std::fs::remove_file(path).map_err(|error| failed(path, error))?;
    }
    std::fs::create_dir_all(&authority).map_err(|error| failed(&authority, error))?;
    let own = |error: crate::services::pki::PkiError| Problem::Own(error.to_string());
    let kind = pics.as_ref().map_or(KeyKind::Ecdsa, runner::key_kind);
    let pki = Pki::kept(&authority, kind, jiff::Timestamp::now()).map_err(own)?;
    let password = starter::password();
    let starter = Starter {
        pics: pics.as_ref(),
        sut,
        host: &init.host,
        port: init.port,
        url: &init.url,
        authority: Path::new("authority"),
        password: &password,
        fast: init.fast,
    };
    private(&file, &starter.text())?;
    let advanced = pics.as_ref().is_none_or(|pics| pics.has_profile(Profile::ADVANCED_SECURITY));
    let whose = match sut {
        SutKind::ChargingStation => "the root that the station must trust, from security profile 2 on",
        SutKind::Csms if advanced => {
            "the root that the CSMS must trust for stations with certificates (security profile 3)"
        }
        SutKind::Csms => "our root; the CSMS needs it only for security profile 3, which its PICS does not claim",
    };
    let mut said = format!(
        "{}: the bench; review it, then run: ocpp-attest bench check {}\n{}: {whose}\n",
        file.display(),
        file.display(),
        authority.join("root.pem").display(),
    );
    if let Some(pics) =
        pics.as_ref().filter(|pics| sut == SutKind::ChargingStation && pics.has_profile(Profile::ADVANCED_SECURITY))
    {
        let station = pki.client(CertificateKind::Valid, "CS001", &pics.product.vendor).map_err(own)?;
        let (certificate, key) = (authority.join("station.pem"), authority.join("station.key"));
        private(&key, station.key.expose())?;
        std::fs::write(&certificate, &station.chain).map_err(|error| failed(&certificate, error))?;
        said.push_str(&format!(
            "{}: the station's certificate for security profile 3, with its key\n",
            certificate.display()
        ));
    }
    print(&said);
    Ok(exit::OK)
}
