//! Looks at a ClientHello before anyone answers it: rustls tells the suites, but not the versions, and refuses old
//! hellos before showing them.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tls_parser::{SNIType, TlsExtension, TlsMessage, TlsMessageHandshake, TlsVersion as WireVersion};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use super::{
    network::BoxStream,
    types::{HelloInfo, TlsVersion},
};

/// Longest first flight that is read for a look.
const MAX_PEEK: usize = 18 * 1024;

/// Reads the first TLS record; what was read is handed on with the stream.
pub async fn peek(mut stream: BoxStream) -> io::Result<(Option<HelloInfo>, Prefixed)> {
    let mut bytes = Vec::with_capacity(512);
    let mut wanted = 5;
    while bytes.len() < wanted && wanted <= MAX_PEEK {
        let read = stream.read_buf(&mut bytes).await?;
        if read == 0 {
            break;
        }
        if bytes.len() >= 5 {
            if bytes[0] != 22 {
                break; // not a handshake record
            }
            wanted = 5 + usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
        }
    }
    Ok((parse(&bytes), Prefixed { prefix: bytes, at: 0, stream }))
}

fn parse(bytes: &[u8]) -> Option<HelloInfo> {
    let (_, record) = tls_parser::parse_tls_plaintext(bytes).ok()?;
    let hello = record.msg.iter().find_map(|message| match message {
        TlsMessage::Handshake(TlsMessageHandshake::ClientHello(hello)) => Some(hello),
        _ => None,
    })?;
    let suites = hello
        .ciphers
        .iter()
        .map(|id| id.get_ciphersuite().map_or_else(|| format!("0x{:04x}", id.0), |suite| suite.name.to_owned()));
    let mut versions: Vec<TlsVersion> = Vec::new();
    let mut server_name = None;
    for extension in
        hello.ext.and_then(|ext| tls_parser::parse_tls_extensions(ext).ok()).map(|(_, all)| all).unwrap_or_default()
    {
        match extension {
            TlsExtension::SupportedVersions(offered) => versions.extend(offered.into_iter().filter_map(version)),
            TlsExtension::SNI(names) => {
                server_name = names
                    .into_iter()
                    .find(|(kind, _)| *kind == SNIType::HostName)
                    .map(|(_, name)| String::from_utf8_lossy(name).chars().take(255).collect());
            }
            _ => {}
        }
    }
    if versions.is_empty() {
        versions.extend(version(hello.version));
    }
    versions.sort_unstable_by(|a, b| b.cmp(a));
    Some(HelloInfo { versions, suites: suites.collect(), server_name })
}

fn version(version: WireVersion) -> Option<TlsVersion> {
    match version.0 {
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
