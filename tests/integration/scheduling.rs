//! What becomes of a run whose product can't be brought to the general preconditions, or is away for a while: small products
//! that behave as they are told, in memory and with a paused clock.

use std::sync::{Arc, Mutex};

use crate::common::{
    CATALOGUE, library,
    small_csms::{Console, Small, URL},
};
use ocpp_attest::{
    clock::Clock,
    link::{MemoryNetwork, Network, Secret},
    manual_action::{ActionOutcome, ManualAction},
    operator::{BoxFuture, Operator},
    pics::{Baseline, Pics},
    record::TraceEvent,
    runner::{self, Event, Plan, Product, Yield},
    selection,
    simulator::{
        faults::Faults,
        operator::{self, SimulatedOperator},
        station::{self, NetworkProfile, StationSetup},
    },
    verdict::{TestCaseResult, Verdict},
};
use tokio::task::JoinHandle;

/// What came of a run.
#[derive(Default)]
pub struct Ran {
    pub result: Yield,
    notices: Vec<String>,
    /// The test cases that begin again when the run goes on.
    postponed: Vec<String>,
}

impl Ran {
    fn case(&self, id: &str) -> &TestCaseResult {
        self.result.results.iter().find(|case| case.id == id).unwrap_or_else(|| panic!("{id} did not come to its turn"))
    }

    fn verdicts(&self) -> Vec<(&str, Verdict)> {
        self.result.results.iter().map(|case| (case.id.as_str(), case.verdict)).collect()
    }
}

/// Times of a bench for products that are quick.
pub const QUICK: &str = "security-profile: 1\nconnect-timeout: 8\nreconnect-timeout: 8\nping-timeout: 1\nmessage-timeout: 2\n\
    response-timeout: 2\nreboot-time: 3\nsettle-time: 0.1\npending-interval: 1\nregistration-timeout: 4\n\
    files: '127.0.0.1:0'\n";

/// Runs test cases against a CSMS.
async fn run(small: &Arc<Small>, bench: &str, jobs: usize, these: &[&str]) -> Ran {
    let pics = Pics { baseline: Baseline::B2025_09, ..crate::common::pics("greenflux-ev-platform.yaml") };
    let bench = format!("{QUICK}url: {URL}\n{bench}");
    run_looking_on(&pics, &bench, &small.network, Arc::new(Console(small.clone())), jobs, these, |_| {}).await
}

/// Runs test cases against a product; whoever looks on learns which test cases are over.
pub async fn run_looking_on(
    pics: &Pics,
    bench: &str,
    network: &Network,
    operator: Arc<dyn Operator>,
    jobs: usize,
    these: &[&str],
    after: impl Fn(&str),
) -> Ran {
    let entries = selection::plan(pics, &CATALOGUE);
    let bench = crate::common::bench(bench);
    let these: Vec<String> = these.iter().map(|id| (*id).to_owned()).collect();
    let plan = Plan {
        pics,
        bench: &bench,
        entries: &entries,
        library: library(pics.sut),
        only: runner::globs(&these).unwrap(),
        product: Product::Real(network.clone()),
        lasting: false,
        shuffle: None,
        record: false,
        jobs,
        after_failure: runner::AfterFailure::default(),
    };
    let (_stop, interrupt) = tokio::sync::watch::channel(false);
    let mut ran = Ran::default();
    let (mut traced, mut notices, mut postponed) = (Vec::new(), Vec::new(), Vec::new());
    let tell = |event: Event| match event {
        Event::Notice(text) => notices.push(text),
        Event::Postponed(result) => postponed.push(result.id),
        Event::Ended(result) => after(&result.id),
        Event::Trace(entry) => {
            if let TraceEvent::Notice { text } = entry.what {
                traced.push(text);
            }
        }
        _ => {}
    };
    ran.result = runner::run(&plan, Some(operator), interrupt, Clock::start(), tell).await.unwrap();
    assert_eq!(traced, notices, "what is told stands in the trace");
    Ran { notices, postponed, ..ran }
}

