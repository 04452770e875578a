//! An open WebSocket: messages in and out, stamped where they are read and written.

use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        error::{CapacityError, Error},
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{
    network::BoxStream,
    types::{ClosedBy, ConnId, LinkEvent},
};
use crate::clock::{Clock, Stamp};

/// Events with the time at which they happened.
pub type Events = mpsc::Sender<(Stamp, LinkEvent)>;

/// What to write.
#[derive(Debug)]
pub enum Out {
    /// A text message.
    Text(String),
    /// A ping.
    Ping,
    /// A close frame.
    Close(u16),
    /// Nothing more: drop the stream.
    Abort,
}

/// The WebSocket settings for a largest message.
pub fn config(max_frame: usize) -> WebSocketConfig {
    WebSocketConfig::default().max_message_size(Some(max_frame)).max_frame_size(Some(max_frame))
}

/// Serves a WebSocket until it ends; tells everything as events.
pub async fn run(
    mut socket: WebSocketStream<BoxStream>,
    conn: ConnId,
    clock: Clock,
    events: Events,
    mut commands: mpsc::UnboundedReceiver<Out>,
) {
    let mut closing = false;
    let (code, by) = loop {
        tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(Out::Text(text)) => {
                    let at = clock.now();
                    if socket.send(Message::text(text.clone())).await.is_err() {
                        break (None, ClosedBy::Broken);
                    }
                    if events.send((at, LinkEvent::Sent { conn, text })).await.is_err() {
                        return;
                    }
                }
                Some(Out::Ping) => {
                    let _ = socket.send(Message::Ping(tungstenite::Bytes::new())).await;
                }
                Some(Out::Close(code)) => {
                    closing = true;
                    let _ = socket.close(Some(CloseFrame { code: code.into(), reason: "".into() })).await;
                }
                Some(Out::Abort) | None => break (None, ClosedBy::Harness),
            },
            message = socket.next() => {
                let at = clock.now();
                let event = match message {
                    Some(Ok(Message::Text(text))) => LinkEvent::Text { conn, text: text.as_str().to_owned() },
                    Some(Ok(Message::Ping(_))) => LinkEvent::Ping { conn, pong: false },
                    Some(Ok(Message::Pong(_))) => LinkEvent::Ping { conn, pong: true },
                    Some(Ok(Message::Close(frame))) => {
                        let code = frame.map(|frame| u16::from(frame.code));
                        // Let the closing handshake finish before the stream is dropped.
                        let _ = socket.close(None).await;
                        break (code, if closing { ClosedBy::Harness } else { ClosedBy::Sut });
                    }
                    Some(Ok(Message::Binary(bytes))) => {
                        let what = format!("a binary message of {} bytes", bytes.len());
                        refuse(&mut socket, CloseCode::Unsupported).await;
                        let _ = events.send((at, LinkEvent::Garbage { conn, what })).await;
                        break (Some(1003), ClosedBy::Harness);
                    }
                    Some(Ok(Message::Frame(_))) => continue,
                    Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) | None => {
                        break (None, if closing { ClosedBy::Harness } else { ClosedBy::Broken });
                    }
                    Some(Err(Error::Io(_) | Error::Tls(_))) => {
                        break (None, if closing { ClosedBy::Harness } else { ClosedBy::Broken });
                    }
                    Some(Err(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake))) => {
                        break (None, if closing { ClosedBy::Harness } else { ClosedBy::Broken });
                    }
                    Some(Err(error)) => {
                        let close = match &error {
                            Error::Capacity(CapacityError::MessageTooLong { .. }) => CloseCode::Size,
                            Error::Utf8(_) => CloseCode::Invalid,
                            _ => CloseCode::Protocol,
                        };
                        refuse(&mut socket, close).await;
                        let _ = events.send((at, LinkEvent::Garbage { conn, what: error.to_string() })).await;
                        break (Some(close.into()), ClosedBy::Harness);
                    }
                };
                if events.send((at, event)).await.is_err() {
                    return;
                }
            }
        }
    };
    let _ = events.send((clock.now(), LinkEvent::Closed { conn, code, by })).await;
}

async fn refuse(socket: &mut WebSocketStream<BoxStream>, code: CloseCode) {
    let frame = CloseFrame { code, reason: "".into() };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(1), socket.close(Some(frame))).await;
}
