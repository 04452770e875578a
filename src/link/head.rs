//! The HTTP head that the SUT sent in a handshake, as it is told where the handshake fails: what it asked for or answered, without
//! secrets.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::network::BoxStream;

/// Most bytes that are kept for a look.
const MAX_KEPT: usize = 8 * 1024;
/// Most lines that are told, and most characters of each.
const MAX_LINES: usize = 40;
const MAX_LINE: usize = 200;
/// Headers whose values are secrets, or may be.
const SECRET: [&str; 6] =
    ["authorization", "proxy-authorization", "cookie", "set-cookie", "authentication-info", "www-authenticate"];

/// The first bytes that came over a stream.
#[derive(Debug, Clone, Default)]
pub struct Overheard(Arc<Mutex<Vec<u8>>>);

impl Overheard {
    /// The HTTP head in them, as far as it came; none where nothing came.
    pub fn head(&self) -> Option<String> {
        told(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps bytes that came.
    pub fn keep(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_KEPT.saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// The stream, whose first bytes are kept.
    pub fn over(&self, stream: BoxStream) -> BoxStream {
        Box::new(Overhearing { stream, kept: self.clone(), full: false })
    }
}

struct Overhearing {
    stream: BoxStream,
    kept: Overheard,
    full: bool,
}

impl AsyncRead for Overhearing {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if !self.full {
            self.kept.keep(buffer.filled().get(before..).unwrap_or_default());
            let kept = self.kept.0.lock().unwrap_or_else(PoisonError::into_inner);
            let full = kept.len() >= MAX_KEPT || ends(&kept);
            drop(kept);
            self.full = full;
        }
        read
    }
}

impl AsyncWrite for Overhearing {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn ends(bytes: &[u8]) -> bool {
    bytes.windows(4).any(|window| window == b"\r\n\r\n")
}

/// A head as text, a line for each of its lines; what may be a secret is left out.
pub fn told(bytes: &[u8]) -> Option<String> {
    if bytes.is_empty() {
        return None;
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
    let text = String::from_utf8_lossy(&bytes[..end]);
    let mut lines = text.lines();
    let mut told: Vec<String> = lines.by_ref().take(1).map(|line| shortened(&without_query(line))).collect();
    told.extend(lines.by_ref().take(MAX_LINES).map(|line| shortened(&concealed(line))));
    if lines.next().is_some() {
        told.push("…".into());
    }
    Some(told.join("\n"))
}

/// A request line without the values of a query, which may be tokens.
fn without_query(line: &str) -> String {
    let Some((path, rest)) = line.split_once('?') else { return line.to_owned() };
    let version = rest.rsplit_once(' ').map(|(_, version)| format!(" {version}")).unwrap_or_default();
    format!("{path}?(not shown){version}")
}

/// A header line; of a secret only the scheme. A line that is no header may belong to one before it.
fn concealed(line: &str) -> String {
    let header = line.split_once(':').filter(|_| !line.starts_with([' ', '\t']));
    let Some((name, value)) = header else { return "(not shown: no header)".into() };
    let plain = name.trim().to_ascii_lowercase();
    let secret = SECRET.contains(&plain.as_str())
        || ["token", "secret", "password", "api-key", "apikey"].iter().any(|word| plain.contains(word));
    if !secret {
        return line.to_owned();
    }
    let scheme = value.split_whitespace().next().filter(|scheme| ["Basic", "Bearer", "Digest"].contains(scheme));
    format!("{name}: {}(not shown)", scheme.map(|scheme| format!("{scheme} ")).unwrap_or_default())
}

fn shortened(line: &str) -> String {
    crate::yaml::shorten(line, MAX_LINE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_told_without_its_secrets() {
        let head = "GET /ocpp/CS1?token=abc HTTP/1.1\r\nHost: a\r\nauthorization: Basic Q1M6c2VjcmV0\r\nX-Api-Token: abc\r\n folded: abc\r\n\
                    Sec-WebSocket-Protocol: ocpp1.6, ocpp2.0\r\nrubbish abc\r\n\r\n[2,\"abc\"]";
        let told = told(head.as_bytes()).unwrap();
        assert_eq!(
            told.lines().collect::<Vec<_>>(),
            [
                "GET /ocpp/CS1?(not shown) HTTP/1.1",
                "Host: a",
                "authorization: Basic (not shown)",
                "X-Api-Token: (not shown)",
                "(not shown: no header)",
                "Sec-WebSocket-Protocol: ocpp1.6, ocpp2.0",
                "(not shown: no header)",
            ]
        );
    }

    #[test]
    fn a_long_head_has_an_end() {
        let many = format!("GET / HTTP/1.1\r\n{}", format!("A: {}\r\n", "b".repeat(10_000)).repeat(100));
        let told = told(many.as_bytes()).unwrap();
        assert_eq!(told.lines().count(), MAX_LINES + 2);
        assert!(told.lines().all(|line| line.chars().count() <= MAX_LINE));
        assert_eq!(super::told(b""), None);
    }
}