#[tokio::test(start_paused = true)]
async fn a_station_that_stays_pending_is_withdrawn_and_fails_nothing() {
    let small = Small::start(Small { stays_pending: true, ..Small::default() }).await;
    let these = ["TC_B_01_CSMS", "TC_B_02_CSMS", "TC_G_20_CSMS", "TC_P_02_CSMS", "TC_P_03_CSMS"];
    let ran = run(&small, "", 1, &these).await;
    use Verdict::{Fail, Inconclusive, Pass};
    assert_eq!(
        ran.verdicts(),
        [Pass, Fail, Inconclusive, Inconclusive, Inconclusive]
            .into_iter()
            .zip(these)
            .map(|(v, id)| (id, v))
            .collect::<Vec<_>>(),
    );
    let reason = "The CSMS has not accepted our station within 4 s (it said Pending), so nothing can be tested.";
    assert_eq!(ran.case("TC_G_20_CSMS").failures[0].message, reason);
    let left = ran.case("TC_P_03_CSMS");
    assert!(left.reason.as_deref().unwrap().starts_with("not run: station CS001 is withdrawn: "), "{left:?}");
    assert!(left.reason.as_deref().unwrap().contains(reason));
    assert_eq!((left.duration_s, left.steps.len()), (0.0, 0), "nothing is waited for any more");
    insta::assert_snapshot!(ran.notices.join("\n"), @"Station CS001 is withdrawn because it does not reach the general preconditions: TC_G_20_CSMS: The CSMS has not accepted our station within 4 s (it said Pending), so nothing can be tested.");
    // Our station keeps to the interval of a second: of the five test cases, two prepare in vain for four seconds each.
    let boots = small.boots.lock().unwrap()["CS001"];
    assert!(boots <= 1 + 3 + 2 * 5, "{boots} BootNotifications");
    // When the CSMS accepts the station again, the run goes on with them.
    assert_eq!(ran.postponed, ["TC_G_20_CSMS", "TC_P_02_CSMS", "TC_P_03_CSMS"]);
    assert!(!ran.result.interrupted);
}

