//! HTTP and HTTPS.

use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header};
use hyper_util::rt::TokioIo;

use super::{Client, MAX_DOWNLOAD, Target, TransferError, patiently};
use crate::{link::tls, protocol::transfer::Protocol};

/// The type of what is transferred.
const FILE: &str = "application/octet-stream";
/// Longest answer of an OCSP responder that is read, bytes.
const MAX_STATUS: usize = 64 << 10;

/// Sends a request; the answer is whatever the server says.
async fn request(
    client: &Client,
    target: &Target,
    method: Method,
    kind: &str,
    body: Vec<u8>,
) -> Result<Response<Incoming>, TransferError> {
    let mut stream = patiently(client.network.connect(&target.host, target.port)).await?;
    if target.protocol == Protocol::Https {
        let handshake = async {
            let tls = tls::connect(stream, &client.tls(), &target.host, client.clock).await;
            tls.map_err(|failure| format!("{failure:?}"))
        };
        stream = patiently(handshake).await?.0;
    }
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(TransferError::failed)?;
    tokio::spawn(connection);
    let host = if target.host.contains(':') { format!("[{}]", target.host) } else { target.host.clone() };
    let mut request = Request::builder()
        .method(method.clone())
        .uri(if target.encoded.is_empty() { "/" } else { &target.encoded })
        .header(header::HOST, format!("{host}:{}", target.port))
        .header(header::CONTENT_TYPE, kind);
    // N01.FR.19
    if method == Method::POST && kind == FILE {
        let name = target.encoded.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        let disposition = format!("form-data; name=\"uploadfile\"; filename=\"{name}\"");
        request = request.header(header::CONTENT_DISPOSITION, disposition);
    }
    if !target.user.is_empty() {
        let plain = format!("{}:{}", target.user, target.password);
        let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
        request = request.header(header::AUTHORIZATION, format!("Basic {encoded}"));
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(TransferError::failed)?;
    sender.send_request(request).await.map_err(TransferError::failed)
}

/// Sends a request that is to succeed.
async fn exchange(
    client: &Client,
    target: &Target,
    method: Method,
    kind: &str,
    body: Vec<u8>,
) -> Result<Response<Incoming>, TransferError> {
    let response = request(client, target, method, kind, body).await?;
    match response.status() {
        status if status.is_success() => Ok(response),
        status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
            Err(TransferError::Denied(format!("HTTP {status}")))
        }
        status => Err(TransferError::Failed(format!("HTTP {status}"))),
    }
}

pub(super) async fn download(client: &Client, target: &Target) -> Result<Vec<u8>, TransferError> {
    let response = exchange(client, target, Method::GET, FILE, Vec::new()).await?;
    let body = Limited::new(response.into_body(), MAX_DOWNLOAD).collect().await.map_err(TransferError::failed)?;
    Ok(body.to_bytes().to_vec())
}

pub(super) async fn upload(client: &Client, target: &Target, content: Vec<u8>) -> Result<(), TransferError> {
    exchange(client, target, Method::PUT, FILE, content).await.map(|_| ())
}

/// The status with which a server answers a file: by POST, and by PUT where it takes no POST (OCPP, N01.FR.18).
pub(super) async fn status_of_upload(client: &Client, target: &Target, content: Vec<u8>) -> Result<u16, TransferError> {
    let posted = request(client, target, Method::POST, FILE, content.clone()).await?.status();
    if posted != StatusCode::METHOD_NOT_ALLOWED {
        return Ok(posted.as_u16());
    }
    request(client, target, Method::PUT, FILE, content).await.map(|response| response.status().as_u16())
}

/// Sends an OCSP request to a responder (RFC 6960, A.1); the answer is its response.
pub(super) async fn ask_status(client: &Client, target: &Target, request: Vec<u8>) -> Result<Vec<u8>, TransferError> {
    let response = exchange(client, target, Method::POST, "application/ocsp-request", request).await?;
    let body = Limited::new(response.into_body(), MAX_STATUS).collect().await.map_err(TransferError::failed)?;
    Ok(body.to_bytes().to_vec())
}
