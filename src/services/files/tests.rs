//! Each server with a real client, over loopback: a runtime of several threads, real sockets, the real clock.

use std::sync::Arc;

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Credentials, FileServer, FileSetup, FilesError, Limits, MAX_CONNECTIONS, Store};
use crate::{
    clock::Clock,
    link::{CertificateKind, MemoryNetwork, Network, Secret},
    protocol::transfer::Protocol,
    services::{
        pki::{KeyKind, Pki},
        transfer::{Client, TransferError},
    },
};

/// Larger than what any buffer on the way holds.
fn image() -> Bytes {
    (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect::<Vec<u8>>().into()
}

fn setup(protocol: Protocol) -> FileSetup {
    FileSetup {
        protocol,
        listen: "127.0.0.1:0".into(),
        public: String::new(),
        credentials: Some(Credentials { user: "a user".into(), password: Secret::new("p@ss/word: ü") }),
        passive_ports: 20000..=65535,
        store: Store::new(Limits { upload: 4_000_000, ..Limits::default() }),
    }
}

fn pki() -> Arc<Pki> {
    Pki::new(KeyKind::Ecdsa, jiff::Timestamp::now()).unwrap()
}

async fn start(setup: &FileSetup, pki: &Pki, kind: CertificateKind) -> FileServer {
    let identity = pki.server(kind, &["localhost".into(), "127.0.0.1".into()]).unwrap();
    FileServer::start(setup, &Network::Tcp, Some(identity), Clock::start()).await.unwrap()
}

fn client(pki: &Pki) -> Client {
    Client { network: Network::Tcp, roots: Some(pki.root_pem().to_owned()), clock: Clock::start() }
}

/// Those that this build has.
fn protocols() -> impl Iterator<Item = Protocol> {
    Protocol::ALL.into_iter().filter(|protocol| protocol.is_built_in())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_fetched_and_sent_over_every_protocol() {
    let pki = pki();
    for protocol in protocols() {
        let server = start(&setup(protocol), &pki, CertificateKind::Valid).await;
        let client = client(&pki);
        let url = server.offer("image.bin", image(), 0);
        assert!(url.starts_with(&format!("{}://a%20user:", protocol.scheme())), "{url}");
        assert_eq!(client.download(&url).await.unwrap(), image(), "{protocol}");
        assert_eq!(server.downloads(&url), 1, "{protocol}");
        let folder = server.upload_location("TC_N_25_CS", 0);
        client.upload(&folder, "station.log", image().to_vec()).await.unwrap();
        client.upload(&folder, "empty.log", Vec::new()).await.unwrap();
        assert_eq!(
            server.received(&folder),
            [("station.log".into(), 3_000_000), ("empty.log".into(), 0)],
            "{protocol}"
        );
        let uploads = server.collect(Some("TC_N_25_CS"));
        assert_eq!(uploads[0].content.as_ref(), Some(&image()), "{protocol}");
        assert_eq!((uploads[0].size, uploads[0].protocol), (3_000_000, protocol));
        assert_eq!(uploads[1].sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_not_permitted_fails_over_every_protocol() {
    let pki = pki();
    for protocol in protocols() {
        let server = start(&setup(protocol), &pki, CertificateKind::Valid).await;
        let client = client(&pki);
        let url = server.offer("image.bin", Bytes::from_static(b"image"), 0);
        let missing = client.download(&format!("{url}_does_not_exist")).await;
        assert!(matches!(missing, Err(TransferError::Failed(_))), "{protocol}: {missing:?}");
        let missing = client.upload(&server.missing_location(), "station.log", b"log".to_vec()).await;
        assert!(matches!(missing, Err(TransferError::Failed(_))), "{protocol}: {missing:?}");
        let folder = server.upload_location("TC_N_25_CS", 0);
        let large = client.upload(&folder, "station.log", vec![0; 4_000_001]).await;
        assert!(matches!(large, Err(TransferError::Failed(_))), "{protocol}: {large:?}");
        let wrong = url.replacen("a%20user:", "a%20user:not", 1);
        let denied = client.download(&wrong).await;
        assert!(matches!(denied, Err(TransferError::Denied(_))), "{protocol}: {denied:?}");
        let nobody = format!("{}://{}/uploads/1/", protocol.scheme(), server.address());
        let denied = client.upload(&nobody, "x", b"log".to_vec()).await;
        assert!(matches!(denied, Err(TransferError::Denied(_))), "{protocol}: {denied:?}");
        assert!(server.received(&folder).is_empty() && server.collect(None).is_empty(), "{protocol}");
        assert_eq!(server.downloads(&url), 0, "{protocol}");
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_are_harmless_over_every_protocol() {
    let pki = pki();
    for protocol in protocols() {
        let server = start(&setup(protocol), &pki, CertificateKind::Valid).await;
        let client = client(&pki);
        let folder = server.upload_location("TC_N_25_CS", 0);
        for name in ["..%2f..%2fetc%2fpasswd", "..%5c..%5cx", "a%00b", "a%0d%0aDELE%20x", &"x".repeat(5000)] {
            let sent = client.upload(&folder, name, b"log".to_vec()).await;
            assert!(sent.is_err(), "{protocol}: {name:?}");
        }
        client.upload(&folder, "%3Cscript%3E.log", b"log".to_vec()).await.unwrap();
        let uploads = server.collect(None);
        assert_eq!(uploads.len(), 1, "{protocol}: {uploads:?}");
        assert_eq!((uploads[0].name.as_str(), uploads[0].extension.as_str()), ("<script>.log", "log"), "{protocol}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_knows_its_root_trusts_nobody_else() {
    let pki = pki();
    for protocol in protocols().filter(|protocol| protocol.has_tls()) {
        for kind in [CertificateKind::UnknownAuthority, CertificateKind::Expired, CertificateKind::WrongName] {
            let server = start(&setup(protocol), &pki, kind).await;
            let url = server.offer("image.bin", Bytes::from_static(b"image"), 0);
            assert!(client(&pki).download(&url).await.is_err(), "{protocol}, {kind:?}");
            assert_eq!(server.downloads(&url), 0);
            server.show(pki.server(CertificateKind::Valid, &["127.0.0.1".into()]).unwrap());
            assert_eq!(client(&pki).download(&url).await.as_deref(), Ok(&b"image"[..]), "{protocol}, {kind:?}");
        }
    }
}

/// A lost race between AUTH TLS and the ClientHello would be seen in one of so many.
#[cfg(feature = "files")]
#[tokio::test(flavor = "multi_thread")]
async fn ftps_is_entered_by_auth_tls_every_time_and_by_tls_at_once() {
    let pki = pki();
    let server = start(&setup(Protocol::Ftps), &pki, CertificateKind::Valid).await;
    let url = server.offer("image.bin", Bytes::from_static(b"image"), 0);
    for _ in 0..10 {
        assert_eq!(client(&pki).download(&url).await.as_deref(), Ok(&b"image"[..]));
    }
    let tls = crate::link::ClientTls {
        roots: Some(pki.root_pem().to_owned()),
        identity: None,
        versions: Vec::new(),
        suites: Vec::new(),
    };
    let stream = Box::new(TcpStream::connect(server.address()).await.unwrap());
    let (mut implicit, _) = crate::link::tls::connect(stream, &tls, "localhost", Clock::start()).await.unwrap();
    let mut greeting = [0; 4];
    implicit.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"220 ");
    // Nobody is let in without TLS.
    let mut plain = TcpStream::connect(server.address()).await.unwrap();
    plain.write_all(b"USER a user\r\nQUIT\r\n").await.unwrap();
    let mut said = String::new();
    plain.read_to_string(&mut said).await.unwrap();
    assert_eq!(said, "220 ocpp-attest\r\n534 AUTH TLS first\r\n221 Bye\r\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_transfers_come_to_their_end_and_can_be_cancelled() {
    let pki = pki();
    for protocol in protocols() {
        let server = start(&setup(protocol), &pki, CertificateKind::Valid).await;
        let slow = server.offer("image.bin", Bytes::from_static(b"an image"), 1);
        assert_eq!(client(&pki).download(&slow).await.unwrap(), b"an image", "{protocol}");
        let folder = server.upload_location("TC_N_36_CS", 600);
        let (other, peer) = (server.upload_location("TC_N_36_CS", 0), client(&pki));
        let begun = tokio::spawn({
            let (peer, folder) = (peer.clone(), folder.clone());
            async move { peer.upload(&folder, "first.log", b"log".to_vec()).await }
        });
        tokio::task::yield_now().await;
        begun.abort();
        assert!(begun.await.unwrap_err().is_cancelled());
        // The server is as good as before.
        peer.upload(&other, "second.log", b"log".to_vec()).await.unwrap();
        assert_eq!(server.received(&other).len(), 1, "{protocol}");
        assert!(server.received(&folder).is_empty(), "{protocol}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_any_more_once_the_server_is_gone() {
    let pki = pki();
    for protocol in protocols() {
        let server = start(&setup(protocol), &pki, CertificateKind::Valid).await;
        let url = server.offer("image.bin", Bytes::from_static(b"image"), 0);
        drop(server);
        tokio::task::yield_now().await;
        let refused = client(&pki).download(&url).await;
        assert!(matches!(refused, Err(TransferError::Failed(_))), "{protocol}: {refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_flood_leave_room_for_others_once_they_go() {
    for protocol in protocols() {
        let server = start(&setup(protocol), &pki(), CertificateKind::Valid).await;
        let mut silent = Vec::new();
        for _ in 0..MAX_CONNECTIONS {
            silent.push(TcpStream::connect(server.address()).await.unwrap());
        }
        // One too many: it is closed before anything is said.
        let mut refused = TcpStream::connect(server.address()).await.unwrap();
        let mut said = Vec::new();
        let _ = refused.read_to_end(&mut said).await;
        assert!(said.is_empty(), "{protocol}: {:?}", String::from_utf8_lossy(&said));
        for stream in &mut silent {
            let _ = stream.write_all(b"\r\n\0nonsense\r\n\r\n").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_anybody_may_transfer() {
    let pki = pki();
    for protocol in protocols() {
        let setup = FileSetup { credentials: None, ..setup(protocol) };
        let server = start(&setup, &pki, CertificateKind::Valid).await;
        let url = server.offer("image.bin", Bytes::from_static(b"image"), 0);
        // SFTP knows no anonymous: it has some of its own.
        assert_eq!(url.contains('@'), protocol == Protocol::Sftp, "{url}");
        assert_eq!(client(&pki).download(&url).await.unwrap(), b"image", "{protocol}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_place_is_for_who_gives_its_credentials_and_the_others_stay_open() {
    let pki = pki();
    let open = FileSetup { credentials: None, ..setup(Protocol::Http) };
    let server = start(&open, &pki, CertificateKind::Valid).await;
    let beside = start(&FileSetup { protocol: Protocol::Https, ..open }, &pki, CertificateKind::Valid).await;
    let (client, guard) = (client(&pki), Credentials { user: "a user".into(), password: Secret::new("p@ss: ü/#") });
    for server in [&server, &beside] {
        let location = server.guarded_location("TC_N_102_CS", &guard);
        let sent = |anonymous| client.status_of_upload(&location, "a.log", image().to_vec(), anonymous);
        assert_eq!((sent(true).await, server.received(&location).len()), (Ok(401), 0));
        let wrong = location.replace("a%20user", "another");
        assert_eq!(client.status_of_upload(&wrong, "a.log", vec![0], false).await, Ok(401), "{wrong}");
        // The other way round through its parts, and below it.
        let within = location.replace("/uploads/", "/uploads/.//");
        assert_eq!(client.status_of_upload(&within, "x/a.log", vec![0], true).await, Ok(401), "{within}");
        assert_eq!((sent(false).await, server.received(&location)), (Ok(201), vec![("a.log".into(), 3_000_000)]));
        assert_eq!(client.upload(&server.upload_location("TC_N_25_CS", 0), "b.log", vec![1]).await, Ok(()));
    }
    // What has arrived at one server is found by the other.
    assert_eq!(server.collect(Some("TC_N_102_CS")).len(), 2);
    let demanding = start(&setup(Protocol::Http), &pki, CertificateKind::Valid).await;
    let location = demanding.guarded_location("TC_N_102_CS", &guard);
    assert!(location.contains("p%40ss%2Fword"), "a server with a password of its own needs no other: {location}");
}

#[tokio::test]
async fn in_memory_there_are_http_and_https() {
    let (network, pki) = (Network::Memory(MemoryNetwork::default()), pki());
    for protocol in protocols() {
        let setup = FileSetup { listen: "files.test:80".into(), public: "files.test:80".into(), ..setup(protocol) };
        let identity = pki.server(CertificateKind::Valid, &["files.test".into()]).unwrap();
        let started = FileServer::start(&setup, &network, Some(identity), Clock::start()).await;
        let client = Client { network: network.clone(), ..client(&pki) };
        match protocol {
            Protocol::Http | Protocol::Https => {
                let server = started.unwrap();
                let url = server.offer("image.bin", image(), 0);
                assert_eq!(client.download(&url).await.unwrap(), image());
            }
            _ => {
                assert!(matches!(started, Err(FilesError::NeedsSockets(_))), "{started:?}");
                let url = format!("{}://files.test/x", protocol.scheme());
                assert!(matches!(client.download(&url).await, Err(TransferError::NotSupported(_))));
            }
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn urls_that_are_none_are_not_supported() {
    let client = client(&pki());
    for url in ["", "image.bin", "gopher://h/x", "file:///etc/passwd", "http://", "ftp://h/a%0D%0ADELE"] {
        let result = client.download(url).await;
        assert!(matches!(result, Err(TransferError::NotSupported(_))), "{url:?}: {result:?}");
    }
}

#[test]
fn the_public_address_has_the_bound_port_unless_it_names_one() {
    for (told, expected) in [
        ("", "127.0.0.1:9080"),
        ("lab.example", "lab.example:9080"),
        ("lab.example:80", "lab.example:80"),
        ("192.0.2.1", "192.0.2.1:9080"),
        ("2001:db8::1", "[2001:db8::1]:9080"),
        ("[2001:db8::1]:21", "[2001:db8::1]:21"),
    ] {
        assert_eq!(super::public(told, "127.0.0.1:9080"), expected, "{told}");
    }
}
