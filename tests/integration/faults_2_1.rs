//! Products of OCPP 2.1 with faults that real ones have: a test case finds each of them, and says what is wrong.

use crate::common::{pics, run_faulty};
use ocpp_attest::{
    protocol::OCPP_2_1,
    simulator::faults::{Fault, Faults, Kind, names},
    verdict::{TestCaseResult, Verdict},
};

const STATION: &str = "reference-station-2.1.yaml";
const CHARGER: &str = "simulated-v2x-charger-2.1.yaml";
const CSMS: &str = "reference-csms-2.1.yaml";

/// A fault, who has it, the test case that finds it, and what that says.
const FOUND: [(&str, &str, &str, &str); 20] = [
    ("cost-rounded", STATION, "TC_I_118_CS", "totalCost.total.exclTax is 12.0. The sum of its parts is 11.625."),
    (
        "tariff-at-one-evse",
        STATION,
        "TC_I_106_CS",
        "The station reports the default tariffs attest-5, expected attest-4 and attest-5.",
    ),
    ("tariff-change-ignored", STATION, "TC_I_116_CS", "TransactionEvent with triggerReason = \"TariffChanged\""),
    ("setpoint-sign", CHARGER, "TC_Q_128_CS", "/schedule/chargingSchedulePeriod/0/setpoint = -7"),
    ("dynamic-update-ignored", STATION, "TC_K_122_CS", "/chargingProfile/0/dynUpdateTime"),
    ("priority-charging-ignored", STATION, "TC_K_118_CS", "the response to UsePriorityCharging has a wrong status"),
    ("offline-duration-overlooked", STATION, "TC_K_100_CS", "at second 0 the limit is 7 A, expected 6 A"),
    ("local-time-overlooked", STATION, "TC_K_136_CS", "the limit is 32 A, expected 6 A"),
    ("der-priority-ignored", CHARGER, "TC_R_106_CS", "/supersededIds = [\"control2\"]"),
    ("afrr-signal-ignored", CHARGER, "TC_Q_120_CS", "the response to AFRRSignal is wrong in 2 places"),
    ("stream-never-closes", STATION, "TC_N_108_CS", "ClosePeriodicEventStream did not come within 30.0 s"),
    ("transaction-limit-missing", STATION, "TC_C_121_CS", "/transactionInfo/transactionLimit/maxCost = 10"),
    ("resumed-as-another", STATION, "TC_E_112_CS", "/transactionInfo/transactionId = \"CS001-0-1\""),
    ("driver-tariff-missing", CSMS, "TC_I_109_CSMS", "/tariff/tariffId present"),
    ("tariff-id-used-again", CSMS, "TC_I_106_CSMS", "/tariff/tariffId not ="),
    ("limit-unconfirmed", CSMS, "TC_E_102_CSMS", "/transactionLimit/maxEnergy = 10000"),
    ("any-vat-number-accepted", CSMS, "TC_C_108_CSMS", "the response to VatNumberValidation has a wrong status"),
    ("any-profile-updated", CSMS, "TC_K_121_CSMS", "the response to PullDynamicScheduleUpdate has a wrong status"),
    (
        "profile-setpoint-sign",
        CSMS,
        "TC_Q_108_CSMS",
        "/chargingProfile/chargingSchedule/0/chargingSchedulePeriod/0/setpoint = 10",
    ),
    ("stream-refused", CSMS, "TC_N_105_CSMS", "the response to OpenPeriodicEventStream has a wrong status"),
];

fn run(pics_name: &str, test_case: &str, fault: &str) -> TestCaseResult {
    let faults: Faults =
        [Fault::read(&OCPP_2_1, fault).unwrap_or_else(|error| panic!("{fault}: {error}"))].into_iter().collect();
    let results = run_faulty(&pics(pics_name), "", false, &[test_case.to_owned()], &faults).results;
    let [result] = results.try_into().unwrap_or_else(|results| panic!("{fault}: {results:?}"));
    result
}

/// The kinds of fault that are tried here.
pub fn kinds() -> Vec<Kind> {
    FOUND.iter().map(|(fault, ..)| Fault::read(&OCPP_2_1, fault).unwrap().kind()).collect()
}

#[test]
fn each_fault_that_has_a_name_is_found_and_told() {
    let mut wrong = Vec::new();
    for (fault, product, test_case, words) in FOUND {
        let result = run(product, test_case, fault);
        let told = result.failures.iter().any(|failure| {
            let all = [Some(&failure.message), failure.expected.as_ref(), failure.found.as_ref()];
            failure.verdict == Verdict::Fail && all.into_iter().flatten().any(|text| text.contains(words))
        });
        if result.verdict != Verdict::Fail || !told {
            wrong.push(format!("{fault}, {test_case}: {}: {:?}", result.verdict, result.failures));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_fault_that_has_a_name_is_tried_and_documented() {
    let page = include_str!("../../docs/faulty-peers.md");
    for name in names() {
        assert!(FOUND.iter().any(|(fault, ..)| *fault == name), "{name} is not tried");
        assert!(page.contains(&format!("| `{name}` | ")), "{name} is not in docs/faulty-peers.md");
    }
}
