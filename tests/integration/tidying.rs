//! A test case tidies up whatever it got to: nothing there rests on steps that may never have been reached.

use std::{sync::Arc, time::Duration};

use crate::common::{library, pics, run_faulty, run_these};
use ocpp_attest::{
    engine::{Effect, Engine, Input},
    manual_action::ActionOutcome,
    protocol::OCPP_2_0_1,
    replay::Recording,
    simulator::faults::{Fault, Faults},
    verdict::{StepRecord, Verdict},
};

/// What the tidying up of a test case had to say, when nothing else of it was done and nothing answers.
fn tidied(recording: &Recording) -> Vec<String> {
    let mut setup = recording.setup.clone();
    let mut case = (*setup.case).clone();
    (case.needs, case.variables, case.before, case.steps) = (Vec::new(), Vec::new(), Vec::new(), None);
    setup.case = Arc::new(case);
    let mut now = recording.started;
    let mut engine = Engine::new(setup, now);
    // Far more than there are steps and time-outs.
    for _ in 0..10_000 {
        if engine.finished() {
            return engine.outcome().remarks;
        }
        for effect in engine.effects() {
            match effect {
                Effect::Operator(id, _) => {
                    engine.handle(now, Input::OperatorDone(id, ActionOutcome::NotPossible("not here".into())));
                }
                Effect::Service(id, ..) => engine.handle(now, Input::ServiceDone(id, Err("not here".into()))),
                _ => {}
            }
        }
        now = now.plus(Duration::from_secs(1));
        engine.handle(now, Input::Tick);
    }
    panic!("{}: {}", recording.id, engine.waiting_for());
}

#[test]
fn every_test_case_can_tidy_up_from_the_beginning() {
    let mut seen = 0;
    for product in ["simulated-station.yaml", "reference-csms.yaml"] {
        let pics = pics(product);
        let tidying = library(pics.sut).cases.iter().filter(|(_, case)| !case.after.is_empty());
        let tidying: Vec<String> = tidying.map(|(id, _)| id.clone()).collect();
        for recording in run_these(&pics, "", true, &tidying).recordings {
            seen += 1;
            let remarks = tidied(&recording);
            let own: Vec<_> = remarks.iter().filter(|remark| remark.contains("can't be evaluated")).collect();
            assert!(own.is_empty(), "{}: {own:?}", recording.id);
        }
    }
    assert!(seen > 40, "only {seen} test cases tidy up");
}

/// How the steps of a test case's own tidying up ended, by what they do.
fn undone(test_case: &str, settings: &str, faults: &Faults) -> (Verdict, Vec<String>) {
    let ran = run_faulty(&pics("reference-csms.yaml"), settings, false, &[test_case], faults);
    let result = &ran.results[0];
    let own = result.steps.iter().filter(|step| step.phase == "after" && !step.step.contains("SessionOver"));
    // `ask` stands for the steps within it.
    let what = |step: &StepRecord| step.step.rsplit(" > ").next().unwrap().split_once(' ').unwrap().1.to_owned();
    let own = own.filter(|step| !what(step).starts_with("ask "));
    (result.verdict, own.map(|step| format!("{} {}", what(step), step.outcome)).collect())
}

#[test]
fn a_raised_security_profile_is_lowered_by_the_operator() {
    let (verdict, steps) = undone("TC_A_19_CSMS", "security-profile: 1\n", &Faults::default());
    assert_eq!(verdict, Verdict::Pass);
    assert_eq!(steps, ["operator restore done", "connection connect done"]);
}

/// The CSMS sets the password back as it has set the new one; its operator does where that does not come about.
#[test]
fn a_changed_password_is_set_back_one_way_or_the_other() {
    let by_message =
        ["service password done", "operator send done", "expect SetVariables done", "connection connect done"];
    let (verdict, steps) = undone("TC_A_09_CSMS", "", &Faults::default());
    assert_eq!(verdict, Verdict::Pass);
    assert_eq!(steps[..4], by_message);
    assert_eq!(steps[4..], ["operator restore skipped", "connection connect skipped"]);
    let lost: Faults = [Fault::read(&OCPP_2_0_1, "drop SetVariables:2").unwrap()].into_iter().collect();
    let (verdict, steps) = undone("TC_A_09_CSMS", "", &lost);
    assert_eq!(verdict, Verdict::Pass);
    assert_eq!(
        steps[2..],
        ["expect SetVariables failed", "connection connect done", "operator restore done", "connection connect done"]
    );
}
