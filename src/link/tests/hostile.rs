//! What a SUT may do to the link: flood it, stall it, send what must not be sent.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};
use tokio_tungstenite::{WebSocketStream, tungstenite::Message};

use super::*;
use crate::link::network::BoxStream;

const PATIENCE: Duration = Duration::from_mins(2);

struct Bench {
    network: Network,
    csms: LinkHandle,
    clock: Clock,
}

impl Bench {
    async fn new() -> Self {
        let network = Network::Memory(MemoryNetwork::default());
        let clock = Clock::start();
        let csms =
            serve(network.clone(), &addresses(), HashMap::from([(EndpointId::MAIN, server_policy(None))]), clock)
                .await
                .unwrap();
        Self { network, csms, clock }
    }

    async fn event(&mut self) -> LinkEvent {
        timeout(PATIENCE, self.csms.next()).await.expect("an event in time").unwrap().1
    }

    async fn opened(&mut self) -> ConnId {
        match self.event().await {
            LinkEvent::Opened { conn, .. } => conn,
            other => panic!("{other:?}"),
        }
    }

    /// A station whose every byte the test writes, with the server's number for it.
    async fn station(&mut self) -> (WebSocketStream<BoxStream>, ConnId) {
        let (socket, _, _) = client::open(&self.network, &client_policy(None), self.clock).await.unwrap();
        let conn = self.opened().await;
        (socket, conn)
    }

    async fn raw(&self) -> BoxStream {
        self.network.connect("csms.test", 443).await.unwrap()
    }
}

fn addresses() -> [(EndpointId, String); 1] {
    [(EndpointId::MAIN, ADDRESS.to_owned())]
}

