//! A long life with many messages and many who knock: nothing is kept of what is over. In a process of its own, one test at
//! a time, so that nobody else's memory is measured.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ocpp_attest::{
    clock::Clock,
    link::{
        ClientPolicy, ConnId, EndpointId, LinkCommand, LinkEvent, LinkHandle, MemoryNetwork, Network, Secret,
        ServerPolicy, serve,
    },
};
use tokio::{io::AsyncWriteExt, time::timeout};

const ADDRESS: &str = "csms.test:443";
const PATIENCE: Duration = Duration::from_hours(1);
/// What memory may grow by while nothing should be kept, bytes.
const SLACK: u64 = 4 << 20;

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Memory that the process holds, bytes.
fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

async fn csms(network: &Network, clock: Clock) -> LinkHandle {
    let policy = ServerPolicy {
        reachable: true,
        tls: None,
        identity: "CS 1".into(),
        passwords: vec![Secret::new("s3cret-password!")],
        subprotocols: vec!["ocpp2.0.1".into()],
        refuse_upgrade: None,
        others: Vec::new(),
        max_frame: 1000,
    };
    let addresses = [(EndpointId::MAIN, ADDRESS.to_owned())];
    serve(network.clone(), &addresses, HashMap::from([(EndpointId::MAIN, policy)]), clock).await.unwrap()
}

async fn station(network: Network, clock: Clock) -> LinkHandle {
    let station = serve(network, &[], HashMap::new(), clock).await.unwrap();
    let policy = ClientPolicy {
        url: format!("ws://{ADDRESS}/ocpp"),
        identity: "CS 1".into(),
        credentials: Some(("CS 1".into(), Secret::new("s3cret-password!"))),
        subprotocols: vec!["ocpp2.0.1".into()],
        tls: None,
        max_frame: 1000,
    };
    station.send(LinkCommand::Connect(ConnId(1), policy));
    station
}

/// Has so many messages go either way, and tells by how much memory grew after the first tenth; with what was `kept` of each.
async fn messages(rounds: usize, mut keep: impl FnMut(String)) -> u64 {
    let network = Network::Memory(MemoryNetwork::default());
    let clock = Clock::start();
    let mut csms = csms(&network, clock).await;
    let mut station = station(network, clock).await;
    let LinkEvent::Opened { conn, .. } = csms.next().await.unwrap().1 else { panic!("no connection") };
    station.next().await.unwrap();
    let text = "x".repeat(700);
    let mut before = 0;
    for round in 0..rounds {
        if round == rounds / 10 {
            before = resident();
        }
        csms.send(LinkCommand::Send(conn, text.clone()));
        assert!(matches!(csms.next().await.unwrap().1, LinkEvent::Sent { .. }));
        let LinkEvent::Text { text, .. } = station.next().await.unwrap().1 else { panic!("no message") };
        keep(text.clone());
        station.send(LinkCommand::Send(ConnId(1), text));
        assert!(matches!(station.next().await.unwrap().1, LinkEvent::Sent { .. }));
        assert!(matches!(csms.next().await.unwrap().1, LinkEvent::Text { .. }));
    }
    resident().saturating_sub(before)
}

/// Has a thousand knock who do it wrong, and tells by how much memory grew after the first hundred.
async fn attempts(mut keep: impl FnMut(LinkEvent)) -> u64 {
    let network = Network::Memory(MemoryNetwork::default());
    let clock = Clock::start();
    let mut csms = csms(&network, clock).await;
    let mut held = VecDeque::new();
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
            // Some don't let go until many others have come.
            held.push_back(stream);
        }
        if held.len() > 40 {
            held.pop_front();
        }
        let failed = timeout(PATIENCE, csms.next()).await.expect("an end of the attempt").unwrap().1;
        assert!(matches!(failed, LinkEvent::AttemptFailed { .. }), "{number}: {failed:?}");
        keep(failed);
    }
    let grown = resident().saturating_sub(before);
    let _station = station(network, clock).await;
    let opened = timeout(PATIENCE, csms.next()).await.unwrap().unwrap().1;
    assert!(matches!(opened, LinkEvent::Opened { .. }), "no room for a good one: {opened:?}");
    grown
}

fn paused(soak: impl Future<Output = u64>) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(soak)
}

#[test]
fn a_hundred_thousand_messages_leave_nothing_behind() {
    let _alone = alone();
    let grown = paused(messages(50_000, |_| {}));
    assert!(grown < SLACK, "memory grew by {grown} bytes");
}

#[test]
fn a_thousand_bad_attempts_leave_nothing_behind_and_room_for_a_good_one() {
    let _alone = alone();
    let grown = paused(attempts(|_| {}));
    assert!(grown < SLACK, "memory grew by {grown} bytes");
}

/// The measure is worth something: a text of each message, or 16 kB of each attempt, would be seen.
#[test]
fn what_is_kept_is_seen() {
    let _alone = alone();
    let mut texts = Vec::new();
    let grown = paused(messages(20_000, |text| texts.push(text)));
    assert!(grown > SLACK, "{} texts are {grown} bytes", texts.len());
    let mut events = Vec::new();
    let grown = paused(attempts(|event| events.push((event, vec![1_u8; 16 * 1024]))));
    assert!(grown > SLACK, "{} attempts are {grown} bytes", events.len());
}