#[tokio::test(start_paused = true)]
async fn what_a_withdrawn_station_leaves_is_run_as_another() {
    let small = Small::start(Small { stays_pending: true, ..Small::default() }).await;
    small.unknown.lock().unwrap().insert("C".into());
    let bench = "stations: [{ identity: A }, { identity: B }, { identity: C }]\n";
    let these = ["TC_B_02_CSMS", "TC_C_08_CSMS", "TC_G_20_CSMS", "TC_P_0*_CSMS", "TC_E_0[1-9]_CSMS"];
    let ran = run(&small, bench, 3, &these).await;
    let bad: Vec<_> = ran.verdicts().into_iter().filter(|(_, verdict)| *verdict == Verdict::Inconclusive).collect();
    assert_eq!(bad, []);
    assert_eq!(ran.notices.len(), 2, "{:?}", ran.notices);
    let moved = |of: &str| {
        let remark = format!("started again as another station: {of} is withdrawn");
        ran.result.results.iter().filter(|case| case.remarks.contains(&remark)).count()
    };
    // The longest test case begins first, as C, which the CSMS does not know; then as A, which it keeps waiting; the remark is of the last.
    assert!(
        ran.notices[0].starts_with("Station C is withdrawn") && ran.notices[1].starts_with("Station A is withdrawn")
    );
    assert_eq!((moved("A"), moved("B"), moved("C")), (1, 0, 0));
    assert!(ran.postponed.is_empty() && !ran.result.interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_a_test_case_left_without_a_sub_protocol_spoils_nothing() {
    let small = Small::start(Small { keeps_mute_connections: true, ..Small::default() }).await;
    let these = ["TC_B_58_CSMS", "TC_G_20_CSMS", "TC_P_03_CSMS"];
    let ran = run(&small, "", 1, &these).await;
    assert_eq!(ran.case("TC_B_58_CSMS").verdict, Verdict::Fail, "{:?}", ran.case("TC_B_58_CSMS"));
    for id in &these[1..] {
        assert_eq!(ran.case(id).verdict, Verdict::Pass, "{:?}", ran.case(id).failures);
    }
}

#[tokio::test(start_paused = true)]
async fn a_csms_that_dies_and_is_brought_back_costs_nothing_but_the_test_case_it_died_in() {
    let small = Small::start(Small { is_brought_back: true, ..Small::default() }).await;
    *small.dies_of.lock().unwrap() = Some("TransactionEvent".into());
    let these = ["TC_B_01_CSMS", "TC_E_01_CSMS", "TC_G_20_CSMS", "TC_P_02_CSMS", "TC_P_03_CSMS"];
    let ran = run(&small, "", 1, &these).await;
    use Verdict::{Fail, Pass};
    assert_eq!(
        ran.verdicts().into_iter().map(|(_, verdict)| verdict).collect::<Vec<_>>(),
        [Pass, Fail, Pass, Pass, Pass]
    );
    let [away, back] = &ran.notices[..] else { panic!("{:?}", ran.notices) };
    assert!(away.starts_with("The product is not available (TC_G_20_CSMS and TC_P_02_CSMS): "), "{away}");
    assert!(away.ends_with(". The run waits for up to 600 s."), "{away}");
    assert!(back.ends_with("TC_G_20_CSMS and TC_P_02_CSMS run again."), "{back}");
    assert_eq!(*small.asked.lock().unwrap(), ["restore-sut"]);
    assert!(!ran.result.interrupted && ran.postponed.is_empty());
}

/// Side by side, all stations wait, and each goes on where it was.
#[tokio::test(start_paused = true)]
async fn while_a_csms_is_away_no_station_begins_anything() {
    let small = Small::start(Small { is_brought_back: true, ..Small::default() }).await;
    *small.dies_of.lock().unwrap() = Some("TC_G_20_CSMS".into());
    let bench = "stations: [{ identity: A }, { identity: B }, { identity: C }]\n";
    let these = ["TC_B_01_CSMS", "TC_E_0[1-9]_CSMS", "TC_G_20_CSMS", "TC_P_0*_CSMS"];
    let ran = run(&small, bench, 3, &these).await;
    let undecided: Vec<_> =
        ran.verdicts().into_iter().filter(|(_, verdict)| *verdict == Verdict::Inconclusive).collect();
    assert_eq!(undecided, [], "{:?}", ran.notices);
    assert_eq!(ran.notices.len(), 2, "{:?}", ran.notices);
    assert_eq!(*small.asked.lock().unwrap(), ["restore-sut"]);
}

#[tokio::test(start_paused = true)]
async fn a_csms_that_does_not_come_back_ends_the_run_early() {
    let small = Small::start(Small::default()).await;
    *small.dies_of.lock().unwrap() = Some("TC_G_20_CSMS".into());
    let these = ["TC_B_01_CSMS", "TC_G_20_CSMS", "TC_P_02_CSMS", "TC_P_03_CSMS"];
    let bench = "outage-timeout: 1\n";
    let ran = run(&small, bench, 1, &these).await;
    use Verdict::{Inconclusive, Pass};
    let told = [Pass, Inconclusive, Inconclusive].into_iter().zip(these).map(|(verdict, id)| (id, verdict));
    assert_eq!(ran.verdicts(), told.collect::<Vec<_>>(), "the third did not come to its turn");
    assert_eq!(ran.postponed, ["TC_G_20_CSMS", "TC_P_02_CSMS"], "they come again when the run goes on");
    assert!(ran.result.interrupted);
    assert!(ran.notices.last().unwrap().ends_with("the run ends early."), "{:?}", ran.notices);
}

#[tokio::test(start_paused = true)]
async fn a_csms_that_never_was_there_is_not_waited_for() {
    let small = Arc::new(Small::default());
    let these = ["TC_B_01_CSMS", "TC_G_20_CSMS", "TC_P_02_CSMS"];
    let ran = run(&small, "", 1, &these).await;
    assert_eq!(ran.verdicts(), [("TC_B_01_CSMS", Verdict::Inconclusive)]);
    assert!(ran.notices[0].starts_with("The product was never available, so the run ends early: TC_B_01_CSMS: "));
    assert!(ran.result.interrupted && small.asked.lock().unwrap().is_empty());
}

/// Where the harness waits for the station.
const LISTEN: &str = "csms.test:80";

/// A station that its operator switches on and off.
struct Station {
    setup: StationSetup,
    network: Network,
    at_work: Mutex<Option<(JoinHandle<()>, SimulatedOperator)>>,
    /// Whoever stands there can bring it back.
    is_brought_back: bool,
    asked: Mutex<Vec<String>>,
}

impl Station {
    fn on(pics: &Pics, is_brought_back: bool) -> Arc<Self> {
        let profile = NetworkProfile { url: format!("ws://{LISTEN}/ocpp"), security_profile: 1 };
        let setup = StationSetup {
            pics: pics.clone(),
            identity: "CS001".into(),
            password: Secret::new("attest-bench-secret"),
            profiles: vec![(1, profile)],
            roots: String::new(),
            manufacturer_roots: String::new(),
            vehicle: None,
            certificate: None,
            variables: Vec::new(),
            faults: Faults::default(),
        };
        let network = Network::Memory(MemoryNetwork::default());
        let station = Self { setup, network, at_work: Mutex::default(), is_brought_back, asked: Mutex::default() };
        station.start();
        Arc::new(station)
    }

    fn start(&self) {
        let (operator, requests) = operator::pair(std::time::Duration::ZERO);
        let (setup, network) = (self.setup.clone(), self.network.clone());
        let running = tokio::spawn(async move {
            let _ = station::run(setup, network, Clock::start(), requests).await;
        });
        *self.at_work.lock().unwrap() = Some((running, operator));
    }

    fn die(&self) {
        if let Some((running, _)) = self.at_work.lock().unwrap().take() {
            running.abort();
        }
    }
}

impl Operator for Station {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move {
            self.asked.lock().unwrap().push(action.action.clone());
            if action.action == "restore-sut" && self.is_brought_back {
                self.start();
                return ActionOutcome::Done;
            }
            let operator = self.at_work.lock().unwrap().as_ref().map(|(_, operator)| operator.clone());
            match operator {
                Some(operator) => operator.perform(action).await,
                None => ActionOutcome::NotPossible("the station is off".into()),
            }
        })
    }
}

