//! How far a handshake came that failed, and what the other side sent in it.

use tokio::io::AsyncWriteExt as _;

use super::*;

/// What the server tells of a client that writes these bytes and hangs up.
async fn told_of(bytes: &[u8], tls: Option<ServerTls>) -> LinkEvent {
    let network = Network::Memory(MemoryNetwork::default());
    let policies = HashMap::from([(EndpointId::MAIN, server_policy(tls))]);
    let addresses = [(EndpointId::MAIN, ADDRESS.to_owned())];
    let mut csms = serve(network.clone(), &addresses, policies, Clock::start()).await.unwrap();
    let mut stream = network.connect("csms.test", 443).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    drop(stream);
    csms.next().await.unwrap().1
}

#[tokio::test(start_paused = true)]
async fn who_sends_no_client_hello_has_refused_nothing() {
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    let tls = || Some(tls_pair(&pki, CertificateKind::Valid).0);
    for (bytes, words) in [
        (&b""[..], "without a single byte"),
        (&[22, 3, 1, 2, 0, 1, 0][..], "after 7 bytes, before the ClientHello was whole"),
    ] {
        let event = told_of(bytes, tls()).await;
        assert!(matches!(failure(&event), AttemptFailure::NoClientHello(what) if what.contains(words)), "{event:?}");
    }
    let event = told_of(b"GET /ocpp/CS1 HTTP/1.1\r\nHost: a\r\n\r\n", tls()).await;
    assert!(
        matches!(failure(&event), AttemptFailure::TlsRefusedByUs(why) if why.contains("HTTP request")),
        "{event:?}"
    );
    assert!(matches!(&event, LinkEvent::AttemptFailed { head: Some(head), .. } if head.starts_with("GET /ocpp/CS1")));
}

#[tokio::test(start_paused = true)]
async fn an_alert_is_told_with_its_name_and_the_stage() {
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    for versions in [vec![TlsVersion::V1_2], vec![TlsVersion::V1_3]] {
        let (server, mut client) = tls_pair(&pki, CertificateKind::UnknownAuthority);
        client.versions.clone_from(&versions);
        let (theirs, ours) = attempt(server_policy(Some(server)), client_policy(Some(client))).await;
        assert_eq!(
            failure(&theirs).words(),
            "the SUT broke off the TLS handshake: it sent the alert unknown_ca after its ClientHello and before its Finished",
            "{versions:?}"
        );
        let AttemptFailure::TlsRefusedByUs(why) = failure(&ours) else { panic!("{ours:?}") };
        assert!(why.contains("we sent the alert unknown_ca"), "{why}");
    }
    // A server judges a client's certificate when the client is done, with TLS 1.3.
    let (mut server, client) = tls_pair(&pki, CertificateKind::Valid);
    server.client_roots = Some(pki.root_pem().to_owned());
    let (_, ours) = attempt(server_policy(Some(server)), client_policy(Some(client))).await;
    assert_eq!(
        failure(&ours).words(),
        "the SUT broke off the TLS handshake: it sent the alert certificate_required after our Finished"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_for_and_answered_is_told_where_the_upgrade_fails() {
    let client = ClientPolicy { subprotocols: vec!["ocpp1.5".into()], ..client_policy(None) };
    let (theirs, _) = attempt(server_policy(None), client).await;
    let LinkEvent::AttemptFailed { head: Some(head), .. } = &theirs else { panic!("{theirs:?}") };
    assert!(
        head.contains("Sec-WebSocket-Protocol: ocpp1.5") && head.contains("Authorization: Basic (not shown)"),
        "{head}"
    );

    let client = ClientPolicy { identity: "CS 2".into(), ..client_policy(None) };
    let (_, ours) = attempt(server_policy(None), client).await;
    let LinkEvent::AttemptFailed { head: Some(head), .. } = &ours else { panic!("{ours:?}") };
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");

    // What is no upgrade is seen as well.
    let event = told_of(b"POST /ocpp/CS1 HTTP/1.1\r\nHost: a\r\nCookie: s=1\r\n\r\n", None).await;
    let LinkEvent::AttemptFailed { head: Some(head), .. } = &event else { panic!("{event:?}") };
    assert_eq!(head, "POST /ocpp/CS1 HTTP/1.1\nHost: a\nCookie: (not shown)");
}
