mod hostile;
mod loopback;
mod stages;
mod thread;
mod time;

use std::collections::HashMap;

use super::*;
use crate::{
    clock::Clock,
    services::pki::{KeyKind, Pki},
};

const ADDRESS: &str = "csms.test:443";

fn server_policy(tls: Option<ServerTls>) -> ServerPolicy {
    ServerPolicy {
        reachable: true,
        tls,
        identity: "CS 1".into(),
        passwords: vec![Secret::new("s3cret-password!")],
        subprotocols: vec!["ocpp2.0.1".into()],
        refuse_upgrade: None,
        others: Vec::new(),
        max_frame: 1000,
    }
}

fn client_policy(tls: Option<ClientTls>) -> ClientPolicy {
    ClientPolicy {
        url: format!("{}://{ADDRESS}/ocpp", if tls.is_some() { "wss" } else { "ws" }),
        identity: "CS 1".into(),
        credentials: Some(("CS 1".into(), Secret::new("s3cret-password!"))),
        subprotocols: vec!["ocpp1.6".into(), "ocpp2.0.1".into()],
        tls,
        max_frame: 1000,
    }
}

/// What both sides say of one attempt: the server's event, the client's event.
async fn attempt(server: ServerPolicy, client: ClientPolicy) -> (LinkEvent, LinkEvent) {
    attempt_at(Clock::start(), server, client).await
}

/// The two ends of an attempt at which both have this clock.
async fn attempt_at(clock: Clock, server: ServerPolicy, client: ClientPolicy) -> (LinkEvent, LinkEvent) {
    let network = Network::Memory(MemoryNetwork::default());
    let policies = HashMap::from([(EndpointId::MAIN, server)]);
    let addresses = [(EndpointId::MAIN, ADDRESS.to_owned())];
    let mut csms = serve(network.clone(), &addresses, policies, clock).await.unwrap();
    let mut station = serve(network, &[], HashMap::new(), clock).await.unwrap();
    station.send(LinkCommand::Connect(ConnId(7), client));
    let (theirs, ours) = tokio::join!(csms.next(), station.next());
    (theirs.unwrap().1, ours.unwrap().1)
}

#[tokio::test(start_paused = true)]
async fn a_password_of_ocpp_1_6_is_shown_as_the_bytes_of_its_digits() {
    let digits = "00ff6162636465666768696A6b6c6d6e6f7071FE";
    let pair = |theirs: Secret, ours: Secret| {
        let mut server = server_policy(None);
        server.passwords = vec![theirs];
        let mut client = client_policy(None);
        client.credentials = Some(("CS 1".into(), ours));
        attempt(server, client)
    };
    let key = || Secret::authorization_key(digits);
    assert_eq!(key().bytes()[..4], [0, 0xff, b'a', b'b']);
    let (server, _) = pair(key(), key()).await;
    assert!(matches!(server, LinkEvent::Opened { .. }), "{server:?}");
    for wrong in [Secret::new(digits), Secret::authorization_key(&digits[..38])] {
        let (server, _) = pair(key(), wrong).await;
        assert!(matches!(failure(&server), AttemptFailure::UpgradeRefusedByUs(401, _)), "{server:?}");
    }
    // What is no key of 16 to 20 bytes stands for itself.
    for text in ["0123456789abcdef", "a-plain-password-1"] {
        assert_eq!(Secret::authorization_key(text).bytes(), text.as_bytes());
    }
    assert_eq!(Secret::authorization_key("a-plain-password").digits(), "612d706c61696e2d70617373776f7264");
}

