//! Looks at a ClientHello before anyone answers it: rustls tells the suites, but not the versions, and refuses old
//! hellos before showing them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::{
    network::BoxStream,
    types::{AttemptFailure, HelloInfo, TlsVersion},
};

/// Longest first flight that is read for a look.
const MAX_PEEK: usize = 18 * 1024;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: u16 = 0;
const SUPPORTED_VERSIONS: u16 = 43;

/// Reads the records that hold the ClientHello; what was read is handed on with the stream.
///
/// # Errors
/// Where the stream ended before the ClientHello was whole.
pub async fn peek(mut stream: BoxStream) -> Result<(Option<HelloInfo>, Prefixed), AttemptFailure> {
    let mut bytes = Vec::with_capacity(512);
    while !complete(&bytes) && bytes.len() <= MAX_PEEK {
        let how = match stream.read_buf(&mut bytes).await {
            Ok(0) => "closed".to_owned(),
            Ok(_) => continue,
            Err(error) => format!("broken ({})", error.kind()),
        };
        return Err(AttemptFailure::NoClientHello(match bytes.len() {
            0 => format!("the TCP connection was {how} without a single byte from the SUT"),
            count => format!("the TCP connection was {how} after {count} bytes, before the ClientHello was whole"),
        }));
    }
    Ok((parse(&bytes), Prefixed { prefix: bytes, at: 0, stream }))
}

/// What the handshake records in these bytes carry; a message may lie in several of them. The flag says whether
/// something else than a whole handshake record follows.
fn handshake(mut bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut message = Vec::new();
    while let [kind, _, _, high, low, rest @ ..] = bytes {
        if *kind != HANDSHAKE {
            return (message, true);
        }
        let Some((record, rest)) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))) else { break };
        message.extend_from_slice(record);
        bytes = rest;
    }
    (message, false)
}

/// The ClientHello in a handshake stream, once it is whole.
fn client_hello(message: &[u8]) -> Option<&[u8]> {
    let [CLIENT_HELLO, high, middle, low, rest @ ..] = message else { return None };
    rest.get(..u32::from_be_bytes([0, *high, *middle, *low]) as usize)
}

/// True when reading on would not make more of it.
fn complete(bytes: &[u8]) -> bool {
    let (message, foreign) = handshake(bytes);
    foreign || message.first().is_some_and(|kind| *kind != CLIENT_HELLO) || client_hello(&message).is_some()
}

fn parse(bytes: &[u8]) -> Option<HelloInfo> {
    let (message, _) = handshake(bytes);
    let (_, hello) = tls_parser::parse_tls_handshake_client_hello(client_hello(&message)?).ok()?;
    let suites = hello
        .ciphers
        .iter()
        .map(|id| id.get_ciphersuite().map_or_else(|| format!("0x{:04x}", id.0), |suite| suite.name.to_owned()));
    let extensions = hello.ext.unwrap_or_default();
    let offered = extension(extensions, SUPPORTED_VERSIONS).and_then(|content| content.get(1..)).unwrap_or_default();
    let mut versions: Vec<TlsVersion> =
        offered.as_chunks().0.iter().filter_map(|pair| version(u16::from_be_bytes(*pair))).collect();
    if versions.is_empty() {
        versions.extend(version(hello.version.0));
    }
    versions.sort_unstable_by(|a, b| b.cmp(a));
    versions.dedup();
    let server_name = extension(extensions, SERVER_NAME).and_then(host_name);
    Some(HelloInfo { versions, suites: suites.collect(), server_name })
}

