//! The conversation of a run as a capture (pcapng) that Wireshark opens: WebSocket over TCP over IPv4.
//!
//! What is real: the texts (secrets redacted), their order and times, who opened and closed. What is made up, because the trace has no
//! packets: addresses (of networks for documentation), ports, TCP and the headers of the upgrade. Comments name the test case and the step.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::Duration,
};

use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::{
    clock::Stamp,
    record::{Direction, TraceEntry, TraceEvent},
    text::visible_line,
    yaml::shorten,
};

const HARNESS: [u8; 4] = [192, 0, 2, 1];
const SUT: [u8; 4] = [198, 51, 100, 1];
/// The port of HTTP, at which readers of captures look for an upgrade to WebSocket.
const SERVER_PORT: u16 = 80;
/// Most bytes of a TCP segment; longer messages go in several.
const SEGMENT: usize = 60_000;
/// IPv4 without a link layer (LINKTYPE_RAW).
const RAW: u16 = 101;

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// One TCP connection that is made up for a connection of the trace.
struct Connection {
    port: u16,
    /// Next sequence numbers of client and server.
    next: [u32; 2],
    /// The client is the SUT.
    sut_is_client: bool,
}

/// Writes a capture line by line of the trace.
pub struct Capture<W> {
    out: W,
    sut_is_client: bool,
    connections: HashMap<(Option<String>, u32), Connection>,
    opened: u32,
    step: String,
    /// What is said with the next packet.
    pending: Vec<String>,
    identification: u16,
}

impl<W: Write> Capture<W> {
    /// Begins a capture; the client of the connections is the SUT or the harness.
    pub fn begin(mut out: W, sut_is_client: bool) -> io::Result<Self> {
        let application = format!("ocpp-attest {}", env!("CARGO_PKG_VERSION"));
        let comment =
            "Addresses, ports, TCP and the headers of HTTP are made up; texts, order and times are those of the trace.";
        let section = [
            &0x1A2B_3C4D_u32.to_le_bytes()[..],
            &[1, 0, 0, 0],
            &[0xff; 8],
            &option(1, comment),
            &option(4, &application),
            &[0; 4],
        ]
        .concat();
        block(&mut out, 0x0A0D_0D0A, &section)?;
        // Times in nanoseconds.
        let resolution = [9_u16.to_le_bytes().as_slice(), &1_u16.to_le_bytes(), &[9, 0, 0, 0]].concat();
        let interface =
            [&RAW.to_le_bytes()[..], &[0; 2], &0_u32.to_le_bytes(), &option(2, "ocpp-attest"), &resolution, &[0; 4]]
                .concat();
        block(&mut out, 1, &interface)?;
        Ok(Self {
            out,
            sut_is_client,
            connections: HashMap::new(),
            opened: 0,
            step: String::new(),
            pending: Vec::new(),
            identification: 0,
        })
    }

    /// Takes in a line of the trace.
    pub fn take(&mut self, entry: &TraceEntry) -> io::Result<()> {
        let key = (entry.station.clone(), entry.conn.unwrap_or_default());
        match &entry.what {
            TraceEvent::Opened { path, subprotocol, .. } => self.open(entry, &key, path, subprotocol.as_deref()),
            TraceEvent::Frame { direction, text } => {
                self.frame(entry, &key, *direction == Direction::FromSut, 1, text.as_bytes())
            }
            TraceEvent::Ping { pong } => self.frame(entry, &key, true, if *pong { 10 } else { 9 }, b""),
            TraceEvent::Closed { code, by } => {
                let from_sut = *by != crate::link::ClosedBy::Harness;
                if let Some(code) = code {
                    self.frame(entry, &key, from_sut, 8, &code.to_be_bytes())?;
                }
                self.segment(entry, &key, from_sut, FIN | ACK, b"")?;
                self.segment(entry, &key, !from_sut, FIN | ACK, b"")?;
                self.segment(entry, &key, from_sut, ACK, b"")?;
                self.connections.remove(&key);
                Ok(())
            }
            TraceEvent::Step { step } => {
                self.step.clone_from(step);
                Ok(())
            }
            TraceEvent::TestCase { .. } => {
                self.step.clear();
                Ok(())
            }
            other => {
                if let Some(words) = words(other) {
                    self.told(&words);
                }
                Ok(())
            }
        }
    }

