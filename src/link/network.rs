//! Where streams come from: TCP, or memory (so that a whole run needs no socket and can run under a paused clock).

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, DuplexStream},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// A byte stream.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A byte stream of any kind.
pub type BoxStream = Box<dyn Stream>;

/// Bytes that an in-memory stream holds per direction.
const DUPLEX_SIZE: usize = 64 * 1024;

/// A way to make streams.
#[derive(Debug, Clone)]
pub enum Network {
    /// Real sockets.
    Tcp,
    /// Streams in memory.
    Memory(MemoryNetwork),
}

/// Listeners in memory by `host:port`.
#[derive(Debug, Clone, Default)]
pub struct MemoryNetwork {
    listeners: Arc<Mutex<HashMap<String, mpsc::UnboundedSender<DuplexStream>>>>,
}

/// A bound listener.
#[derive(Debug)]
pub enum Listener {
    /// A real one.
    Tcp(TcpListener),
    /// One in memory, with its address.
    Memory(mpsc::UnboundedReceiver<DuplexStream>, String),
}

impl Network {
    /// Binds `host:port`; port 0 lets the system choose (TCP).
    pub async fn bind(&self, address: &str) -> io::Result<Listener> {
        match self {
            Network::Tcp => Ok(Listener::Tcp(TcpListener::bind(address).await?)),
            Network::Memory(memory) => {
                let (sender, receiver) = mpsc::unbounded_channel();
                let mut listeners = memory.listeners.lock().map_err(|_| io::Error::other("the registry is broken"))?;
                if listeners.get(address).is_some_and(|known| !known.is_closed()) {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, format!("{address} is in use")));
                }
                listeners.insert(address.to_owned(), sender);
                Ok(Listener::Memory(receiver, address.to_owned()))
            }
        }
    }

    /// Connects to `host:port`.
    pub async fn connect(&self, host: &str, port: u16) -> io::Result<BoxStream> {
        match self {
            Network::Tcp => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let stream = TcpStream::connect((host, port)).await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Network::Memory(memory) => {
                let refused =
                    || io::Error::new(io::ErrorKind::ConnectionRefused, format!("nothing listens at {host}:{port}"));
                let listeners = memory.listeners.lock().map_err(|_| io::Error::other("the registry is broken"))?;
                let listener = listeners.get(&format!("{host}:{port}")).ok_or_else(refused)?;
                let (ours, theirs) = tokio::io::duplex(DUPLEX_SIZE);
                listener.send(theirs).map_err(|_| refused())?;
                Ok(Box::new(ours))
            }
        }
    }
}

impl Listener {
    /// Waits for the next stream.
    pub async fn accept(&mut self) -> io::Result<BoxStream> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
            Listener::Memory(receiver, _) => match receiver.recv().await {
                Some(stream) => Ok(Box::new(stream)),
                None => Err(io::Error::other("the network is gone")),
            },
        }
    }

    /// The address it is bound to.
    pub fn address(&self) -> String {
        match self {
            Listener::Tcp(listener) => listener.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Listener::Memory(_, address) => address.clone(),
        }
    }
}
