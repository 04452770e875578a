//! An open WebSocket: messages in and out, stamped where they are read and written.
//!
//! Reading and writing go on side by side, so that a peer that writes before it reads is never waited for; and every
//! wait for the peer ends.

use std::time::Duration;

use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        error::{CapacityError, Error, ProtocolError},
        protocol::{
            CloseFrame, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use super::{
    network::BoxStream,
    types::{ClosedBy, ConnId, LinkEvent},
};
use crate::clock::{Clock, Stamp};

/// How long the peer may take to answer a close frame, or to take ours.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a write may take before the connection counts as broken: the peer does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long, and how many bytes, are still read and forgotten so that a refusal isn't lost in a TCP reset.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 256 * 1024;
/// What is read at a time; a longer message makes the buffer grow, up to the policy's limit.
const READ_BUFFER: usize = 16 * 1024;

/// Events with the time at which they happened.
pub type Events = mpsc::Sender<(Stamp, LinkEvent)>;

type Socket = WebSocketStream<BoxStream>;

/// What to write.
#[derive(Debug)]
pub enum Out {
    /// A text message.
    Text(String),
    /// Bytes, as a binary message or as a text message whatever they are.
    Bytes(Vec<u8>, bool),
    /// A ping.
    Ping,
    /// A close frame.
    Close(u16),
    /// Nothing more: drop the stream.
    Abort,
}

/// The WebSocket settings for a largest message.
pub fn config(max_frame: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(Some(max_frame))
        .max_frame_size(Some(max_frame))
}

/// How reading came to an end.
enum ReadEnd {
    /// With a close frame.
    Closed(Stamp, Option<u16>),
    /// With something forbidden, for which this close code stands.
    Garbage(CloseCode),
    /// Without a word.
    Broken,
    /// Nobody listens to events any more.
    Unheard,
}

/// How writing came to an end.
enum WriteEnd {
    /// Our close frame is out.
    Closing,
    /// The stream is to be dropped.
    Abort,
    /// The peer is gone, or does not read.
    Broken,
    /// Nobody listens to events any more.
    Unheard,
}

/// How both came to an end.
enum End {
    Read(ReadEnd),
    Abort,
}

/// Where events go.
struct Teller {
    conn: ConnId,
    clock: Clock,
    events: Events,
}

impl Teller {
    /// False when nobody listens any more.
    async fn tell(&self, at: Stamp, event: LinkEvent) -> bool {
        self.events.send((at, event)).await.is_ok()
    }
}

/// Serves a WebSocket until it ends; tells everything as events, the last of which is [`LinkEvent::Closed`].
pub async fn run(
    socket: Socket,
    conn: ConnId,
    clock: Clock,
    events: Events,
    mut commands: mpsc::UnboundedReceiver<Out>,
) {
    let teller = Teller { conn, clock, events };
    let (mut sink, mut stream) = socket.split();
    let (end, closing) = both_ways(&mut sink, &mut stream, &teller, &mut commands).await;
    let us_or = |other| if closing { ClosedBy::Harness } else { other };
    let closed = |code, by| LinkEvent::Closed { conn, code, by };
    match end {
        End::Read(ReadEnd::Closed(at, code)) => {
            // Whoever said goodbye last, the answer still goes out before the stream is dropped.
            let heard = teller.tell(at, closed(code, us_or(ClosedBy::Sut))).await;
            if heard {
                let _ = timeout(CLOSE_TIMEOUT, async { while let Some(Ok(_)) = stream.next().await {} }).await;
            }
            // TLS has a goodbye of its own (RFC 8446, 6.1).
            if let Ok(socket) = sink.reunite(stream) {
                let _ = timeout(LINGER_TIMEOUT, socket.into_inner().shutdown()).await;
            }
        }
        End::Read(ReadEnd::Garbage(code)) => {
            if !closing {
                let frame = CloseFrame { code, reason: "".into() };
                let _ = timeout(CLOSE_TIMEOUT, sink.send(Message::Close(Some(frame)))).await;
            }
            let heard = teller.tell(clock.now(), closed(Some(code.into()), ClosedBy::Harness)).await;
            if let (true, Ok(socket)) = (heard, sink.reunite(stream)) {
                linger(socket.into_inner()).await;
            }
        }
        End::Read(ReadEnd::Broken) => {
            teller.tell(clock.now(), closed(None, us_or(ClosedBy::Broken))).await;
        }
        End::Read(ReadEnd::Unheard) => {}
        End::Abort => {
            // Gone before anybody hears of it.
            drop((sink, stream));
            teller.tell(clock.now(), closed(None, ClosedBy::Harness)).await;
        }
    }
}

/// Reads and writes until one of them ends both; true when our close frame went out first.
async fn both_ways(
    sink: &mut SplitSink<Socket, Message>,
    stream: &mut SplitStream<Socket>,
    teller: &Teller,
    commands: &mut mpsc::UnboundedReceiver<Out>,
) -> (End, bool) {
    let reading = read(stream, teller);
    let writing = write(sink, commands, teller);
    tokio::pin!(reading, writing);
    let written = tokio::select! {
        biased;
        end = &mut writing => end,
        end = &mut reading => return (End::Read(end), false),
    };
    match written {
        WriteEnd::Closing => (End::Read(timeout(CLOSE_TIMEOUT, reading).await.unwrap_or(ReadEnd::Broken)), true),
        WriteEnd::Abort => (End::Abort, false),
        // What the peer said before it went may still lie there, a close frame perhaps.
        WriteEnd::Broken => (End::Read(timeout(LINGER_TIMEOUT, reading).await.unwrap_or(ReadEnd::Broken)), false),
        WriteEnd::Unheard => (End::Read(ReadEnd::Unheard), false),
    }
}

async fn read(stream: &mut SplitStream<Socket>, teller: &Teller) -> ReadEnd {
    let conn = teller.conn;
    while let Some(message) = stream.next().await {
        let at = teller.clock.now();
        let (event, end) = match message {
            Ok(Message::Text(text)) => (LinkEvent::Text { conn, text: text.as_str().to_owned() }, None),
            Ok(Message::Ping(_)) => (LinkEvent::Ping { conn, pong: false }, None),
            Ok(Message::Pong(_)) => (LinkEvent::Ping { conn, pong: true }, None),
            Ok(Message::Close(frame)) => return ReadEnd::Closed(at, frame.map(|frame| u16::from(frame.code))),
            Ok(Message::Frame(_)) => continue,
            Ok(Message::Binary(bytes)) => {
                let what = format!("a binary message of {} bytes", bytes.len());
                (LinkEvent::Garbage { conn, what }, Some(CloseCode::Unsupported))
            }
            Err(error) => match offence(&error) {
                Some(code) => (LinkEvent::Garbage { conn, what: what(&error) }, Some(code)),
                None => return ReadEnd::Broken,
            },
        };
        if !teller.tell(at, event).await {
            return ReadEnd::Unheard;
        }
        if let Some(code) = end {
            return ReadEnd::Garbage(code);
        }
    }
    ReadEnd::Broken
}

/// What the peer did wrong, in words.
fn what(error: &Error) -> String {
    match error {
        Error::Protocol(ProtocolError::NonZeroReservedBits) => {
            "a frame with a reserved bit set, as compression by permessage-deflate does; the handshake agreed on no extension \
             (RFC 6455, 5.2 and 9.1)"
                .into()
        }
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            format!("a message of {size} bytes; the harness takes at most {max_size} bytes")
        }
        other => other.to_string(),
    }
}