/// A client's frame, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match u8::try_from(payload.len()) {
        Ok(length @ 0..=125) => frame.push(0x80 | length),
        _ => {
            frame.push(0xfe);
            frame.extend_from_slice(&u16::try_from(payload.len()).unwrap().to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(payload);
    frame
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_sent_is_told_and_closes_with_its_own_code() {
    let cases: [(Vec<u8>, u16, &str); 5] = [
        (frame(0x82, &[1, 2]), 1003, "binary"),
        (frame(0x81, &[b'[', 0xff, b']']), 1007, "UTF-8"),
        (frame(0x81, &[b'x'; 1001]), 1009, "1001"),
        (frame(0x83, b"?"), 1002, "nvalid"),
        (frame(0xc1, b"compressed"), 1002, "permessage-deflate"),
    ];
    for (bytes, code, told) in cases {
        let mut bench = Bench::new().await;
        let (mut socket, conn) = bench.station().await;
        socket.get_mut().write_all(&bytes).await.unwrap();
        match bench.event().await {
            LinkEvent::Garbage { what, .. } => assert!(what.contains(told), "{what}"),
            other => panic!("{other:?}"),
        }
        let goodbye = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
        assert!(matches!(goodbye, Message::Close(Some(frame)) if u16::from(frame.code) == code), "{code}");
        assert_eq!(bench.event().await, LinkEvent::Closed { conn, code: Some(code), by: ClosedBy::Harness });
    }
}

#[tokio::test(start_paused = true)]
async fn both_sides_may_write_more_than_a_stream_holds_at_the_same_time() {
    let mut bench = Bench::new().await;
    let mut station = serve(bench.network.clone(), &[], HashMap::new(), bench.clock).await.unwrap();
    station.send(LinkCommand::Connect(ConnId(1), client_policy(None)));
    let conn = bench.opened().await;
    assert!(matches!(station.next().await.unwrap().1, LinkEvent::Opened { .. }));
    let text = "x".repeat(900);
    for _ in 0..400 {
        bench.csms.send(LinkCommand::Send(conn, text.clone()));
        station.send(LinkCommand::Send(ConnId(1), text.clone()));
    }
    async fn received(handle: &mut LinkHandle) {
        let mut texts = 0;
        while texts < 400 {
            if matches!(handle.next().await.unwrap().1, LinkEvent::Text { .. }) {
                texts += 1;
            }
        }
    }
    let both = async { tokio::join!(received(&mut bench.csms), received(&mut station)) };
    timeout(PATIENCE, both).await.expect("neither side waits for the other for ever");
}

#[tokio::test(start_paused = true)]
async fn a_close_frame_without_an_answer_ends_the_connection_all_the_same() {
    let mut bench = Bench::new().await;
    let (_silent, conn) = bench.station().await;
    bench.csms.send(LinkCommand::Close(conn, 1001));
    assert!(matches!(bench.event().await, LinkEvent::Closed { by: ClosedBy::Harness, .. }));
}

#[tokio::test(start_paused = true)]
async fn what_comes_before_the_answer_to_our_close_frame_is_still_told() {
    let mut bench = Bench::new().await;
    let (mut socket, conn) = bench.station().await;
    bench.csms.send(LinkCommand::Close(conn, 1000));
    socket.send(Message::text("last words")).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
    let _ = socket.flush().await;
    assert_eq!(bench.event().await, LinkEvent::Text { conn, text: "last words".into() });
    assert!(matches!(bench.event().await, LinkEvent::Closed { by: ClosedBy::Harness, code: Some(1000), .. }));
}

#[tokio::test(start_paused = true)]
async fn a_sut_that_does_not_read_cannot_hold_the_link() {
    let mut bench = Bench::new().await;
    let (deaf, conn) = bench.station().await;
    for _ in 0..400 {
        bench.csms.send(LinkCommand::Send(conn, "x".repeat(900)));
    }
    let ended = async {
        loop {
            if let LinkEvent::Closed { by, .. } = bench.csms.next().await.unwrap().1 {
                return by;
            }
        }
    };
    assert_eq!(timeout(PATIENCE, ended).await.expect("an end"), ClosedBy::Broken);
    drop(deaf);
}

#[tokio::test(start_paused = true)]
async fn a_flood_waits_in_the_socket_until_it_is_wanted() {
    let mut bench = Bench::new().await;
    let (socket, _) = bench.station().await;
    let (mut sink, _keep) = socket.split();
    let flood = tokio::spawn(async move {
        for number in 0..5000 {
            sink.send(Message::text(format!("{number:0>500}"))).await.unwrap();
        }
        sink
    });
    tokio::time::sleep(Duration::from_mins(1)).await;
    assert!(!flood.is_finished(), "2.5 MB were taken while nobody looked at an event");
    for number in 0..5000 {
        let LinkEvent::Text { text, .. } = bench.event().await else { panic!("{number}") };
        assert_eq!(text.trim_start_matches('0').parse().unwrap_or(0), number);
    }
    let _ = flood.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn open_connections_are_limited() {
    let mut bench = Bench::new().await;
    let mut open = Vec::new();
    let refused = loop {
        match client::open(&bench.network, &client_policy(None), bench.clock).await {
            Ok((socket, _, _)) => open.push(socket),
            Err(failure) => break failure,
        }
        bench.opened().await;
        assert!(open.len() < 1000, "no limit");
    };
    assert_eq!(refused, AttemptFailure::UpgradeRefusedBySut(503));
    assert!(open.len() >= 16);
}

#[tokio::test(start_paused = true)]
async fn passwords_are_compared_as_bytes() {
    let network = Network::Memory(MemoryNetwork::default());
    let mut policy = server_policy(None);
    policy.passwords = vec![Secret::new("sixteen bytes \u{fffd}")];
    let policies = HashMap::from([(EndpointId::MAIN, policy)]);
    let mut csms = serve(network.clone(), &addresses(), policies, Clock::start()).await.unwrap();
    // Not UTF-8: as text it would look like the right one.
    let mut credentials = b"CS 1:sixteen bytes ".to_vec();
    credentials.push(0xff);
    let encoded = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, credentials);
    let mut stream = network.connect("csms.test", 443).await.unwrap();
    let request = format!(
        "GET /ocpp/CS%201 HTTP/1.1\r\nHost: csms.test\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: ocpp2.0.1\r\nauthorization: basic {encoded}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let event = csms.next().await.unwrap().1;
    assert!(
        matches!(failure(&event), AttemptFailure::UpgradeRefusedByUs(401, why) if why.contains("password")),
        "{event:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_a_common_subprotocol_the_upgrade_is_completed_and_closed() {
    for (offered, told) in [
        (vec!["ocpp1.6".to_owned()], "no sub-protocol in common: it offered `ocpp1.6`, not ocpp2.0.1"),
        (vec![], "no sub-protocol in common: it offered none, not ocpp2.0.1"),
    ] {
        let mut bench = Bench::new().await;
        let mut policy = client_policy(None);
        policy.subprotocols = offered;
        let (mut socket, _, agreed) = client::open(&bench.network, &policy, bench.clock).await.unwrap();
        assert_eq!(agreed, None);
        assert!(matches!(socket.next().await, Some(Ok(Message::Close(_)))));
        let event = bench.event().await;
        let AttemptFailure::UpgradeRefusedByUs(101, why) = failure(&event) else { panic!("{event:?}") };
        assert_eq!(why, told);
    }
}

#[tokio::test(start_paused = true)]
async fn a_new_policy_holds_for_every_later_connection() {
    let mut bench = Bench::new().await;
    for round in 0..20_u16 {
        let mut policy = server_policy(None);
        policy.refuse_upgrade = Some(400 + round);
        bench.csms.send(LinkCommand::SetPolicy(EndpointId::MAIN, policy));
        let failure = client::open(&bench.network, &client_policy(None), bench.clock).await.map(|_| ()).unwrap_err();
        assert_eq!(failure, AttemptFailure::UpgradeRefusedBySut(400 + round));
        bench.event().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_down_says_nothing() {
    let mut bench = Bench::new().await;
    let mut policy = server_policy(None);
    policy.reachable = false;
    bench.csms.send(LinkCommand::SetPolicy(EndpointId::MAIN, policy));
    let mut stream = bench.raw().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.is_empty());
    assert!(matches!(bench.event().await, LinkEvent::AttemptFailed { .. }));
}

#[tokio::test(start_paused = true)]
async fn an_endless_request_head_is_cut_off() {
    let mut bench = Bench::new().await;
    let mut stream = bench.raw().await;
    stream.write_all(b"GET /ocpp/CS%201 HTTP/1.1\r\n").await.unwrap();
    let endless = async { while stream.write_all(&[b'a'; 1024]).await.is_ok() {} };
    timeout(PATIENCE, endless).await.expect("the server hangs up");
    assert!(matches!(bench.event().await, LinkEvent::AttemptFailed { .. }));
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_ends_connections_and_frees_the_address() {
    let mut bench = Bench::new().await;
    let (mut socket, _) = bench.station().await;
    let Bench { network, csms, clock } = bench;
    drop(csms);
    assert!(!matches!(timeout(PATIENCE, socket.next()).await.expect("an end"), Some(Ok(_))));
    serve(network, &addresses(), HashMap::new(), clock).await.unwrap();
}

/// A server that answers an upgrade request with exactly these bytes (`{accept}` is the right key).
async fn answered_with(answer: &str) -> Result<Option<String>, AttemptFailure> {
    let network = Network::Memory(MemoryNetwork::default());
    let mut listener = network.bind(ADDRESS).await.unwrap();
    let server = async {
        let mut stream = listener.accept().await.unwrap();
        let mut head = vec![0; 4096];
        let read = stream.read(&mut head).await.unwrap();
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).unwrap();
        let accept = tokio_tungstenite::tungstenite::handshake::derive_accept_key(key.as_bytes());
        stream.write_all(answer.replace("{accept}", &accept).as_bytes()).await.unwrap();
        let _ = stream.shutdown().await;
        stream
    };
    let policy = client_policy(None);
    let (opened, _stream) = tokio::join!(client::open(&network, &policy, Clock::start()), server);
    opened.map(|(_, _, subprotocol)| subprotocol)
}

#[tokio::test(start_paused = true)]
async fn improper_answers_of_a_csms_are_told_apart() {
    const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\
                        Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n";
    assert_eq!(answered_with(GOOD).await, Ok(Some("ocpp2.0.1".to_owned())));
    assert_eq!(answered_with(&GOOD.replace("Sec-WebSocket-Protocol: ocpp2.0.1\r\n", "")).await, Ok(None));
    for (from, to) in [
        ("Upgrade: websocket\r\n", ""),
        ("Connection: upgrade\r\n", ""),
        ("{accept}", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="),
        ("ocpp2.0.1", "ocpp2.1"),
        ("\r\n\r\n", "\r\nSec-WebSocket-Protocol: ocpp1.6\r\n\r\n"),
        ("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"),
        ("HTTP/1.1", "SMTP"),
    ] {
        let answer = answered_with(&GOOD.replace(from, to)).await;
        assert!(matches!(answer, Err(AttemptFailure::BadUpgrade(_))), "{from:?} → {to:?}: {answer:?}");
    }
    for status in [401, 403, 404, 503] {
        let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(answered_with(&answer).await, Err(AttemptFailure::UpgradeRefusedBySut(status)));
    }
    assert_eq!(answered_with("").await, Err(AttemptFailure::ClosedBeforeUpgrade));
}
