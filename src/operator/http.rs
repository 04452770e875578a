//! One HTTP request and its answer, over TCP or TLS.

use std::sync::OnceLock;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::rt::TokioIo;
use url::Url;

use crate::{
    certificate::pem,
    clock::Clock,
    link::{BoxStream, ClientTls, Network, tls},
};

/// Longest answer that is taken, bytes.
const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// The roots that the system trusts (on Unix also by `SSL_CERT_FILE` and `SSL_CERT_DIR`), PEM; empty where it has none. They are
/// read once.
fn system_roots() -> &'static str {
    static ROOTS: OnceLock<String> = OnceLock::new();
    ROOTS.get_or_init(|| {
        let roots = rustls_native_certs::load_native_certs().certs;
        roots.iter().map(|root| pem::write("CERTIFICATE", root)).collect()
    })
}

/// Sends a request and reads the answer: its status and its text. `roots` are what is trusted with `https`, PEM; without
/// them the system's are.
pub(super) async fn exchange(
    method: &str,
    url: &Url,
    headers: &[(String, String)],
    body: Vec<u8>,
    roots: Option<&str>,
) -> Result<(u16, String), String> {
    let host = url.host_str().ok_or("the URL has no host")?;
    let port = url.port_or_known_default().ok_or("the URL has no port")?;
    let stream = Network::Tcp.connect(host, port).await.map_err(|error| error.to_string())?;
    let stream = match url.scheme() {
        "http" => stream,
        "https" => secured(stream, host, roots).await?,
        other => return Err(format!("unsupported scheme `{other}`")),
    };
    let failed = |error: hyper::Error| error.to_string();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
    tokio::spawn(connection);
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let shown_port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let mut request = Request::builder().method(method).uri(target);
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request = request.header("Host", format!("{host}{shown_port}"));
    }
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status().as_u16();
    let mut body = response.into_body();
    let mut text = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(failed)?.into_data() else { continue };
        // Half an answer says something else than the whole.
        if text.len() + data.len() > MAX_ANSWER {
            return Err(format!("the answer is longer than {MAX_ANSWER} bytes"));
        }
        text.extend_from_slice(&data);
    }
    Ok((status, String::from_utf8_lossy(&text).into_owned()))
}

async fn secured(stream: BoxStream, host: &str, roots: Option<&str>) -> Result<BoxStream, String> {
    let roots = Some(roots.map_or_else(|| system_roots().to_owned(), str::to_owned))
        .filter(|roots| !roots.is_empty())
        .ok_or("this system has no root certificates: set `root` of `operator: http:` in the bench")?;
    let policy = ClientTls { roots: Some(roots), identity: None, versions: Vec::new(), suites: Vec::new() };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let (stream, _) = tls::connect(stream, &policy, name, Clock::start())
        .await
        .map_err(|failure| format!("the TLS handshake failed ({})", failure.words()))?;
    Ok(stream)
}

/// As much of an answer as a person wants to read.
pub(super) fn shown(text: &str) -> String {
    crate::yaml::shorten(text.trim(), 300)
}
