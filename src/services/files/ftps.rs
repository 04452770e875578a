//! FTPS: TLS in front of an FTP session of libunftp, explicit (AUTH TLS) or implicit (a ClientHello at once).
//!
//! libunftp's own answer to AUTH TLS races with the ClientHello: one that comes quickly is taken for a command. So a session
//! with libunftp is upgraded first, over a connection of our own where a lost race is simply run again, and only then is
//! the peer served. Data connections go to libunftp directly.

use std::{io, net::SocketAddr, ops::RangeInclusive, sync::Arc, time::Duration};

use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, TlsConnector, client, server};

use super::{Connections, PATIENCE, Shared, ftp, pause};
use crate::link::{ClientTls, tls};

/// How long a peer that means to begin with TLS may take to do so; others wait that long for their greeting.
const IMPLICIT: Duration = Duration::from_millis(500);
/// How often the race is run.
const ATTEMPTS: u32 = 25;
/// Longest line before TLS, bytes.
const MAX_LINE: usize = 512;
/// First byte of a TLS handshake.
const HANDSHAKE: u8 = 22;
const GREETING: &[u8] = b"220 ocpp-attest\r\n";

/// Serves whoever connects.
pub(super) async fn serve(listener: TcpListener, shared: Shared, host: Option<String>, ports: RangeInclusive<u16>) {
    let mut connections = Connections::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (shared, host, ports) = (shared.clone(), host.clone(), ports.clone());
                connections.take(async move {
                    let _ = session(stream, &shared, host.as_deref(), &ports).await;
                });
            }
            Err(_) => pause().await,
        }
    }
}

async fn session(peer: TcpStream, shared: &Shared, host: Option<&str>, ports: &RangeInclusive<u16>) -> io::Result<()> {
    let Some(tls) = shared.tls() else { return Ok(()) };
    let refused = |failure| io::Error::other(format!("{failure:?}"));
    let mut config = tls::server_config(&tls, shared.clock).map_err(refused)?;
    // A ticket that comes while a client sends its file and is not read breaks the connection off.
    config.send_tls13_tickets = 0;
    let config = Arc::new(config);
    let any = ClientTls { roots: None, identity: None, versions: Vec::new(), suites: Vec::new() };
    let ours = Arc::new(tls::client_config(&any, shared.clock).map_err(refused)?);
    // Data connections are awaited at the address at which the peer has reached us.
    let at = SocketAddr::new(peer.local_addr()?.ip(), 0);
    let mut behind = None;
    for _ in 0..ATTEMPTS {
        let server = ftp::server(shared, host, ports, Some(config.clone())).map_err(io::Error::other)?;
        let (one, other) = pair(at).await?;
        tokio::spawn(async move {
            let _ = server.service(other).await;
        });
        if let Ok(Ok(stream)) = tokio::time::timeout(PATIENCE, upgraded(one, ours.clone())).await {
            behind = Some(stream);
            break;
        }
    }
    let Some(mut behind) = behind else { return Ok(()) };
    let entering = tokio::time::timeout(PATIENCE, enter(peer, config)).await;
    let mut before = entering.map_err(|_| io::ErrorKind::TimedOut)??;
    copy_bidirectional(&mut before, &mut behind).await?;
    Ok(())
}

/// Two ends of a connection with ourselves.
async fn pair(at: SocketAddr) -> io::Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind(at).await?;
    let (one, accepted) = tokio::join!(TcpStream::connect(listener.local_addr()?), listener.accept());
    let (one, (other, from)) = (one?, accepted?);
    // Somebody else may have been quicker.
    if one.local_addr()? == from { Ok((one, other)) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
}

/// A session with libunftp, over TLS and with protected data connections.
async fn upgraded(mut stream: TcpStream, config: Arc<ClientConfig>) -> io::Result<client::TlsStream<TcpStream>> {
    line(&mut stream).await?;
    stream.write_all(b"AUTH TLS\r\n").await?;
    line(&mut stream).await?;
    // Gives libunftp a start; where that is not enough, the handshake fails and all is done again.
    tokio::time::sleep(Duration::from_millis(5)).await;
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let mut stream = TlsConnector::from(config).connect(name, stream).await?;
    for command in [&b"PBSZ 0\r\n"[..], b"PROT P\r\n"] {
        stream.write_all(command).await?;
        line(&mut stream).await?;
    }
    Ok(stream)
}

/// Brings a peer as far as TLS.
async fn enter(mut peer: TcpStream, config: Arc<ServerConfig>) -> io::Result<server::TlsStream<TcpStream>> {
    peer.set_nodelay(true)?;
    let acceptor = TlsAcceptor::from(config);
    let mut first = [0];
    if let Ok(seen) = tokio::time::timeout(IMPLICIT, peer.peek(&mut first)).await {
        if seen? == 1 && first == [HANDSHAKE] {
            let mut stream = acceptor.accept(peer).await?;
            stream.write_all(GREETING).await?;
            stream.flush().await?;
            return Ok(stream);
        }
    }
    peer.write_all(GREETING).await?;
    loop {
        let said = line(&mut peer).await?.to_ascii_uppercase();
        let answer: &[u8] = match said.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["AUTH", "TLS" | "TLS-C" | "SSL"] => {
                peer.write_all(b"234 Go on with TLS\r\n").await?;
                return acceptor.accept(peer).await;
            }
            ["FEAT"] => b"211-Extensions\r\n AUTH TLS\r\n PBSZ\r\n PROT\r\n EPSV\r\n SIZE\r\n UTF8\r\n211 End\r\n",
            ["NOOP"] | ["OPTS", ..] => b"200 OK\r\n",
            ["QUIT"] => {
                peer.write_all(b"221 Bye\r\n").await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            ["USER" | "PASS", ..] => b"534 AUTH TLS first\r\n",
            _ => b"530 AUTH TLS first\r\n",
        };
        peer.write_all(answer).await?;
    }
}

/// A line, read byte by byte: what follows it may be TLS.
async fn line(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<String> {
    let mut bytes = Vec::new();
    while bytes.len() < MAX_LINE {
        match stream.read_u8().await? {
            b'\n' => return Ok(String::from_utf8_lossy(&bytes).trim_end().to_owned()),
            byte => bytes.push(byte),
        }
    }
    Err(io::ErrorKind::InvalidData.into())
}
