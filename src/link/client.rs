//! The station side of the link: one attempt to open a WebSocket at a CSMS.
//!
//! The HTTP upgrade is done by hand: a library client drops the stream when the answer lacks the sub-protocol, and
//! that very answer is what some test cases are about.

use base64::Engine as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::{client::generate_key, derive_accept_key},
        protocol::Role,
    },
};
use url::Url;

use super::{
    network::{BoxStream, Network},
    session, tls,
    types::{AttemptFailure, ClientPolicy, UpgradeRequest},
};
use crate::clock::Clock;

/// Time for TCP, TLS and the HTTP upgrade together.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
/// Longest HTTP response head.
const MAX_HEAD: usize = 16 * 1024;

/// An open WebSocket with what was asked for and the sub-protocol agreed on.
pub type Opened = (WebSocketStream<BoxStream>, UpgradeRequest, Option<String>);

/// Opens a WebSocket; certificates are judged by the clock's wall time.
pub async fn open(network: &Network, policy: &ClientPolicy, clock: Clock) -> Result<Opened, AttemptFailure> {
    open_through(network, policy, clock, |stream| stream, &mut None).await
}

/// The same over the stream that `wrap` puts in the place of the real one; the head of the answer is told in `head`.
pub(super) async fn open_through(
    network: &Network,
    policy: &ClientPolicy,
    clock: Clock,
    wrap: impl FnOnce(BoxStream) -> BoxStream,
    head: &mut Option<String>,
) -> Result<Opened, AttemptFailure> {
    let attempt = attempt(network, policy, clock, wrap, head);
    tokio::time::timeout(TIMEOUT, attempt).await.unwrap_or(Err(AttemptFailure::TimedOut))
}

async fn attempt(
    network: &Network,
    policy: &ClientPolicy,
    clock: Clock,
    wrap: impl FnOnce(BoxStream) -> BoxStream,
    head: &mut Option<String>,
) -> Result<Opened, AttemptFailure> {
    let unreachable = |why: String| AttemptFailure::Unreachable(why);
    let url = Url::parse(&policy.url).map_err(|error| unreachable(format!("{}: {error}", policy.url)))?;
    let host = url.host_str().ok_or_else(|| unreachable("the URL has no host".into()))?.to_owned();
    let secure = url.scheme() == "wss";
    let port = url.port().unwrap_or(if secure { 443 } else { 80 });
    let stream = wrap(network.connect(&host, port).await.map_err(|error| unreachable(error.to_string()))?);
    let (mut stream, info) = match (&policy.tls, secure) {
        (Some(tls), true) => {
            let (stream, info) = tls::connect(stream, tls, &host, clock).await?;
            (stream, Some(info))
        }
        (None, true) => return Err(unreachable("wss needs TLS settings".into())),
        (_, false) => (stream, None),
    };
    let path = format!("{}/{}", url.path().trim_end_matches('/'), percent_encoded(&policy.identity));
    let key = generate_key();
    let mut asked = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
    );
    if !policy.subprotocols.is_empty() {
        asked.push_str(&format!("Sec-WebSocket-Protocol: {}\r\n", policy.subprotocols.join(", ")));
    }
    if let Some((user, password)) = &policy.credentials {
        let plain = [user.as_bytes(), b":", &password.bytes()].concat();
        let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
        asked.push_str(&format!("Authorization: Basic {encoded}\r\n"));
    }
    asked.push_str("\r\n");
    // With TLS 1.3 the server judges our certificate only after our side of the handshake is done.
    let lost = |error: std::io::Error| {
        tls::alert(&error).map_or(AttemptFailure::ClosedBeforeUpgrade, |alert| {
            AttemptFailure::TlsRefusedBySut(format!("it sent the alert {alert} after our Finished"))
        })
    };
    // A server that has already hung up may have said why: writing may fail, reading then tells.
    let written = async {
        stream.write_all(asked.as_bytes()).await?;
        stream.flush().await
    };
    let unwritten = written.await.err();
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        *head = super::head::told(&bytes[..bytes.len().min(MAX_HEAD)]);
        if bytes.len() > MAX_HEAD {
            return Err(AttemptFailure::BadUpgrade(format!("the response head is longer than {MAX_HEAD} bytes")));
        }
        if stream.read_buf(&mut bytes).await.map_err(lost)? == 0 {
            return Err(unwritten.map_or(AttemptFailure::ClosedBeforeUpgrade, lost));
        }
    };
    *head = super::head::told(&bytes[..end]);
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut response = httparse::Response::new(&mut headers);
    response.parse(&bytes[..end]).map_err(|error| AttemptFailure::BadUpgrade(error.to_string()))?;
    let status = response.code.unwrap_or(0);
    if status != 101 {
        return Err(AttemptFailure::UpgradeRefusedBySut(status));
    }
    let subprotocol = judge(response.headers, &key, &policy.subprotocols).map_err(AttemptFailure::BadUpgrade)?;
    let rest = bytes[end..].to_vec();
    let config = session::config(policy.max_frame);
    let socket = WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config)).await;
    let request = UpgradeRequest {
        path,
        identity: Some(policy.identity.clone()),
        user: policy.credentials.as_ref().map(|(user, _)| user.clone()),
        password: None,
        subprotocols: policy.subprotocols.clone(),
        tls: info,
    };
    Ok((socket, request, subprotocol))
}

/// The sub-protocol that a 101 agrees on, or what is wrong with the answer.
fn judge(headers: &[httparse::Header<'_>], key: &str, offered: &[String]) -> Result<Option<String>, String> {
    let values = |name: &str| -> Vec<String> {
        let named = headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let texts = named.map(|header| String::from_utf8_lossy(header.value).into_owned());
        texts.flat_map(|text| text.split(',').map(|token| token.trim().to_owned()).collect::<Vec<_>>()).collect()
    };
    for (name, token) in [("Upgrade", "websocket"), ("Connection", "upgrade")] {
        if !values(name).iter().any(|value| value.eq_ignore_ascii_case(token)) {
            return Err(format!("`{name}: {token}` is missing"));
        }
    }
    if values("Sec-WebSocket-Accept") != [derive_accept_key(key.as_bytes())] {
        return Err("Sec-WebSocket-Accept is missing or wrong".into());
    }
    let extensions = values("Sec-WebSocket-Extensions");
    if !extensions.is_empty() {
        return Err(format!("the extension `{}` was not offered", extensions.join(", ")));
    }
    match values("Sec-WebSocket-Protocol").as_slice() {
        [] => Ok(None),
        [chosen] if offered.contains(chosen) => Ok(Some(chosen.clone())),
        other => Err(format!("the sub-protocol `{}` was not offered", other.join(", "))),
    }
}

/// What is encoded in a part of a URL: everything but the unreserved characters (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as part of a URL.
pub(crate) fn percent_encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_characters_stand_in_a_url_as_they_are() {
        assert_eq!(percent_encoded("CS 1-a_b.c~d/é%"), "CS%201-a_b.c~d%2F%C3%A9%25");
    }
}
