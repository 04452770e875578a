//! What passed once and must not: stations that leave out or get wrong what a step seemed to look at, and test cases that had
//! nothing of their subject to look at.

use std::time::Duration;

use crate::common::{pics, recordings::is_call, run_faulty, run_these};
use ocpp_attest::{
    engine::Input,
    protocol::OCPP_2_0_1,
    simulator::faults::{Fault, Faults},
    verdict::{TestCaseResult, Verdict},
};

/// A station with faults meets a test case.
fn run(station: &str, bench: &str, id: &str, faults: &[&str]) -> TestCaseResult {
    let parsed: Faults = faults
        .iter()
        .map(|text| Fault::read(&OCPP_2_0_1, text).unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect();
    let results = run_faulty(&pics(station), bench, false, &[format!("{id}_CS")], &parsed).results;
    let [result] = results.try_into().unwrap_or_else(|results| panic!("{id}, {faults:?}: {results:?}"));
    result
}

/// `bench`, test case, faults, and a word of the finding.
type Case = (&'static str, &'static str, &'static [&'static str], &'static str);

fn all_end(station: &str, verdict: Verdict, cases: &[Case]) {
    let mut wrong = Vec::new();
    for (bench, id, faults, words) in cases {
        let faulty = run(station, bench, id, faults);
        let said = format!("{:?}", faulty.failures);
        if faulty.verdict != verdict || !said.contains(words) {
            wrong.push(format!("{id}, {faults:?}: {}: {said}", faulty.verdict));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const REMOTE: &str = "tx-start-point: EVConnected\nauthorization: remote\n";
const LOCAL: &str = "tx-start-point: EnergyTransfer\ntx-stop-point: EVConnected\nauthorization: local\n";

#[test]
fn a_remote_start_that_the_first_event_does_not_tell_fails() {
    all_end(
        "simulated-station.yaml",
        Verdict::Fail,
        &[
            (REMOTE, "TC_F_03", &["wrong-field TransactionEvent:1 /triggerReason=CablePluggedIn"], "RemoteStart"),
            (REMOTE, "TC_F_03", &["missing-field TransactionEvent:1 /transactionInfo/remoteStartId"], "remoteStartId"),
            (LOCAL, "TC_E_14", &["missing-field TransactionEvent:1 /idToken"], "idToken"),
            (LOCAL, "TC_E_14", &["missing-field TransactionEvent:1 /evse/connectorId"], "connectorId"),
        ],
    );
}

/// It sends another event instead.
const OTHER_EVENT: &[&str] = &["wrong-field SecurityEventNotification /type=SettingSystemTime"];

#[test]
fn a_boot_that_tells_no_security_event_fails() {
    all_end(
        "simulated-station.yaml",
        Verdict::Fail,
        &[
            ("", "TC_A_01", OTHER_EVENT, "SecurityEventNotification as expected did not come"),
            ("security-profile: 2", "TC_A_06", OTHER_EVENT, "SecurityEventNotification as expected did not come"),
            ("security-profile: 3", "TC_M_30", OTHER_EVENT, "SecurityEventNotification as expected did not come"),
            ("", "TC_B_02", OTHER_EVENT, "SecurityEventNotification as expected did not come"),
            ("", "TC_B_03", OTHER_EVENT, "SecurityEventNotification as expected did not come"),
            ("", "TC_B_23", OTHER_EVENT, "SecurityEventNotification as expected did not come"),
            ("", "TC_G_18", OTHER_EVENT, "SecurityEventNotification as expected did not come"),
        ],
    );
}

const CHARGES_AT_ONCE: &[&str] = &["wrong-field TransactionEvent:1 /transactionInfo/chargingState=Charging"];
const STAYS_SUSPENDED: &[&str] = &["wrong-field TransactionEvent when=/transactionInfo/chargingState=EVConnected \
                                    /transactionInfo/chargingState=SuspendedEVSE"];

#[test]
fn a_charging_state_that_must_not_be_fails() {
    all_end(
        "simulated-station.yaml",
        Verdict::Fail,
        &[
            (REMOTE, "TC_E_52", CHARGES_AT_ONCE, "Charging"),
            (LOCAL, "TC_C_39", STAYS_SUSPENDED, "run EVConnectedPostSession"),
        ],
    );
}

const NO_THRESHOLD: &[&str] = &["wrong-field GetVariables when=/getVariableResult/0/variable/name=OfflineThreshold \
                                 /getVariableResult/0/attributeStatus=UnknownVariable"];
const STAYS_OUT_OF_SERVICE: &[&str] = &["wrong-field StatusNotification:3+ when=/connectorStatus=Available \
                                         /connectorStatus=Unavailable"];

#[test]
fn a_subject_that_is_not_there_does_not_pass() {
    all_end(
        "simulated-station.yaml",
        Verdict::Fail,
        &[
            ("", "TC_B_11", NO_THRESHOLD, "OfflineThreshold, which every station has"),
            ("", "TC_L_15", STAYS_OUT_OF_SERVICE, "run FirmwareInstalled"),
        ],
    );
    all_end(
        "reference-station.yaml",
        Verdict::Fail,
        &[(
            "",
            "TC_B_56",
            &["wrong-field NotifyReport /reportData/1/component/evse/id=1"],
            "EVSE 1 is in the report 2",
        )],
    );
}

const OTHER_CONTEXT: &[&str] =
    &["wrong-field MeterValues when=/evseId=2 /meterValue/0/sampledValue/0/context=Sample.Periodic"];
const OTHER_MEASURAND: &[&str] = &["wrong-field MeterValues when=/evseId=2 /meterValue/0/sampledValue/0/measurand=SoC"];

#[test]
fn clock_aligned_readings_are_those_of_every_evse_at_every_mark() {
    all_end(
        "reference-station.yaml",
        Verdict::Fail,
        &[
            ("", "TC_J_01", OTHER_CONTEXT, "Sample.Clock"),
            ("", "TC_J_01", OTHER_MEASURAND, "evseId = 2"),
            ("", "TC_J_01", &["drop MeterValues:4"], "evseId = 2"),
            ("", "TC_J_02", OTHER_CONTEXT, "Sample.Clock"),
            ("", "TC_J_02", OTHER_MEASURAND, "evseId = 2"),
        ],
    );
}

#[test]
fn a_base_that_the_bench_stands_in_for_is_a_remark() {
    let unknown = [
        "wrong-field GetVariables when=/getVariableResult/0/variable/name=MessageTimeout \
         /getVariableResult/0/attributeStatus=UnknownVariable",
        "missing-field GetVariables when=/getVariableResult/0/variable/name=MessageTimeout \
         /getVariableResult/0/attributeValue",
    ];
    let result = run("simulated-station.yaml", "", "TC_E_41", &unknown);
    let told = |remark: &String| remark.contains("counts from the bench's response-timeout of 30");
    assert!(result.remarks.iter().any(told), "{:?}", result.remarks);
}

const SOONER: Duration = Duration::from_secs(2);

/// What the station says of its end comes before it is stopped, though after it was asked for.
#[test]
fn what_comes_before_its_time_does_not_count() {
    for (id, action, words, expected) in [
        ("TC_G_11", "StatusNotification", "\"Unavailable\"", "Unavailable"),
        ("TC_L_15", "FirmwareStatusNotification", "\"Installing\"", "run FirmwareInstalled"),
    ] {
        let recordings = run_these(&pics("simulated-station.yaml"), LOCAL, true, &[format!("{id}_CS")]).recordings;
        let [mut recording] = recordings.try_into().unwrap_or_else(|many: Vec<_>| panic!("{id}: {}", many.len()));
        assert_eq!(recording.judge().verdict, Verdict::Pass, "{id}");
        let told = |input: &Input| is_call(input, action, words);
        let late = recording.inputs.iter().rposition(|(_, input)| told(input)).unwrap();
        let stop = recording.inputs.iter().position(|(_, input)| is_call(input, "TransactionEvent", "StopAuthorized"));
        let stopped = recording.inputs[stop.unwrap()].0.mono_ns;
        // While the session lasts, before the token is presented.
        let before =
            recording.started.plus(Duration::from_nanos(stopped - recording.started.mono_ns).saturating_sub(SOONER));
        let place = recording.inputs.iter().position(|(at, _)| at.mono_ns > before.mono_ns).unwrap();
        // Then time passes; what the station answered to later questions is out of place.
        let end = recording.inputs[late].0.plus(Duration::from_mins(5));
        let after = recording.inputs.split_off(late + 1);
        recording.inputs.extend(after.into_iter().filter(|(_, input)| matches!(input, Input::OperatorDone(..))));
        recording.inputs.push((end, Input::Tick));
        let (_, input) = recording.inputs.remove(late);
        recording.inputs.insert(place, (before, input));
        let outcome = recording.judge();
        let said = format!("{:?}", outcome.failures);
        assert!(outcome.verdict == Verdict::Fail && said.contains(expected), "{id}: {}: {said}", outcome.verdict);
    }
}
