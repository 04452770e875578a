//! File transfers of a run: the server that bench and PICS choose, and the firmware that is served.

use std::{pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    error::EnvironmentError,
    guarded_logs::{self, GuardedLogs},
};
use crate::{
    bench::Bench,
    certificate::ocsp::OcspResponder,
    clock::Clock,
    link::{CertificateKind, Identity, Network, Secret},
    pics::{Pics, SutKind},
    services::{
        files::{FileServer, FileSetup, FilesError, Store, Upload, path_of},
        firmware::{self, Firmware},
        pki::Pki,
        transfer::Client,
    },
    testcase::{
        library::Library,
        model::{Step, TestCase},
        service::{Image as ServedImage, Service, Signature},
    },
};

/// The file server's name in a run in memory.
const HOST: &str = "files.attest.test";
/// How long our station may take for a transfer.
const PATIENCE: Duration = Duration::from_mins(2);
/// What a bench without the vendor's firmware is told.
const NO_FIRMWARE: &str = "the bench has no vendor firmware: set firmware.image, firmware.signature and firmware.certificate (or firmware.made, for a product that installs any image)";
const NO_BROKEN_FIRMWARE: &str = "the bench has no correctly signed firmware that can't be installed: set firmware.broken-image, firmware.broken-signature and firmware.broken-certificate (or firmware.made, for a product that checks only the signature before it installs)";
/// What a bench is told whose file server speaks no HTTP.
const NO_RESPONDER: &str = "the OCSP responder needs the file server over HTTP: set file-protocol to HTTP";

/// A transfer of our station under way.
pub(super) type Transfer = Pin<Box<dyn Future<Output = Result<Value, String>> + Send>>;

/// Where no test case of the plan needs the server.
const NOT_WANTED: &str = "the plan has no test case that needs the file server, so it was not started";
/// The services that the file server does.
const SERVED: [&str; 7] = ["firmware", "downloads", "log", GUARDED, "uploads", "ocsp-responder", "ocsp-requests"];
const GUARDED: &str = "guarded-log";

/// What servers a plan needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The file server.
    server: bool,
    /// Places that let in only who has the password.
    guarded: bool,
}

/// What these test cases ask of servers, themselves or by the states that they run.
pub(super) fn are_wanted<'c>(cases: impl Iterator<Item = &'c Arc<TestCase>>, library: &'c Library) -> Wanted {
    let mut wanted = Wanted::default();
    let steps = cases.flat_map(|case| case.before.iter().chain(&case.after).chain(case.steps.iter().flatten()));
    for service in library.reached(steps).into_iter().filter_map(Step::service) {
        wanted.server |= SERVED.contains(&service.name);
        wanted.guarded |= service.name == GUARDED;
    }
    wanted
}

/// Transfers of a run. Clones share the server.
#[derive(Debug, Clone)]
pub struct Files {
    /// Or why there is no server.
    server: Result<FileServer, String>,
    firmware: Firmware,
    /// With what our station transfers.
    client: Client,
    sut: SutKind,
    /// What the servers have received.
    store: Store,
    guarded: Option<GuardedLogs>,
    /// The test case under way.
    pub(super) test_case: String,
}

impl Files {
    pub(super) async fn start(
        pics: &Pics,
        bench: &Bench,
        network: &Network,
        pki: &Pki,
        roots: Option<&str>,
        clock: Clock,
        wanted: Wanted,
    ) -> Result<Self, EnvironmentError> {
        let simulated = matches!(network, Network::Memory(_));
        let setup = if simulated { FileSetup::in_memory(bench, pics, HOST) } else { FileSetup::of(bench, pics) };
        let firmware = if simulated {
            Firmware { made: true, ..Firmware::default() }
        } else {
            let read = Firmware::read(bench)?;
            // What a CSMS hands on is nothing to it.
            Firmware { made: read.made || pics.sut == SutKind::Csms, ..read }
        };
        let server = if wanted.server {
            let identity = if setup.protocol.has_tls() { Some(identity(pics.sut, bench, pki)?) } else { None };
            match FileServer::start(&setup, network, identity, clock).await {
                Ok(server) => Ok(server),
                Err(FilesError::Bind(address, error)) => return Err(EnvironmentError::Bind(address, error)),
                Err(other) => Err(other.to_string()),
            }
        } else {
            Err(NOT_WANTED.to_owned())
        };
        // Our own server is one that our station trusts.
        let roots = roots.map(|roots| format!("{roots}\n{}", pki.root_pem()));
        let client = Client { network: network.clone(), roots, clock };
        let guarded = if wanted.guarded {
            let (main, identity) = (server.as_ref().ok(), identity(pics.sut, bench, pki)?);
            Some(GuardedLogs::new(pics.sut, bench, &setup, main, network, identity, clock))
        } else {
            None
        };
        let store = setup.store;
        Ok(Self { server, firmware, client, sut: pics.sut, store, guarded, test_case: String::new() })
    }

