//! The thread of a link over real sockets, as its owner and its peers meet it.

use std::{net::TcpStream, sync::Arc};

use base64::Engine as _;
use tokio_tungstenite::tungstenite::{self, Message, client::IntoClientRequest as _};

use super::*;

fn anywhere() -> [(EndpointId, String); 1] {
    [(EndpointId::MAIN, "127.0.0.1:0".to_owned())]
}

async fn csms(tap: Option<Arc<dyn Tap>>) -> (LinkHandle, String) {
    let policies = HashMap::from([(EndpointId::MAIN, server_policy(None))]);
    let csms = serve_through(Network::Tcp, &anywhere(), policies, Clock::start(), tap).await.unwrap();
    let address = csms.address(EndpointId::MAIN).unwrap().to_owned();
    (csms, address)
}

/// A station on a thread of its own, with a socket that blocks.
fn station(address: &str) -> tungstenite::WebSocket<TcpStream> {
    let mut request = format!("ws://{address}/ocpp/CS%201").into_client_request().unwrap();
    let login = base64::engine::general_purpose::STANDARD.encode("CS 1:s3cret-password!");
    request.headers_mut().insert("Authorization", format!("Basic {login}").parse().unwrap());
    request.headers_mut().insert("Sec-WebSocket-Protocol", "ocpp2.0.1".parse().unwrap());
    tungstenite::client(request, TcpStream::connect(address).unwrap()).unwrap().0
}

#[tokio::test]
async fn messages_are_read_stamped_and_written_while_the_owner_is_busy() {
    let clock = Clock::start();
    let policies = HashMap::from([(EndpointId::MAIN, server_policy(None))]);
    let mut csms = serve(Network::Tcp, &anywhere(), policies, clock).await.unwrap();
    let address = csms.address(EndpointId::MAIN).unwrap().to_owned();
    let peer = std::thread::spawn(move || {
        let mut socket = station(&address);
        assert_eq!(socket.read().unwrap(), Message::text("for the station"));
        socket.send(Message::text("for the CSMS")).unwrap();
        socket.send(Message::Ping("?".into())).unwrap();
        assert!(matches!(socket.read().unwrap(), Message::Pong(_)));
        socket
    });
    let LinkEvent::Opened { conn, .. } = csms.next().await.unwrap().1 else { panic!() };
    csms.send(LinkCommand::Send(conn, "for the station".into()));
    // Blocks the runtime of the owner until the link has done all that.
    let _open = peer.join().unwrap();
    let free_again = clock.now();
    assert!(csms.settle().await >= 2);
    let (sent, event) = csms.try_next().unwrap();
    assert_eq!(event, LinkEvent::Sent { conn, text: "for the station".into() });
    let (read, event) = csms.try_next().unwrap();
    assert_eq!(event, LinkEvent::Text { conn, text: "for the CSMS".into() });
    assert!(sent <= read && read <= free_again, "one clock for all threads: {sent:?} {read:?} {free_again:?}");
}

#[tokio::test]
async fn an_address_that_cannot_be_bound_is_told_and_one_that_was_is_free_when_the_link_is_dropped() {
    let (csms, address) = csms(None).await;
    let addresses = [(EndpointId::MAIN, address)];
    let again = serve(Network::Tcp, &addresses, HashMap::new(), Clock::start()).await;
    assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
    drop(csms);
    let again = serve(Network::Tcp, &addresses, HashMap::new(), Clock::start()).await.unwrap();
    assert!(again.is_alive());
}

/// A peer that floods fills the queue of events, and no more is read until somebody takes them.
#[tokio::test]
async fn a_flood_waits_in_the_socket_and_nothing_of_it_is_lost() {
    const MESSAGES: usize = 2000;
    let (mut csms, address) = csms(None).await;
    let peer = std::thread::spawn(move || {
        let mut socket = station(&address);
        for number in 0..MESSAGES {
            socket.send(Message::text(number.to_string())).unwrap();
        }
        socket
    });
    let LinkEvent::Opened { .. } = csms.next().await.unwrap().1 else { panic!() };
    for number in 0..MESSAGES {
        let LinkEvent::Text { text, .. } = csms.next().await.unwrap().1 else { panic!() };
        assert_eq!(text, number.to_string());
        assert!(csms.settle().await <= crate::link::server::EVENT_BUFFER);
    }
    let _open = peer.join().unwrap();
}

#[derive(Debug)]
struct Broken;

impl Tap for Broken {
    fn stream(&self, _: ConnId, _: BoxStream) -> BoxStream {
        panic!("as this test wants it")
    }

    fn subprotocol(&self, _: ConnId, agreed: Option<String>) -> Option<String> {
        agreed
    }
}

/// The engine would otherwise wait for what nobody tells any more, and the product would be blamed.
#[tokio::test]
async fn a_panic_in_the_link_ends_it() {
    let (mut csms, address) = csms(Some(Arc::new(Broken))).await;
    let peer = std::thread::spawn(move || TcpStream::connect(address));
    assert_eq!(csms.next().await, None);
    assert_eq!(csms.settle().await, 0);
    let _ = peer.join().unwrap();
}
