//! Over real sockets, with and without TLS.

use super::*;

#[tokio::test]
async fn messages_go_both_ways_over_tcp() {
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    let identity = pki.server(CertificateKind::Valid, &["127.0.0.1".to_owned()]).unwrap();
    let tls = ServerTls { identity, rsa_identity: None, client_roots: None, versions: vec![], suites: vec![] };
    let roots = Some(pki.root_pem().to_owned());
    let client_tls = ClientTls { roots, identity: None, versions: vec![], suites: vec![] };
    for (tls, client_tls, scheme) in [(None, None, "ws"), (Some(tls), Some(client_tls), "wss")] {
        let clock = Clock::start();
        let policies = HashMap::from([(EndpointId::MAIN, server_policy(tls))]);
        let addresses = [(EndpointId::MAIN, "127.0.0.1:0".to_owned())];
        let mut csms = serve(Network::Tcp, &addresses, policies, clock).await.unwrap();
        let mut policy = client_policy(client_tls);
        policy.url = format!("{scheme}://{}/ocpp/", csms.address(EndpointId::MAIN).unwrap());
        let mut station = serve(Network::Tcp, &[], HashMap::new(), clock).await.unwrap();
        station.send(LinkCommand::Connect(ConnId(1), policy));
        let LinkEvent::Opened { conn, .. } = csms.next().await.unwrap().1 else { panic!() };
        assert!(matches!(station.next().await.unwrap().1, LinkEvent::Opened { .. }));

        station.send(LinkCommand::Send(ConnId(1), "to the CSMS".into()));
        let (sent_at, sent) = station.next().await.unwrap();
        assert!(matches!(sent, LinkEvent::Sent { .. }));
        let (read_at, read) = csms.next().await.unwrap();
        assert_eq!(read, LinkEvent::Text { conn, text: "to the CSMS".into() });
        assert!(read_at.seconds_since(&sent_at).abs() < 1.0);

        csms.send(LinkCommand::Close(conn, 1000));
        assert!(matches!(
            station.next().await.unwrap().1,
            LinkEvent::Closed { code: Some(1000), by: ClosedBy::Sut, .. }
        ));
        assert!(matches!(csms.next().await.unwrap().1, LinkEvent::Closed { by: ClosedBy::Harness, .. }));
    }
}

/// A product that is left at the end of a run is told so, by the WebSocket and by TLS: neither looks like a failure to it.
#[tokio::test]
async fn who_parts_says_goodbye() {
    use futures_util::{SinkExt as _, StreamExt as _};
    use tokio::io::AsyncReadExt as _;
    use tokio_tungstenite::tungstenite::{Message, protocol::frame::coding::CloseCode};
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    let (tls, client_tls) = tls_pair(&pki, CertificateKind::Valid);
    for (tls, client_tls) in [(None, None), (Some(tls), Some(client_tls))] {
        let network = Network::Memory(MemoryNetwork::default());
        let policies = HashMap::from([(EndpointId::MAIN, server_policy(tls))]);
        let addresses = [(EndpointId::MAIN, ADDRESS.to_owned())];
        let clock = Clock::start();
        let mut csms = serve(network.clone(), &addresses, policies, clock).await.unwrap();
        let policy = client_policy(client_tls);
        let (mut station, ..) =
            client::open_through(&network, &policy, clock, |stream| stream, &mut None).await.unwrap();
        let leaving = async {
            csms.part().await;
            drop(csms);
        };
        let staying = async {
            let Some(Ok(Message::Close(Some(frame)))) = station.next().await else { panic!("no close frame") };
            assert_eq!(frame.code, CloseCode::Away);
            // The answer to it.
            let _ = station.flush().await;
            while station.next().await.is_some_and(|message| message.is_ok()) {}
            let mut stream = station.into_inner();
            assert_eq!(stream.read(&mut [0; 16]).await.unwrap(), 0, "the stream ends as it should");
        };
        tokio::join!(leaving, staying);
    }
}
