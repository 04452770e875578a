//! A charging station with one EVSE, built on the library `ocpp-charge-point` with its defaults. The library is the product
//! under test; this file is the least hardware that it can run on: connectors that always obey, a meter, and a service on
//! which the test bench asks for what a person would do at the station.

mod operator;

use std::{
    convert::Infallible,
    os::unix::process::CommandExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use clap::Parser;
use ocpp_charge_point::{
    ChargePointRuntime, connect_and_setup,
    executor::TokioExecutor,
    hardware::{
        Capabilities, ChargePoint, Connector, Evse, HardwareCommandReceiver, HardwareEventSender,
        execute_hardware_command,
    },
    provisioning::TokioBackoff,
};
use ocpp_client::{
    ConnectOptions,
    rustls::{
        ClientConfig, RootCertStore,
        pki_types::{CertificateDer, pem::PemObject as _},
    },
};
use tokio::sync::OnceCell;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Arguments of the station.
#[derive(Debug, Parser)]
struct Arguments {
    /// URL of the CSMS with the station's identity, e.g. wss://localhost:9000/ocpp/CS001
    url: String,
    /// Password for HTTP Basic authentication; the user is the identity
    #[arg(long, default_value = "")]
    password: String,
    /// Root certificate of the CSMS (PEM), for wss
    #[arg(long)]
    root: Option<std::path::PathBuf>,
    /// Where the test bench asks for manual actions
    #[arg(long, default_value = "127.0.0.1:9070")]
    operator: String,
    /// Leave index 0 of EVSEs and connectors unused: the library sends its indexes as OCPP's ids, which begin at 1
    #[arg(long)]
    spare_zero: bool,
}

/// A connector that obeys at once.
struct Obedient {
    closed: Arc<AtomicBool>,
}

#[async_trait]
impl Connector for Obedient {
    type Error = Infallible;

    async fn lock(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn unlock(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn close_contactor(&self) -> Result<(), Infallible> {
        self.closed.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn open_contactor(&self) -> Result<(), Infallible> {
        self.closed.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn set_current_limit(&self, _limit_ma: Option<u32>) -> Result<(), Infallible> {
        Ok(())
    }
}

/// An EVSE with one connector, and with `--spare-zero` another that nobody uses.
struct OneEvse {
    connectors: Vec<Obedient>,
}

#[async_trait]
impl Evse<Obedient> for OneEvse {
    type Error = Infallible;

    fn connectors(&self) -> &[Obedient] {
        &self.connectors
    }

    async fn reboot(&self) -> Result<(), Infallible> {
        reboot_soon();
        Ok(())
    }
}

/// The hardware of the station.
struct Hardware {
    evses: Vec<OneEvse>,
}

#[async_trait]
impl ChargePoint<OneEvse, Obedient> for Hardware {
    type StartError = Infallible;

    fn vendor_name(&self) -> &str {
        "Example"
    }

    fn model_name(&self) -> &str {
        "One EVSE"
    }

    fn evses(&self) -> &[OneEvse] {
        &self.evses
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
    }

    async fn start(
        self: Arc<Self>,
        events: HardwareEventSender,
        mut commands: HardwareCommandReceiver,
    ) -> Result<(), Infallible> {
        tokio::spawn(async move {
            while let Ok(command) = commands.recv().await {
                execute_hardware_command(self.evses(), command, &events).await;
            }
        });
        Ok(())
    }
}

/// Starts this program again in place of itself, as a power cycle would, after the answers under way have left.
fn reboot_soon() {
    tokio::spawn(async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let me = std::env::current_exe().unwrap_or_else(|_| "/proc/self/exe".into());
        let error = std::process::Command::new(me).args(std::env::args_os().skip(1)).exec();
        eprintln!("the station can't be started again: {error}");
        std::process::exit(1);
    });
}

/// TLS that trusts this root.
fn trusting(root: &std::path::Path) -> Result<Arc<ClientConfig>, Failure> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(root)? {
        roots.add(certificate?)?;
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// One attempt to reach the CSMS, with the library's defaults but for the password and the root.
async fn connect(arguments: &Arguments, closed: &Arc<AtomicBool>) -> Result<ChargePointRuntime<Hardware>, Failure> {
    let tls_config = arguments.root.as_deref().map(trusting).transpose()?;
    let identity = arguments.url.rsplit('/').next().unwrap_or_default();
    let options = (!arguments.password.is_empty() || tls_config.is_some()).then(|| ConnectOptions {
        username: Some(identity),
        password: Some(&arguments.password),
        tls_config,
        ..ConnectOptions::default()
    });
    let many = if arguments.spare_zero { 2 } else { 1 };
    let evse = || OneEvse { connectors: (0..many).map(|_| Obedient { closed: closed.clone() }).collect() };
    let hardware = Hardware { evses: (0..many).map(|_| evse()).collect() };
    Ok(connect_and_setup(hardware, &arguments.url, None, options, None, TokioExecutor, TokioBackoff).await?)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "error".into()))
        .with_writer(std::io::stderr)
        .init();
    let arguments = Arguments::parse();
    let closed = Arc::new(AtomicBool::new(false));
    let runtime = OnceCell::new();
    let index = usize::from(arguments.spare_zero);
    let connecting = async {
        // The library dials once and gives up; a station that is switched on before its CSMS goes on trying.
        while runtime.get().is_none() {
            match connect(&arguments, &closed).await {
                Ok(connected) => {
                    let _ = runtime.set(connected);
                    eprintln!("the station is connected to {}", arguments.url);
                }
                Err(error) => {
                    eprintln!("not connected: {error}");
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
        }
    };
    tokio::try_join!(operator::serve(&arguments.operator, &runtime, &closed, index), async {
        connecting.await;
        Ok(())
    })
    .map(|_| ())
}