/// The content of an extension. Read by hand, so that a malformed one does not hide those after it.
fn extension(mut extensions: &[u8], wanted: u16) -> Option<&[u8]> {
    while let [kind_high, kind_low, high, low, rest @ ..] = extensions {
        let (content, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        if u16::from_be_bytes([*kind_high, *kind_low]) == wanted {
            return Some(content);
        }
        extensions = rest;
    }
    None
}

/// The first name of a server name extension: list length (2), kind (1, 0 being a host name), length (2), name.
fn host_name(content: &[u8]) -> Option<String> {
    let [_, _, 0, high, low, rest @ ..] = content else { return None };
    let name = rest.get(..usize::from(u16::from_be_bytes([*high, *low])))?;
    Some(String::from_utf8_lossy(name).chars().take(255).collect())
}

fn version(wire: u16) -> Option<TlsVersion> {
    match wire {
        0x0300 => Some(TlsVersion::Ssl3),
        0x0301 => Some(TlsVersion::V1_0),
        0x0302 => Some(TlsVersion::V1_1),
        0x0303 => Some(TlsVersion::V1_2),
        0x0304 => Some(TlsVersion::V1_3),
        _ => None,
    }
}

/// A stream that first yields the bytes that were read ahead.
pub struct Prefixed {
    prefix: Vec<u8>,
    at: usize,
    stream: BoxStream,
}

impl Prefixed {
    /// The bytes that were read ahead.
    pub fn read_ahead(&self) -> &[u8] {
        &self.prefix
    }

    /// A stream with bytes read ahead of it.
    pub fn new(prefix: Vec<u8>, stream: BoxStream) -> Self {
        Self { prefix, at: 0, stream }
    }
}

impl AsyncRead for Prefixed {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.at < self.prefix.len() {
            let count = buffer.remaining().min(self.prefix.len() - self.at);
            let end = self.at + count;
            buffer.put_slice(&self.prefix[self.at..end]);
            self.at = end;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Prefixed {
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

/// True for the name of a cipher suite that IANA has registered.
pub fn is_cipher_suite(name: &str) -> bool {
    tls_parser::TlsCipherSuite::from_name(name).is_some()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::AsyncWriteExt;

    use super::*;

    /// A hello as a TLS 1.3 client says it.
    fn hello() -> Vec<u8> {
        let mut extensions = vec![0x12, 0x34, 0, 1, 7]; // of no known kind
        extensions.extend([0, 0, 0, 14, 0, 12, 0, 0, 9]);
        extensions.extend(b"csms.test");
        extensions.extend([0, 10, 0, 1, 0xff]); // supported groups, malformed
        extensions.extend([0, 43, 0, 7, 6, 0x7a, 0x7a, 3, 4, 3, 3]); // the first is GREASE
        let mut body = vec![3, 3];
        body.extend([9; 32]);
        body.extend([0, 0, 6, 0x13, 0x01, 0xc0, 0x2b, 0x0a, 0x0a, 1, 0]);
        body.extend(u16::try_from(extensions.len()).unwrap().to_be_bytes());
        body.extend(extensions);
        let mut message = vec![1, 0];
        message.extend(u16::try_from(body.len()).unwrap().to_be_bytes());
        message.extend(body);
        message
    }

    /// The message in records of this size.
    fn records(message: &[u8], size: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in message.chunks(size) {
            bytes.extend([22, 3, 1]);
            bytes.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
            bytes.extend(part);
        }
        bytes
    }

    #[tokio::test(start_paused = true)]
    async fn a_hello_is_read_whole_however_it_is_cut_and_handed_on_untouched() {
        for size in [10_000, 64, 5, 1] {
            let mut sent = records(&hello(), size);
            sent.extend(b"and more");
            let (mut client, server) = tokio::io::duplex(16);
            let server: BoxStream = Box::new(server);
            let writing = async {
                client.write_all(&sent).await.unwrap();
                drop(client);
            };
            let reading = async {
                let (info, mut stream) = peek(server).await.unwrap();
                let mut whole = Vec::new();
                stream.read_to_end(&mut whole).await.unwrap();
                (info.unwrap(), whole)
            };
            let ((), (info, whole)) = tokio::join!(writing, reading);
            assert_eq!(whole, sent);
            assert_eq!(info.versions, [TlsVersion::V1_3, TlsVersion::V1_2]);
            let suites = ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "0x0a0a"];
            assert_eq!(info.suites, suites);
            assert_eq!(info.server_name.as_deref(), Some("csms.test"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_tls_is_not_waited_for() {
        for first in ["GET / HTTP/1.1\r\n", "\u{16}\u{3}\u{1}\0\u{1}\u{2}"] {
            let (mut client, server) = tokio::io::duplex(64);
            client.write_all(first.as_bytes()).await.unwrap();
            let looking = tokio::time::timeout(std::time::Duration::from_secs(1), peek(Box::new(server)));
            assert_eq!(looking.await.expect("no waiting").unwrap().0, None);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0..140_usize, byte: u8, cut in 0..160_usize, noise: Vec<u8>) {
            let mut bytes = records(&hello(), 60);
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(cut);
            let _ = (parse(&bytes), complete(&bytes));
            let _ = (parse(&noise), complete(&noise));
        }
    }
}
