//! A long life with many messages and many who knock: nothing is kept of what is over.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, time::timeout};

use super::*;

const PATIENCE: Duration = Duration::from_hours(1);
/// What memory may grow by while nothing should be kept, bytes.
const SLACK: u64 = 16 << 20;

/// Memory that the process holds, bytes; 0 where the system does not tell.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    pages.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

async fn csms(network: &Network, clock: Clock) -> LinkHandle {
    let addresses = [(EndpointId::MAIN, ADDRESS.to_owned())];
    let policies = HashMap::from([(EndpointId::MAIN, server_policy(None))]);
    serve(network.clone(), &addresses, policies, clock).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_messages_leave_nothing_behind() {
    let network = Network::Memory(MemoryNetwork::default());
    let clock = Clock::start();
    let mut csms = csms(&network, clock).await;
    let mut station = serve(network, &[], HashMap::new(), clock).await.unwrap();
    station.send(LinkCommand::Connect(ConnId(1), client_policy(None)));
    let LinkEvent::Opened { conn, .. } = csms.next().await.unwrap().1 else { panic!("no connection") };
    station.next().await.unwrap();
    let text = "x".repeat(700);
    let mut before = 0;
    for round in 0..50_000 {
        if round == 5_000 {
            before = resident();
        }
        csms.send(LinkCommand::Send(conn, text.clone()));
        assert!(matches!(csms.next().await.unwrap().1, LinkEvent::Sent { .. }));
        assert!(matches!(station.next().await.unwrap().1, LinkEvent::Text { .. }));
        station.send(LinkCommand::Send(ConnId(1), text.clone()));
        assert!(matches!(station.next().await.unwrap().1, LinkEvent::Sent { .. }));
        assert!(matches!(csms.next().await.unwrap().1, LinkEvent::Text { .. }));
    }
    let after = resident();
    assert!(after < before + SLACK, "{before} bytes became {after}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_bad_attempts_leave_room_for_a_good_one() {
    let network = Network::Memory(MemoryNetwork::default());
    let clock = Clock::start();
    let mut csms = csms(&network, clock).await;
    let mut held = Vec::new();
    let mut before = 0;
    for number in 0..1000_usize {
        if number == 100 {
            before = resident();
        }
        let mut stream = network.connect("csms.test", 443).await.unwrap();
        let words: &[u8] = match number % 5 {
            0 => b"",
            1 => b"GET / HTTP/1.1\r\n",
            2 => b"\x16\x03\x01\x02\x00\x01\x00",
            3 => b"GET /ocpp/CS%201 HTTP/1.1\r\nHost: x\r\n\r\n",
            _ => &[0xff; 4096],
        };
        // It may have been refused by now; that is an attempt too.
        let _ = stream.write_all(words).await;
        if number % 2 == 0 {
            // Some never let go by themselves.
            held.push(stream);
        }
        let failed = timeout(PATIENCE, csms.next()).await.expect("an end of the attempt").unwrap().1;
        assert!(matches!(failed, LinkEvent::AttemptFailed { .. }), "{number}: {failed:?}");
    }
    let after = resident();
    // Those that hold on hold their buffers, which are the test's.
    let buffers = (held.len() * 2 * 64) as u64 * 1024;
    assert!(after < before + buffers + SLACK, "{before} bytes became {after}");
    let station = serve(network, &[], HashMap::new(), clock).await.unwrap();
    station.send(LinkCommand::Connect(ConnId(1), client_policy(None)));
    assert!(matches!(timeout(PATIENCE, csms.next()).await.unwrap().unwrap().1, LinkEvent::Opened { .. }));
}