const STATION_TESTS: [&str; 5] = ["TC_B_06_CS", "TC_B_07_CS", "TC_B_32_CS", "TC_B_33_CS", "TC_B_34_CS"];

/// Runs test cases against a station that dies when the first of them is over.
async fn run_dying(is_brought_back: bool) -> (Ran, Vec<String>) {
    let pics = crate::common::pics("cp-flex-plus-eu.yaml");
    let station = Station::on(&pics, is_brought_back);
    let bench = format!("{QUICK}listen: {LISTEN}\nlisten-second: ''\noutage-timeout: 20\n");
    let bench = if is_brought_back { bench } else { bench.replace("outage-timeout: 20", "outage-timeout: 1") };
    let dying = station.clone();
    let after = move |id: &str| {
        if id == "TC_B_06_CS" {
            dying.die();
        }
    };
    let ran = run_looking_on(&pics, &bench, &station.network, station.clone(), 1, &STATION_TESTS, after).await;
    station.die();
    let asked = station.asked.lock().unwrap().clone();
    (ran, asked)
}

#[tokio::test(start_paused = true)]
async fn a_station_that_dies_and_is_brought_back_costs_nothing() {
    let (ran, asked) = run_dying(true).await;
    assert_eq!(ran.verdicts(), STATION_TESTS.map(|id| (id, Verdict::Pass)), "{:?}", ran.notices);
    assert!(
        ran.notices[0].starts_with("The product is not available (TC_B_07_CS and TC_B_32_CS): "),
        "{:?}",
        ran.notices
    );
    assert_eq!(asked.iter().filter(|action| *action == "restore-sut").count(), 1, "{asked:?}");
    assert!(!ran.result.interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_station_that_does_not_come_back_ends_the_run_early() {
    let (ran, _) = run_dying(false).await;
    let verdicts: Vec<Verdict> = ran.verdicts().into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(verdicts, [Verdict::Pass, Verdict::Inconclusive, Verdict::Inconclusive], "{:?}", ran.notices);
    assert_eq!(ran.postponed, ["TC_B_07_CS", "TC_B_32_CS"]);
    assert!(ran.result.interrupted);
}
