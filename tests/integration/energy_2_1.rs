//! Charging with ISO 15118 and bidirectional transfer of OCPP 2.1: what the specification leaves open passes in each form, and
//! what it demands is looked at, late as it may come.

use crate::common::{pics, run_faulty, run_these};
use ocpp_attest::{
    protocol::OCPP_2_1,
    simulator::faults::{Fault, Faults},
    verdict::Verdict,
};

const STATION: &str = "reference-station-2.1.yaml";
const CHARGER: &str = "simulated-v2x-charger-2.1.yaml";
const WALLBOX: &str = "simulated-v2x-wallbox-2.1.yaml";

/// A product, what is other about it, the test case, and the verdict.
const PRODUCTS: [(&str, &[&str], &str, Verdict); 7] = [
    (
        CHARGER,
        &["wrong-field SetChargingProfile:1 /statusInfo/reasonCode=nofreqwattcurve"],
        "TC_Q_119_CS",
        Verdict::Pass,
    ),
    (
        CHARGER,
        &["missing-field NotifyEVChargingNeeds /chargingNeeds/v2xChargingParameters/maxDischargePower"],
        "TC_Q_102_CS",
        Verdict::Pass,
    ),
    (
        WALLBOX,
        &["wrong-field SetChargingProfile:1 /statusInfo/reasonCode=InvalidOperationMode"],
        "TC_Q_123_CS",
        Verdict::Pass,
    ),
    (WALLBOX, &["wrong-field SetChargingProfile:1 /statusInfo/reasonCode=UnknownEvse"], "TC_Q_123_CS", Verdict::Fail),
    (
        STATION,
        &["wrong-field SetVariables /setVariableResult/0/attributeStatus=Rejected"],
        "TC_K_103_CS",
        Verdict::Fail,
    ),
    (STATION, &["missing-field NotifyEVChargingSchedule /selectedChargingScheduleId"], "TC_K_115_CS", Verdict::Fail),
    (
        STATION,
        &[
            "delay NotifyEVChargingSchedule:2 for=12s",
            "wrong-field NotifyEVChargingSchedule:2 /chargingSchedule/chargingSchedulePeriod/0/limit=99999",
        ],
        "TC_K_57_CS",
        Verdict::Fail,
    ),
];

#[test]
fn each_product_gets_the_verdict_that_the_specification_gives_it() {
    for (product, faults, test_case, verdict) in PRODUCTS {
        let faults: Faults = faults.iter().map(|fault| Fault::read(&OCPP_2_1, fault).unwrap()).collect();
        let results = run_faulty(&pics(product), "", false, &[test_case], &faults).results;
        assert_eq!(results[0].verdict, verdict, "{product}: {:?}", results[0]);
    }
}

#[test]
fn a_variable_of_an_evse_is_put_back_at_that_evse() {
    let result = &run_these(&pics(CHARGER), "", false, &["TC_Q_100_CS"]).results[0];
    assert_eq!(result.verdict, Verdict::Pass, "{result:?}");
    // The second of the two messages that may set a variable names an EVSE.
    let steps = result.steps.iter().filter(|step| step.phase == "after" && step.outcome == "done");
    let put_back = steps.filter(|step| step.step.contains("VariableSet") && step.step.ends_with("2 send SetVariables"));
    assert_eq!(put_back.count(), 4, "three lists of measurands and an interval of the EVSE's controller");
}
