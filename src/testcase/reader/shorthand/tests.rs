use super::*;
use crate::{
    testcase::{
        model::{Step, TestCase},
        reader,
    },
    yaml::Source,
};

fn read(id: &str, steps: &str) -> Result<TestCase, String> {
    let text = format!(
        "id: {id}\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\n\
         certification:\n  2024-06: {{ core: mandatory }}\nsteps:\n{steps}"
    );
    reader::test_case(&Source::new("c.yaml", text)).map_err(|defects| defects.to_string())
}

fn steps(id: &str, steps: &str) -> Vec<Arc<Step>> {
    read(id, steps).unwrap().steps.unwrap()
}

/// What a step says to somebody who looks into it: labels, payloads, checks.
fn shown(step: &Step) -> String {
    let own = match &step.kind {
        StepKind::Send(send) => format!("{} | {}", send.payload.text(), send.checks.describe(None)),
        StepKind::Expect(expect) => {
            format!("{} | {}", expect.matches.describe(None), expect.checks.describe(None))
        }
        StepKind::Operator { with, .. } => {
            with.iter().map(|(name, value)| format!("{name}: {}", value.text())).collect::<Vec<_>>().join(", ")
        }
        _ => String::new(),
    };
    let inner: String = step.inner().iter().map(|step| format!("\n  {}", shown(step))).collect();
    format!("{}: {own}{inner}", step.label())
}

#[test]
fn names_of_variables() {
    let read = |text| match variable_name(text) {
        Ok(VariableName { component, evse, connector, variable, instance }) => {
            format!("{component}/{evse:?}/{connector:?}/{variable}/{instance:?}")
        }
        Err(reason) => reason,
    };
    let told: Vec<String> = [
        "AuthCtrlr.Enabled",
        "OCPPCommCtrlr.MessageTimeout[Default]",
        "EVSE[1].Available",
        "Connector[{{ evse.id }},{{ evse.connector }}].Available",
        "{{ one.component }}.{{ one.variable }}[{{ one['a.b'] }}]",
        "EVSE[one].Available",
        "AuthCtrlr",
        "AuthCtrlr.",
        ".Enabled",
        "AuthCtrlr[].Enabled",
        "AuthCtrlr.Enabled[x",
    ]
    .into_iter()
    .map(read)
    .collect();
    insta::assert_snapshot!(told.join("\n"), @"");
}

#[test]
fn what_is_asked_of_a_csms_is_expected_next() {
    let written = "  - ask: Reset
    when: connected
    payload: { type: OnIdle }
    meanwhile:
      - expect: GetReport
        optional: true
    check: { type: OnIdle }
    reply: { status: Accepted }
    as: reset
    requirement: B11.FR.01
";
    let steps = steps("TC_B_20_CSMS", written);
    assert!(steps[0].when.is_some() && steps[0].saved_as.is_none() && steps[0].requirements.is_empty());
    let message = steps[0].inner().last().unwrap();
    assert_eq!(message.saved_as.as_deref(), Some("reset"));
    assert_eq!(message.requirements.ids().collect::<Vec<_>>(), ["B11.FR.01"]);
    insta::assert_snapshot!(shown(&steps[0]), @"");
}

#[test]
fn variables_are_read_and_set_by_their_names() {
    let written = "  - get: OCPPCommCtrlr.MessageTimeout[Default]
    attribute: Target
    status: NotSupportedAttributeType
    check: { attributeType: Target, attributeValue: { absent: true } }
  - get: EVSE[1].Available
    status: any
  - get: { AuthCtrlr.Enabled: \"true\", \"OCPPCommCtrlr.OfflineThreshold\": { at-least: 1 } }
    check: { attributeType: [Actual, { absent: true }], requirement: B06.FR.03 }
  - set: { OCPPCommCtrlr.OfflineThreshold: 300 }
    status: [Accepted, RebootRequired]
";
    let steps = steps("TC_B_06_CS", written);
    insta::assert_snapshot!(steps.iter().map(|step| shown(step)).collect::<Vec<_>>().join("\n"), @"");
}

#[test]
fn what_the_step_does_not_give_is_that_of_the_evse() {
    let steps = steps("TC_B_06_CS", "  - operator: connect-ev\n  - operator: drive-in\n    with: { evse: 2 }\n");
    insta::assert_snapshot!(steps.iter().map(|step| shown(step)).collect::<Vec<_>>().join("\n"), @"");
}

#[test]
fn mistakes_are_told_where_they_are() {
    let station = "  - ask: Reset
  - get: AuthCtrlr
  - get: [1]
  - get: { AuthCtrlr.Enabled: { matchs: x, is: y } }
  - get: AuthCtrlr.Enabled
    status: Acepted
    check: { attributVale: x }
  - set: { token_status: Invalid }
  - set: { AuthCtrlr.Enabled: [x] }
  - set: { AuthCtrlr.Enabled: \"true\" }
    chek: {}
";
    insta::assert_snapshot!(read("TC_B_06_CS", station).unwrap_err(), @"");
    let csms = "  - ask: Rest
  - ask: BootNotification
  - ask: Reset
    payload: { typ: OnIdle }
  - get: AuthCtrlr.Enabled
  - set: { token_status: Invalid }
";
    insta::assert_snapshot!(read("TC_B_20_CSMS", csms).unwrap_err(), @"");
}
