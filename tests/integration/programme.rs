//! The implemented test cases against the reference products, for everything that a PICS leaves open.

use crate::common::{pics, recordings::from_station, run_these};
use ocpp_attest::{
    engine::Input,
    link::{ClosedBy, LinkEvent},
    pics::{Answer, Baseline, Pics},
    protocol::frame::Frame,
    replay::Recording,
    verdict::{TestCaseResult, Verdict},
};

/// `ONLY='TC_C_* TC_D_*' cargo test` looks at these test cases alone, for whoever is writing them.
fn only() -> Option<Vec<String>> {
    Some(std::env::var("ONLY").ok()?.split_whitespace().map(str::to_owned).collect())
}

/// That a whole programme ran, unless a part of it was asked for.
fn at_least(ran: usize, wanted: usize) {
    assert!(only().is_some() || ran >= wanted, "only {ran} test cases ran");
}

fn run(pics: &Pics, bench: &str) -> Vec<TestCaseResult> {
    let ran = run_these(pics, bench, false, &only().unwrap_or_default());
    ran.results.into_iter().filter(|result| result.verdict != Verdict::NotImplemented).collect()
}

/// True where a test case can't be decided under a configuration, and says so: a transaction that the end of the energy ends is over
/// before a fixed cable is unplugged.
fn is_undecidable(result: &TestCaseResult, stop: &str) -> bool {
    result.id == "TC_E_25_CS"
        && result.verdict == Verdict::Inconclusive
        && stop == "EnergyTransfer"
        && result.failures[0].message.contains("Set a tx-stop-point without")
}

/// What does not pass under one configuration, in words.
fn not_passed(pics: &Pics, start: &str, stop: &str, how: &str) -> Vec<String> {
    let bench = format!("tx-start-point: {start}\ntx-stop-point: {stop}\nauthorization: {how}\n");
    let results = run(pics, &bench);
    at_least(results.len(), 30);
    let bad = results.iter().filter(|result| result.verdict != Verdict::Pass && !is_undecidable(result, stop));
    bad.map(|result| {
        let failure = &result.failures[0];
        let reason = result.reason.clone().unwrap_or_default();
        format!("{start} {stop} {how}: {} {} at {}: {reason}", result.id, result.verdict, failure.step)
    })
    .collect()
}

/// Every start point, stop point and way to authorise that the product supports.
fn every_choice(name: &str) {
    let pics = pics(name);
    let mut bad = Vec::new();
    for start in pics.tx_start_points() {
        for stop in pics.tx_stop_points() {
            for how in ["local", "remote"] {
                bad.extend(not_passed(&pics, start, stop, how));
            }
        }
    }
    assert!(bad.is_empty(), "{} bad:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn cp_flex_plus_passes_whatever_it_is_configured_to() {
    every_choice("cp-flex-plus-eu.yaml");
}

#[test]
fn beny_passes_whatever_it_is_configured_to() {
    every_choice("beny-bcpcv-ct2m-p.yaml");
}

/// A product with most of what a station may leave out: each start point with two stop points.
#[test]
fn the_reference_station_passes_whatever_it_is_configured_to() {
    let pics = pics("reference-station.yaml");
    let (starts, stops) = (pics.tx_start_points(), pics.tx_stop_points());
    let mut bad = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        for (further, how) in [(0, "local"), (1, "remote")] {
            bad.extend(not_passed(&pics, start, stops[(index + further) % stops.len()], how));
        }
    }
    assert!(bad.is_empty(), "{} bad:\n{}", bad.len(), bad.join("\n"));
}

/// What the simulated station is there for: transactions, locks, and customers stored by hand.
const TRANSACTIONS: [&str; 5] = ["TC_E_*", "TC_F_0[4-7]_CS", "TC_F_10_CS", "TC_G_1[147]_CS", "TC_N_62_CS"];