    /// Ends the capture.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn told(&mut self, what: &str) {
        self.pending.push(shorten(&visible_line(what), 400));
    }

    fn open(
        &mut self,
        entry: &TraceEntry,
        key: &(Option<String>, u32),
        path: &str,
        subprotocol: Option<&str>,
    ) -> io::Result<()> {
        self.opened += 1;
        let port = 49_152 + u16::try_from(self.opened % 16_000).unwrap_or_default();
        let connection =
            Connection { port, next: [self.opened << 8, self.opened << 9], sut_is_client: self.sut_is_client };
        self.connections.insert(key.clone(), connection);
        let client = self.sut_is_client;
        // A nonce that is made up: the same for the same trace.
        let nonce = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{:016}", self.opened));
        let line = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
        let protocol =
            subprotocol.map(|name| format!("Sec-WebSocket-Protocol: {}\r\n", line(name))).unwrap_or_default();
        let request = format!(
            "GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: {nonce}\r\n{protocol}\r\n",
            line(path).replace(' ', "%20"),
            if client { "192.0.2.1" } else { "198.51.100.1" }
        );
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n{protocol}\r\n",
            derive_accept_key(nonce.as_bytes())
        );
        self.segment(entry, key, client, SYN, b"")?;
        self.segment(entry, key, !client, SYN | ACK, b"")?;
        self.segment(entry, key, client, ACK, b"")?;
        self.segment(entry, key, client, PSH | ACK, request.as_bytes())?;
        self.segment(entry, key, !client, PSH | ACK, response.as_bytes())
    }

    fn frame(
        &mut self,
        entry: &TraceEntry,
        key: &(Option<String>, u32),
        from_sut: bool,
        opcode: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        if !self.connections.contains_key(key) {
            // A trace that begins in the middle: the connection was opened before.
            self.open(entry, key, "/", None)?;
        }
        let masked = from_sut == self.connections.get(key).is_none_or(|it| it.sut_is_client);
        let mask = if masked { 0x80 } else { 0 };
        let mut message = vec![0x80 | opcode];
        match payload.len() {
            short @ 0..126 => message.push(mask | u8::try_from(short).unwrap_or_default()),
            medium @ 126..65_536 => {
                message.push(mask | 0x7e);
                message.extend(u16::try_from(medium).unwrap_or_default().to_be_bytes());
            }
            long => {
                message.push(mask | 0x7f);
                message.extend((long as u64).to_be_bytes());
            }
        }
        if masked {
            // A mask of zeros changes nothing, so that the text can be read in the bytes, too.
            message.extend([0; 4]);
        }
        message.extend_from_slice(payload);
        message.chunks(SEGMENT).try_for_each(|piece| self.segment(entry, key, from_sut, PSH | ACK, piece))
    }

    fn segment(
        &mut self,
        entry: &TraceEntry,
        key: &(Option<String>, u32),
        from_sut: bool,
        flags: u8,
        payload: &[u8],
    ) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(key) else { return Ok(()) };
        let from_client = from_sut == connection.sut_is_client;
        let (own, other) = if from_client { (0, 1) } else { (1, 0) };
        let (sequence, acknowledged) = (connection.next[own], connection.next[other]);
        let length = u32::try_from(payload.len()).unwrap_or_default() + u32::from(flags & (SYN | FIN) != 0);
        connection.next[own] = sequence.wrapping_add(length);
        let (source, target) =
            if from_client { (connection.port, SERVER_PORT) } else { (SERVER_PORT, connection.port) };
        let mut tcp = [&source.to_be_bytes()[..], &target.to_be_bytes(), &sequence.to_be_bytes()].concat();
        tcp.extend(if flags & ACK == 0 { 0 } else { acknowledged }.to_be_bytes());
        tcp.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        tcp.extend_from_slice(payload);
        let (from, to) = if from_sut { (SUT, HARNESS) } else { (HARNESS, SUT) };
        let pseudo = [&from[..], &to, &[0, 6], &u16::try_from(tcp.len()).unwrap_or_default().to_be_bytes()].concat();
        let sum = checksum(&[&pseudo, &tcp]);
        tcp[16..18].copy_from_slice(&sum.to_be_bytes());
        self.identification = self.identification.wrapping_add(1);
        let total = u16::try_from(tcp.len() + 20).unwrap_or_default();
        let mut packet = [
            &[0x45, 0][..],
            &total.to_be_bytes(),
            &self.identification.to_be_bytes(),
            &[0x40, 0, 64, 6, 0, 0],
            &from,
            &to,
        ]
        .concat();
        let sum = checksum(&[&packet]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        packet.extend(tcp);
        let mut comments: Vec<String> = self.pending.drain(..).collect();
        if !payload.is_empty() || flags & SYN != 0 {
            comments.push(place(entry, &self.step));
        }
        self.packet(entry.at, &packet, &comments)
    }

    fn packet(&mut self, at: Stamp, packet: &[u8], comments: &[String]) -> io::Result<()> {
        let time = u64::try_from(at.wall.as_nanosecond()).unwrap_or_default();
        let halves = [(time >> 32) as u32, (time & 0xffff_ffff) as u32];
        let length = u32::try_from(packet.len()).unwrap_or_default().to_le_bytes();
        let mut body =
            [&0_u32.to_le_bytes()[..], &halves[0].to_le_bytes(), &halves[1].to_le_bytes(), &length, &length, packet]
                .concat();
        body.resize(body.len().next_multiple_of(4), 0);
        for comment in comments {
            body.extend(option(1, comment));
        }
        body.extend([0; 4]);
        block(&mut self.out, 6, &body)
    }
}