/// The close code for what the peer did wrong; `None` when the stream just ended.
fn offence(error: &Error) -> Option<CloseCode> {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) | Error::Tls(_) => None,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseCode::Size),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        _ => Some(CloseCode::Protocol),
    }
}

async fn write(
    sink: &mut SplitSink<Socket, Message>,
    commands: &mut mpsc::UnboundedReceiver<Out>,
    teller: &Teller,
) -> WriteEnd {
    while let Some(command) = commands.recv().await {
        let (message, text) = match command {
            Out::Text(text) => (Message::text(text.clone()), Some(text)),
            Out::Bytes(bytes, true) => (Message::binary(bytes), None),
            Out::Bytes(bytes, false) => (Message::Frame(Frame::message(bytes, OpCode::Data(Data::Text), true)), None),
            Out::Ping => (Message::Ping(tungstenite::Bytes::new()), None),
            Out::Abort => return WriteEnd::Abort,
            Out::Close(code) => {
                let frame = CloseFrame { code: code.into(), reason: "".into() };
                return match timeout(WRITE_TIMEOUT, sink.send(Message::Close(Some(frame)))).await {
                    Ok(Ok(())) => WriteEnd::Closing,
                    _ => WriteEnd::Broken,
                };
            }
        };
        if !matches!(timeout(WRITE_TIMEOUT, sink.send(message)).await, Ok(Ok(()))) {
            return WriteEnd::Broken;
        }
        let at = teller.clock.now();
        if let Some(text) = text {
            if !teller.tell(at, LinkEvent::Sent { conn: teller.conn, text }).await {
                return WriteEnd::Unheard;
            }
        }
    }
    WriteEnd::Abort
}

/// Reads and forgets for a moment: a stream dropped with bytes unread is reset, and our last words with it.
async fn linger(mut stream: BoxStream) {
    let drain = async {
        let mut waste = [0; 4096];
        let mut left = LINGER_BYTES;
        while let Ok(read @ 1..) = stream.read(&mut waste).await {
            left = left.saturating_sub(read);
            if left == 0 {
                break;
            }
        }
    };
    let _ = timeout(LINGER_TIMEOUT, drain).await;
}