/// Whatever a station may do with cables, parking bays and signed data: each start point with two stop points.
#[test]
fn the_simulated_station_transacts_whatever_it_is_configured_to() {
    let pics = pics("simulated-station.yaml");
    let globs = only().unwrap_or_else(|| TRANSACTIONS.map(str::to_owned).to_vec());
    let mut bad = Vec::new();
    let stops = pics.tx_stop_points();
    for (row, start) in pics.tx_start_points().iter().enumerate() {
        // EVSE 1 takes a cable, EVSE 2 has one.
        for (evse, how) in [(1, "local"), (2, "remote")] {
            let stop = stops[(row + 2 * evse) % stops.len()];
            // What needs the other cable is tried with it.
            let bench = format!(
                "tx-start-point: {start}\ntx-stop-point: {stop}\nauthorization: {how}\nevse: {{ id: {evse} }}\nevse-second: {{ id: {} }}\n",
                3 - evse
            );
            for result in run_these(&pics, &bench, false, &globs).results {
                let passed = matches!(result.verdict, Verdict::Pass | Verdict::NotImplemented);
                if !passed && !is_undecidable(&result, stop) {
                    bad.push(format!(
                        "{start} {stop} {how} {evse}: {} {} {:?}",
                        result.id, result.verdict, result.reason
                    ));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{} bad:\n{}", bad.len(), bad.join("\n"));
}

#[test]
fn greenflux_passes_under_every_security_profile_and_baseline() {
    let mut pics = pics("greenflux-ev-platform.yaml");
    for profile in [1, 2, 3] {
        pics.baseline = if profile == 2 { Baseline::B2025_09 } else { Baseline::B2024_06 };
        let results = run(&pics, &format!("security-profile: {profile}\n"));
        // TC_B_58_CSMS came with 2025-09.
        let added = results.iter().any(|result| result.id == "TC_B_58_CSMS");
        assert!(only().is_some() || added == (profile == 2));
        for result in results {
            assert_eq!(result.verdict, Verdict::Pass, "profile {profile}: {} {:?}", result.id, result.reason);
        }
    }
}

#[test]
fn the_reference_csms_passes_under_every_security_profile() {
    let pics = pics("reference-csms.yaml");
    for profile in [1, 2, 3] {
        for result in run(&pics, &format!("security-profile: {profile}\n")) {
            assert_eq!(result.verdict, Verdict::Pass, "profile {profile}: {} {:?}", result.id, result.reason);
        }
    }
}

/// The other answers to the questions where the reference station can give only one at a time.
#[test]
fn the_reference_station_passes_with_a_cable_lock_and_without_a_screen() {
    let mut pics = pics("reference-station.yaml");
    for (id, answer) in [("C-07", false), ("C-08", true)] {
        pics.features.insert(id.into(), Answer::Bool(answer));
    }
    pics.questions.insert("AQ-2".into(), Answer::Bool(true));
    let these = ["TC_C_05_CS", "TC_C_45_CS", "TC_C_49_CS"].map(str::to_owned);
    for stop in pics.tx_stop_points() {
        let results = run_these(&pics, &format!("tx-stop-point: {stop}\n"), false, &these).results;
        assert_eq!(results.len(), these.len());
        for result in results {
            assert_eq!(result.verdict, Verdict::Pass, "{stop}: {} {:?}", result.id, result.reason);
        }
    }
}

/// A station that asks for an authorisation, or starts to charge, whenever it should not.
fn unasked(recording: &Recording, at: usize) -> Option<Vec<Recording>> {
    let stamp = &recording.inputs.get(at)?.0;
    let connection = |input: &Input| match input {
        Input::Link(LinkEvent::Text { conn, .. } | LinkEvent::Opened { conn, .. }) => Some(Some(*conn)),
        Input::Link(LinkEvent::Closed { .. }) => Some(None),
        _ => None,
    };
    let conn = recording.inputs[..=at].iter().rev().find_map(|(_, input)| connection(input)).flatten()?;
    let token = serde_json::json!({ "idToken": "BAD00001", "type": "ISO14443" });
    let started = serde_json::json!({
        "eventType": "Started", "timestamp": stamp.wall.to_string(), "triggerReason": "Authorized", "seqNo": 0,
        "transactionInfo": { "transactionId": "unasked", "chargingState": "Charging" }, "evse": { "id": 1 },
    });
    let with = |action: &str, payload| {
        let mut mutant = recording.clone();
        let text = Frame::Call { id: "unasked".into(), action: action.into(), payload }.to_text();
        mutant.inputs.insert(at + 1, (*stamp, Input::Link(LinkEvent::Text { conn, text })));
        mutant
    };
    Some(vec![with("Authorize", serde_json::json!({ "idToken": token })), with("TransactionEvent", started)])
}

/// Test cases of what a station must not do fail the one that does it.
#[test]
fn a_station_that_authorises_unasked_fails() {
    let pics = pics("reference-station.yaml");
    let ids =
        ["TC_C_02", "TC_C_06", "TC_C_09", "TC_C_22", "TC_C_25", "TC_C_28", "TC_C_44", "TC_C_45", "TC_C_57", "TC_C_58"];
    let these = ids.map(|id| format!("{id}_CS"));
    for recording in run_these(&pics, "tx-start-point: Authorized\n", true, &these).recordings {
        let (mut asks, mut starts) = (false, false);
        for mutants in (0..recording.inputs.len()).rev().filter_map(|at| unasked(&recording, at)) {
            asks = asks || mutants[0].judge().verdict == Verdict::Fail;
            starts = starts || mutants[1].judge().verdict == Verdict::Fail;
            if asks && starts {
                break;
            }
        }
        assert!(asks && starts, "{}: asks {asks}, starts {starts}", recording.id);
    }
}

/// Whatever a station does in mid-test, there is a verdict, and it is not a pass.
#[test]
fn a_station_that_lies_or_dies_makes_a_verdict() {
    let pics = pics("cp-flex-plus-eu.yaml");
    let recordings = run_these(&pics, "", true, &["TC_B_06_CS".to_owned()]).recordings;
    let recording = recordings.first().unwrap();
    // The answer that the test case is about: the only one that tells the value it has set.
    let asked = |frame: &Frame| frame.to_text().contains("\"attributeValue\":\"300\"");
    let last = from_station(recording).into_iter().find(|(_, frame)| asked(frame)).map(|(at, _)| at).unwrap();
    let Input::Link(LinkEvent::Text { conn, .. }) = recording.inputs[last].1.clone() else { panic!() };
    let text = |text: String| Input::Link(LinkEvent::Text { conn, text });
    let deep = format!("[2,\"x\",\"Heartbeat\",{}{}]", "[".repeat(5000), "]".repeat(5000));
    for (input, expected, about) in [
        (text("{".into()), Verdict::Fail, "broken frame"),
        (text(deep), Verdict::Fail, "nested deeper"),
        (text("[3,\"nobody\",{}]".into()), Verdict::Fail, "no CALL of ours"),
        (text("[2,\"x\",\"Heartbeat\",{\"a\":1}]".into()), Verdict::Fail, "does not follow its schema"),
        (text("[2,\"x\",\"GetLog\",{}]".into()), Verdict::Fail, "does not follow its schema"),
        (
            Input::Link(LinkEvent::Garbage { conn, what: "a binary message".into() }),
            Verdict::Fail,
            "not an OCPP-J message",
        ),
        (
            Input::Link(LinkEvent::Closed { conn, code: None, by: ClosedBy::Broken }),
            Verdict::Fail,
            "the connection was lost before GetVariables was answered",
        ),
    ] {
        let mut mutant = recording.clone();
        mutant.inputs[last].1 = input;
        let outcome = mutant.judge();
        assert_eq!(outcome.verdict, expected, "{about}");
        assert!(outcome.failures[0].message.contains(about), "{about}: {}", outcome.failures[0].message);
    }
    // Messages without end.
    let mut mutant = recording.clone();
    let (at, _) = mutant.inputs[last].clone();
    let flood = (0..20_001).map(|number| (at, text(format!("[2,\"f{number}\",\"Heartbeat\",{{}}]"))));
    mutant.inputs.splice(last..last, flood);
    assert!(mutant.judge().failures[0].message.contains("more than 20000 messages"));
    // The same message twice: its id was used before.
    let mut mutant = recording.clone();
    let (at, _) = from_station(recording).into_iter().find(|(_, frame)| matches!(frame, Frame::Call { .. })).unwrap();
    let again = mutant.inputs[at].clone();
    mutant.inputs.insert(at + 1, again);
    assert!(mutant.judge().failures[0].message.contains("was used before"));
    // A CALL that does not wait until the one before it is answered.
    let mut mutant = recording.clone();
    let (stamp, _) = mutant.inputs[at].clone();
    mutant.inputs.insert(at + 1, (stamp, text("[2,\"early\",\"Heartbeat\",{}]".into())));
    let found = mutant.judge().failures;
    assert!(found.iter().any(|failure| failure.step == "rule: one CALL at a time"), "{found:?}");
}

/// The recording of one test case, and the place of the first message with these words on the last connection.
fn recorded(id: &str, words: &str) -> (Recording, usize) {
    let recordings = run_these(&pics("cp-flex-plus-eu.yaml"), "", true, &[id.to_owned()]).recordings;
    let recording = recordings.into_iter().next().unwrap();
    let reopened = |(_, input): &(_, Input)| matches!(input, Input::Link(LinkEvent::Opened { .. }));
    let since = recording.inputs.iter().rposition(reopened).unwrap();
    let found = from_station(&recording).into_iter().find(|(at, frame)| *at > since && frame.to_text().contains(words));
    let at = found.unwrap_or_else(|| panic!("{id}: no {words}")).0;
    (recording, at)
}

/// Where the right message does not come, the finding names the one that was nearly right, and the requirement of the
/// state that was being run.
#[test]
fn a_near_miss_is_named() {
    let (recording, at) = recorded("TC_B_51_CS", "\"Occupied\"");
    let mut mutant = recording.clone();
    let Input::Link(LinkEvent::Text { text, .. }) = &mut mutant.inputs[at].1 else { panic!() };
    assert!(text.contains("\"evseId\":1"), "{text}");
    *text = text.replace("\"evseId\":1", "\"evseId\":0");
    mutant.inputs.truncate(at + 1);
    let outcome = mutant.judge();
    let failure = &outcome.failures[0];
    assert_eq!(outcome.verdict, Verdict::Fail);
    assert!(
        failure.message.starts_with("StatusNotification or NotifyEvent as expected did not come within"),
        "{failure:?}"
    );
    assert_eq!(failure.found.as_deref(), Some("StatusNotification with /evseId 0"));
    assert_eq!(failure.pointer.as_deref(), Some("/evseId"));
    assert!(failure.requirements.contains(&"B04.FR.01".to_owned()), "{failure:?}");
}

/// Part 4 advises against a BootNotification after a mere reconnect and does not forbid it; after a loss that nobody
/// asked for it means that the station has started again.
#[test]
fn a_boot_after_our_own_interruption_is_a_remark() {
    let (recording, at) = recorded("TC_B_51_CS", "StatusNotification");
    let Input::Link(LinkEvent::Text { conn, .. }) = recording.inputs[at].1.clone() else { panic!() };
    let boot = r#"[2,"boot","BootNotification",{"reason":"Unknown","chargingStation":{"model":"M","vendorName":"V"}}]"#;
    let mut mutant = recording.clone();
    let when = mutant.inputs[at].0;
    mutant.inputs.insert(at, (when, Input::Link(LinkEvent::Text { conn, text: boot.into() })));
    let outcome = mutant.judge();
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.failures.first());
    assert!(outcome.remarks.iter().any(|remark| remark.contains("mere reconnect")), "{:?}", outcome.remarks);
    for (_, input) in &mut mutant.inputs {
        if let Input::Link(LinkEvent::Closed { by, .. }) = input {
            *by = ClosedBy::Broken;
        }
    }
    let outcome = mutant.judge();
    assert_eq!(outcome.verdict, Verdict::Fail);
    assert!(outcome.failures[0].message.contains("BootNotification (Unknown) was not expected"), "{outcome:?}");
}