/// What is said of an event that has no packet of its own.
fn words(event: &TraceEvent) -> Option<String> {
    Some(match event {
        TraceEvent::Garbage { what } => format!("not an OCPP-J message: {what}"),
        TraceEvent::AttemptFailed { failure, .. } => format!("an attempt to connect failed: {failure:?}"),
        TraceEvent::Operator { action, .. } => format!("manual action: {action}"),
        TraceEvent::OperatorDone { action, outcome } => format!("manual action {action}: {outcome}"),
        TraceEvent::Remark { text } => format!("remark: {text}"),
        TraceEvent::Service { service, .. } => format!("service: {service}"),
        TraceEvent::Upload(upload) => format!("file by {}: {}", upload.protocol, upload.name),
        TraceEvent::Verdict { id, verdict } => format!("{id}: {}", verdict.word()),
        TraceEvent::Notice { text } => text.clone(),
        TraceEvent::Resumed { .. } => "the run was resumed".to_owned(),
        _ => return None,
    })
}

/// Which test case and step a packet belongs to.
fn place(entry: &TraceEntry, step: &str) -> String {
    let case = entry.test_case.as_deref().unwrap_or("between test cases");
    let station = entry.station.as_ref().map(|name| format!(", station {name}")).unwrap_or_default();
    let step = if step.is_empty() || entry.test_case.is_none() { String::new() } else { format!(", step {step}") };
    let since = Duration::from_nanos(entry.at.mono_ns).as_secs_f64();
    shorten(&visible_line(&format!("{case}{step}{station}, {since:.6} s of the run")), 600)
}

/// An option of pcapng with a text.
fn option(code: u16, text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).unwrap_or_default();
    let mut out = [&code.to_le_bytes()[..], &length.to_le_bytes(), &text.as_bytes()[..usize::from(length)]].concat();
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

fn block(out: &mut impl Write, kind: u32, body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 12).unwrap_or_default().to_le_bytes();
    out.write_all(&[&kind.to_le_bytes()[..], &length, body, &length].concat())
}

/// The checksum of the Internet protocols (RFC 1071). Each part but the last has an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for pair in parts.iter().flat_map(|part| part.chunks(2)) {
        sum += u32::from(pair[0]) << 8 | pair.get(1).map_or(0, |low| u32::from(*low));
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}