    /// The SUT trusts another root now.
    pub(super) fn root_changed(&self, sut: SutKind, bench: &Bench, pki: &Pki) -> Result<(), EnvironmentError> {
        if let Some(server) = self.server.as_ref().ok().filter(|server| server.protocol().has_tls()) {
            server.show(identity(sut, bench, pki)?);
        }
        if let Some(guarded) = &self.guarded {
            guarded.show(identity(sut, bench, pki)?);
        }
        Ok(())
    }

    pub(super) fn secrets(&self) -> Vec<Secret> {
        let mut secrets = self.server.as_ref().map(FileServer::secrets).unwrap_or_default();
        secrets.extend(self.guarded.as_ref().map(GuardedLogs::secret));
        secrets
    }

    /// What has arrived for a test case (or for any) since this was asked for the last time.
    pub(super) fn collect(&self, test_case: Option<&str>) -> Vec<Upload> {
        let arrived = self.store.collect(test_case);
        // Where we are the station, it is our own.
        if self.sut == SutKind::Csms { Vec::new() } else { arrived }
    }

    /// Does what a test case asks; `None` when it is nothing about files.
    pub(super) fn serve(&self, service: &Service, pki: &Pki) -> Option<Result<Value, String>> {
        match service {
            Service::Firmware { signature, image, certificate, slow } => {
                Some(self.offer(*signature, *image, *certificate, *slow, pki))
            }
            Service::Downloads { location } => {
                Some(self.server().map(|server| json!({ "count": server.downloads(location) })))
            }
            Service::Log { slow } => Some(self.server().map(|server| {
                let location = server.upload_location(&self.test_case, *slow);
                let moved = server.moved_location(&location);
                json!({ "location": location, "missing": server.missing_location(), "moved": moved })
            })),
            Service::Uploads { location } => {
                let arrived = self.store.received(&path_of(location));
                let names: Vec<&String> = arrived.iter().map(|(name, _)| name).collect();
                let sizes: Vec<u64> = arrived.iter().map(|(_, size)| *size).collect();
                Some(Ok(json!({ "count": arrived.len(), "names": names, "sizes": sizes })))
            }
            _ => None,
        }
    }

    /// What our station does with files at a place that the CSMS under test names; `None` when it is nothing of the kind.
    ///
    /// Part 6 asks for what the station says, not for the transfer, so that a failure is told (`failed`) and decides nothing.
    pub(super) fn transfer(&self, service: &Service) -> Option<Transfer> {
        let client = self.client.clone();
        let transfer: Pin<Box<dyn Future<Output = Result<usize, String>> + Send>> = match service {
            Service::Fetch { location } => {
                let location = location.clone();
                Box::pin(async move {
                    let image = client.download(&location).await;
                    image.map(|image| image.len()).map_err(|error| format!("the firmware was not downloaded: {error}"))
                })
            }
            Service::Deliver { location } => {
                let location = location.clone();
                let name = format!("{}.log", self.test_case);
                let content = format!("log of our station, for {}\n", self.test_case).into_bytes();
                let size = content.len();
                Box::pin(async move {
                    let sent = client.upload(&location, &name, content).await;
                    sent.map(|()| size).map_err(|error| format!("the log was not uploaded: {error}"))
                })
            }
            Service::GuardedLog { secure } => {
                let (guarded, secure, test_case) = (self.guarded.clone(), *secure, self.test_case.clone());
                return Some(Box::pin(async move {
                    let guarded = guarded.ok_or_else(|| NOT_WANTED.to_owned())?;
                    Ok(json!({ "location": guarded.location(secure, &test_case).await? }))
                }));
            }
            Service::UploadStatus { location, anonymous } => {
                let (location, anonymous) = (location.clone(), *anonymous);
                let name = format!("{}.log", self.test_case);
                let content = format!("log of our station, for {}\n", self.test_case).into_bytes();
                return Some(Box::pin(async move {
                    Ok(match client.status_of_upload(&location, &name, content, anonymous).await {
                        Ok(status) => json!({ "status": status }),
                        Err(problem) => json!({ "problem": problem.to_string() }),
                    })
                }));
            }
            _ => return None,
        };
        Some(Box::pin(async move {
            let done = tokio::time::timeout(PATIENCE, transfer).await;
            Ok(match done.unwrap_or_else(|_| Err(format!("it was not transferred within {} s", PATIENCE.as_secs()))) {
                Ok(size) => json!({ "size": size }),
                Err(failed) => json!({ "failed": failed }),
            })
        }))
    }