fn failure(event: &LinkEvent) -> &AttemptFailure {
    match event {
        LinkEvent::AttemptFailed { failure, .. } => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_is_granted_with_identity_and_subprotocol() {
    let (theirs, ours) = attempt(server_policy(None), client_policy(None)).await;
    let LinkEvent::Opened { request, subprotocol, .. } = theirs else { panic!("{theirs:?}") };
    assert_eq!(request.identity.as_deref(), Some("CS 1"));
    assert_eq!(request.subprotocols, ["ocpp1.6", "ocpp2.0.1"]);
    assert_eq!(subprotocol.as_deref(), Some("ocpp2.0.1"));
    assert!(matches!(ours, LinkEvent::Opened { subprotocol: Some(chosen), .. } if chosen == "ocpp2.0.1"));
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_and_identities_are_refused_with_the_right_status() {
    type Change = fn(&mut ClientPolicy);
    let cases: [(Change, u16); 4] = [
        (|policy| policy.credentials = None, 401),
        (|policy| policy.credentials = Some(("CS 1".into(), Secret::new("wrong"))), 401),
        (|policy| policy.credentials = Some(("CS 2".into(), Secret::new("s3cret-password!"))), 401),
        (|policy| policy.identity = "CS 2".into(), 404),
    ];
    for (change, status) in cases {
        let mut client = client_policy(None);
        change(&mut client);
        let (theirs, ours) = attempt(server_policy(None), client).await;
        assert!(
            matches!(failure(&theirs), AttemptFailure::UpgradeRefusedByUs(found, _) if *found == status),
            "{theirs:?}"
        );
        assert_eq!(*failure(&ours), AttemptFailure::UpgradeRefusedBySut(status));
    }
    // Nothing follows the closing slash, so that is no identity.
    let mut client = client_policy(None);
    client.identity = String::new();
    let (theirs, _) = attempt(server_policy(None), client).await;
    let AttemptFailure::UpgradeRefusedByUs(404, why) = failure(&theirs) else { panic!("{theirs:?}") };
    assert!(why.starts_with("the path ends with `/`, so it has no identity"), "{why}");
}

#[tokio::test(start_paused = true)]
async fn a_password_in_hexadecimal_digits_is_used_as_its_bytes() {
    let as_bytes = |digits: &str| Some(("CS 1".to_owned(), Secret::authorization_key(digits)));
    let mut server = server_policy(None);
    server.passwords = vec![Secret::authorization_key("000102FFfeFD0102030405060708090a0b0c0d0e")];
    for (credentials, good) in [
        (as_bytes("000102fffefd0102030405060708090a0b0c0d0e"), true),
        (as_bytes("000102fffefd0102030405060708090a0b0c0d0f"), false),
        (Some(("CS 1".to_owned(), Secret::new("000102FFfeFD0102030405060708090a0b0c0d0e"))), false),
    ] {
        let (theirs, _) = attempt(server.clone(), ClientPolicy { credentials, ..client_policy(None) }).await;
        assert_eq!(matches!(theirs, LinkEvent::Opened { .. }), good, "{theirs:?}");
    }
}

fn tls_pair(pki: &Pki, kind: CertificateKind) -> (ServerTls, ClientTls) {
    let identity = pki.server(kind, &["csms.test".to_owned()]).unwrap();
    (
        ServerTls { identity, rsa_identity: None, client_roots: None, versions: vec![], suites: vec![] },
        ClientTls { roots: Some(pki.root_pem().to_owned()), identity: None, versions: vec![], suites: vec![] },
    )
}

#[tokio::test(start_paused = true)]
async fn certificates_that_must_not_be_trusted_are_refused_by_the_client() {
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    for (kind, good) in [
        (CertificateKind::Valid, true),
        (CertificateKind::Expired, false),
        (CertificateKind::NotYetValid, false),
        (CertificateKind::UnknownAuthority, false),
        (CertificateKind::WrongName, false),
    ] {
        let (server, client) = tls_pair(&pki, kind);
        let (theirs, _) = attempt(server_policy(Some(server)), client_policy(Some(client))).await;
        if good {
            let LinkEvent::Opened { request, .. } = theirs else { panic!("{theirs:?}") };
            let tls = request.tls.unwrap();
            assert_eq!(tls.version, TlsVersion::V1_3);
            let hello = tls.hello.unwrap();
            assert_eq!(hello.versions, [TlsVersion::V1_3, TlsVersion::V1_2]);
            assert_eq!(hello.server_name.as_deref(), Some("csms.test"));
            assert!(hello.suites.contains(&"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256".to_owned()), "{hello:?}");
        } else {
            assert!(matches!(failure(&theirs), AttemptFailure::TlsRefusedBySut(_)), "{kind:?} {theirs:?}");
        }
    }
}

#[cfg(feature = "legacy-tls")]
#[tokio::test(start_paused = true)]
async fn old_versions_are_spoken_to_see_them_refused_and_static_rsa_to_be_used() {
    let pki = Pki::new(KeyKind::Rsa, jiff::Timestamp::now()).unwrap();
    let (mut server, client) = tls_pair(&pki, CertificateKind::Valid);
    server.versions = vec![TlsVersion::V1_1];
    let (theirs, _) = attempt(server_policy(Some(server)), client_policy(Some(client))).await;
    assert!(matches!(failure(&theirs), AttemptFailure::TlsRefusedBySut(_)), "{theirs:?}");

    let (server, mut client) = tls_pair(&pki, CertificateKind::Valid);
    client.versions = vec![TlsVersion::V1_2];
    client.suites = vec!["TLS_RSA_WITH_AES_128_GCM_SHA256".into()];
    let (theirs, _) = attempt(server_policy(Some(server)), client_policy(Some(client))).await;
    let LinkEvent::Opened { request, .. } = theirs else { panic!("{theirs:?}") };
    assert_eq!(request.tls.unwrap().suite, "TLS_RSA_WITH_AES_128_GCM_SHA256");
}

#[tokio::test(start_paused = true)]
async fn client_certificates_are_demanded_where_the_policy_says_so() {
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap();
    for (kind, good) in [(Some(CertificateKind::Valid), true), (Some(CertificateKind::Expired), false), (None, false)] {
        let (mut server, mut client) = tls_pair(&pki, CertificateKind::Valid);
        server.client_roots = Some(pki.root_pem().to_owned());
        client.identity = kind.map(|kind| pki.client(kind, "CS 1", "Vendor").unwrap());
        let (theirs, ours) = attempt(server_policy(Some(server)), client_policy(Some(client))).await;
        assert_eq!(matches!(theirs, LinkEvent::Opened { .. }), good, "{kind:?} {theirs:?}");
        assert_eq!(matches!(ours, LinkEvent::Opened { .. }), good, "{kind:?} {ours:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_ends_the_connection_and_is_told() {
    let network = Network::Memory(MemoryNetwork::default());
    let policies = HashMap::from([(EndpointId::MAIN, server_policy(None))]);
    let addresses = [(EndpointId::MAIN, ADDRESS.to_owned())];
    let mut csms = serve(network.clone(), &addresses, policies, Clock::start()).await.unwrap();
    for (message, told) in [
        (tokio_tungstenite::tungstenite::Message::binary(vec![1, 2]), "binary message of 2 bytes"),
        (tokio_tungstenite::tungstenite::Message::text("x".repeat(2000)), "2000 bytes; the harness takes at most 1000"),
    ] {
        let (mut socket, _, _) = client::open(&network, &client_policy(None), Clock::start()).await.unwrap();
        assert!(matches!(csms.next().await.unwrap().1, LinkEvent::Opened { .. }));
        futures_util::SinkExt::send(&mut socket, message).await.unwrap();
        let LinkEvent::Garbage { what, .. } = csms.next().await.unwrap().1 else { panic!() };
        assert!(what.contains(told), "{what}");
        assert!(matches!(csms.next().await.unwrap().1, LinkEvent::Closed { .. }));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stalled_handshake_times_out() {
    let network = Network::Memory(MemoryNetwork::default());
    let policies = HashMap::from([(EndpointId::MAIN, server_policy(None))]);
    let addresses = [(EndpointId::MAIN, ADDRESS.to_owned())];
    let mut csms = serve(network.clone(), &addresses, policies, Clock::start()).await.unwrap();
    let _stalled = network.connect("csms.test", 443).await.unwrap();
    assert_eq!(*failure(&csms.next().await.unwrap().1), AttemptFailure::TimedOut);
}
