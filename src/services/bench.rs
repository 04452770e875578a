//! Files: the server that the SUT fetches firmware from and sends logs to, and what belongs to them.
//!
//! It speaks HTTP over the run's [`Network`], so that a simulated run needs no socket. Uploads are kept in memory,
//! bounded, and never under a name that the SUT chose.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use aws_lc_rs::signature;
use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, service::service_fn};
use hyper_util::rt::TokioIo;
use url::Url;

use crate::link::Network;

/// Largest upload that is kept, bytes.
const MAX_UPLOAD: usize = 64 << 20;
/// Most uploads that are kept.
const MAX_UPLOADS: usize = 100;

/// What the file server has seen.
#[derive(Debug, Default)]
struct Seen {
    served: HashMap<String, Bytes>,
    downloads: HashMap<String, u32>,
    uploads: Vec<(String, usize)>,
}

/// A file server.
#[derive(Debug, Clone)]
pub struct FileServer {
    base: String,
    seen: Arc<Mutex<Seen>>,
}

impl FileServer {
    /// Binds and serves; `public` is the `host:port` that the SUT uses (empty: the bound address).
    pub async fn start(network: &Network, listen: &str, public: &str) -> std::io::Result<Self> {
        let mut listener = network.bind(listen).await?;
        let host = if public.is_empty() { listener.address() } else { public.to_owned() };
        let server = Self { base: format!("http://{host}"), seen: Arc::default() };
        let seen = server.seen.clone();
        tokio::spawn(async move {
            while let Ok(stream) = listener.accept().await {
                let seen = seen.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| handle(request, seen.clone()));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(server)
    }

    /// Offers a file, handed over only after so many seconds; the answer is its URL.
    pub fn offer(&self, name: &str, content: Vec<u8>, slow: u64) -> String {
        let path = format!("/firmware{}/{name}", slowly(slow));
        if let Ok(mut seen) = self.seen.lock() {
            seen.served.insert(path.clone(), content.into());
        }
        format!("{}{path}", self.base)
    }

    /// The folder to upload to, where an upload takes at least so many seconds.
    pub fn upload_location(&self, slow: u64) -> String {
        format!("{}/uploads{}", self.base, slowly(slow))
    }

    /// A folder that is not there.
    pub fn missing_location(&self) -> String {
        format!("{}/no-such-folder", self.base)
    }

    /// How often a URL was fetched.
    pub fn downloads(&self, url: &str) -> u32 {
        let path = url.strip_prefix(&self.base).unwrap_or(url);
        self.seen.lock().map_or(0, |seen| seen.downloads.get(path).copied().unwrap_or(0))
    }

    /// Names (as the SUT gave them, last path segment only) and sizes of what was uploaded.
    pub fn uploads(&self) -> Vec<(String, usize)> {
        self.seen.lock().map(|seen| seen.uploads.clone()).unwrap_or_default()
    }
}

/// The part of a path that makes a transfer take so many seconds.
fn slowly(seconds: u64) -> String {
    if seconds == 0 { String::new() } else { format!("/slow-{seconds}") }
}

/// How long a transfer to or from this path is to take.
fn slowness(path: &str) -> Duration {
    let seconds = path.split('/').find_map(|part| part.strip_prefix("slow-")?.parse::<u64>().ok());
    Duration::from_secs(seconds.unwrap_or(0).min(600))
}

async fn handle(
    request: Request<Incoming>,
    seen: Arc<Mutex<Seen>>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let path = request.uri().path().to_owned();
    let respond = |status: StatusCode, body: Bytes| {
        let mut response = Response::new(Full::new(body));
        *response.status_mut() = status;
        response
    };
    tokio::time::sleep(slowness(&path)).await;
    if *request.method() == Method::GET {
        let found = seen.lock().ok().and_then(|mut seen| {
            let content = seen.served.get(&path).cloned()?;
            *seen.downloads.entry(path).or_default() += 1;
            Some(content)
        });
        return Ok(
            found.map_or_else(|| respond(StatusCode::NOT_FOUND, Bytes::new()), |body| respond(StatusCode::OK, body))
        );
    }
    if !path.starts_with("/uploads") {
        return Ok(respond(StatusCode::NOT_FOUND, Bytes::new()));
    }
    if ![Method::PUT, Method::POST].contains(request.method()) {
        return Ok(respond(StatusCode::METHOD_NOT_ALLOWED, Bytes::new()));
    }
    let Ok(body) = Limited::new(request.into_body(), MAX_UPLOAD).collect().await else {
        return Ok(respond(StatusCode::PAYLOAD_TOO_LARGE, Bytes::new()));
    };
    let name: String = path.rsplit('/').next().unwrap_or("").chars().take(255).collect();
    if let Ok(mut seen) = seen.lock() {
        if seen.uploads.len() < MAX_UPLOADS {
            seen.uploads.push((name, body.to_bytes().len()));
        }
    }
    Ok(respond(StatusCode::CREATED, Bytes::new()))
}

async fn exchange(network: &Network, method: Method, url: &str, body: Vec<u8>) -> Result<Vec<u8>, String> {
    let url = Url::parse(url).map_err(|error| error.to_string())?;
    let host = url.host_str().unwrap_or_default();
    if url.scheme() != "http" {
        return Err(format!("{} is not supported", url.scheme()));
    }
    let port = url.port().unwrap_or(80);
    let stream = network.connect(host, port).await.map_err(|error| error.to_string())?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = Request::builder()
        .method(method)
        .uri(url.path())
        .header("Host", format!("{host}:{port}"))
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
    if !response.status().is_success() {
        return Err(format!("HTTP {}", response.status()));
    }
    let body = Limited::new(response.into_body(), MAX_UPLOAD).collect().await.map_err(|error| error.to_string())?;
    Ok(body.to_bytes().to_vec())
}

/// Fetches a file, as a station does.
pub async fn download(network: &Network, url: &str) -> Result<Vec<u8>, String> {
    exchange(network, Method::GET, url, Vec::new()).await
}

/// Sends a file, as a station does.
pub async fn upload(network: &Network, url: &str, content: Vec<u8>) -> Result<(), String> {
    exchange(network, Method::PUT, url, content).await.map(|_| ())
}

/// True when a firmware image's signature (base64) is the certificate's.
pub fn signature_is_valid(image: &[u8], signature_text: &str, certificate: &str) -> bool {
    let Ok((_, pem)) = x509_parser::pem::parse_x509_pem(certificate.as_bytes()) else { return false };
    let Ok(parsed) = pem.parse_x509() else { return false };
    let Ok(signature_bytes) = base64::engine::general_purpose::STANDARD.decode(signature_text) else { return false };
    let key = &parsed.public_key().subject_public_key.data;
    [&signature::ECDSA_P256_SHA256_ASN1 as &dyn signature::VerificationAlgorithm, &signature::RSA_PSS_2048_8192_SHA256]
        .into_iter()
        .any(|algorithm| signature::UnparsedPublicKey::new(algorithm, key).verify(image, &signature_bytes).is_ok())
}