    /// The OCSP responder, and its URL.
    pub(super) fn responder(&self) -> Result<(&OcspResponder, String), String> {
        self.server()?.responder().ok_or_else(|| NO_RESPONDER.to_owned())
    }

    fn server(&self) -> Result<&FileServer, String> {
        self.server.as_ref().map_err(Clone::clone)
    }

    fn offer(
        &self,
        signature: Signature,
        image: ServedImage,
        kind: CertificateKind,
        slow: u64,
        pki: &Pki,
    ) -> Result<Value, String> {
        let server = self.server()?;
        // `broken`: signed all right, but nothing that a station could run.
        let broken = image == ServedImage::Broken;
        let known = if broken { &self.firmware.broken } else { &self.firmware.good };
        let image = match known {
            Some(image) if kind == CertificateKind::Valid => image.clone(),
            // What nobody may accept need not be the vendor's.
            _ if kind != CertificateKind::Valid || self.firmware.made => {
                firmware::made(pki, broken, kind).map_err(|error| error.to_string())?
            }
            _ => return Err((if broken { NO_BROKEN_FIRMWARE } else { NO_FIRMWARE }).into()),
        };
        let signature = match signature {
            Signature::Invalid => image.wrong_signature(),
            Signature::Valid => image.signature.clone(),
        };
        let location = server.offer(&image.name, Bytes::clone(&image.content), slow);
        Ok(json!({ "location": location, "signature": signature, "signing_certificate": image.certificate }))
    }
}

/// What the server shows to clients that speak TLS: the certificate of the bench's CSMS, or one of our authority.
fn identity(sut: SutKind, bench: &Bench, pki: &Pki) -> Result<Identity, EnvironmentError> {
    if sut == SutKind::ChargingStation && !bench.certificate.is_empty() {
        let read =
            |path: &str| std::fs::read_to_string(path).map_err(|error| EnvironmentError::File(path.to_owned(), error));
        return Ok(Identity { chain: read(&bench.certificate)?, key: Secret::new(read(&bench.key)?) });
    }
    let told = url::Url::parse(&format!("ocpp://{}", bench.files.host));
    let told = told.ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    let mut names = vec![
        HOST.to_owned(),
        guarded_logs::HOST.to_owned(),
        bench.host.clone(),
        told,
        "localhost".into(),
        "127.0.0.1".into(),
    ];
    names.retain(|name| !name.is_empty());
    names.sort();
    names.dedup();
    Ok(pki.server(CertificateKind::Valid, &names)?)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{protocol::Version, testcase::catalogue::Catalogue};

    #[test]
    fn the_server_is_wanted_by_what_transfers_files_itself_or_by_a_state() {
        let catalogue = Catalogue::embedded(Version::V2_1).unwrap();
        for (sut, id, server, guarded) in [
            (SutKind::ChargingStation, "TC_B_06_CS", false, false),
            (SutKind::ChargingStation, "TC_L_01_CS", true, false),
            (SutKind::ChargingStation, "TC_N_103_CS", true, true),
            (SutKind::Csms, "TC_B_01_CSMS", false, false),
            (SutKind::Csms, "TC_M_24_CSMS", true, false),
        ] {
            let library = Library::of(&catalogue, sut, &HashSet::from([id])).unwrap();
            assert_eq!(are_wanted(library.cases.values(), &library), Wanted { server, guarded }, "{id}");
        }
    }
}
