use super::*;
use crate::{
    protocol::Version,
    testcase::{
        dialect::Dialect,
        model::{Step, TestCase},
        reader,
    },
    yaml::Source,
};

fn read(id: &str, steps: &str) -> Result<TestCase, String> {
    let text = format!(
        "id: {id}\ntitle: T\nuse-cases: []\nrequirements: []\npurpose: P.\nsut: {}\nblock: B\nprotocols: [2.0.1]\n\
         certification: {{ 2.0.1: {{ 2024-06: {{ core: mandatory }} }} }}\nsteps:\n{steps}",
        if id.ends_with("CSMS") { "csms" } else { "charging-station" }
    );
    reader::test_case(&Source::new("c.yaml", text), Dialect::today(Version::V2_0_1))
        .map_err(|defects| defects.to_string())
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
    insta::assert_snapshot!(told.join("\n"), @r#"
    AuthCtrlr/None/None/Enabled/None
    OCPPCommCtrlr/None/None/MessageTimeout/Some("Default")
    EVSE/Some("1")/None/Available/None
    Connector/Some("{{ evse.id }}")/Some("{{ evse.connector }}")/Available/None
    {{ one.component }}/None/None/{{ one.variable }}/Some("{{ one['a.b'] }}")
    `EVSE[one].Available`: an EVSE and a connector are numbers
    `AuthCtrlr` is not Component.Variable
    `AuthCtrlr.` is not Component.Variable
    `.Enabled` is not Component.Variable
    `AuthCtrlr[].Enabled` is not Component.Variable
    `AuthCtrlr.Enabled[x` is not Component.Variable
    "#);
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
    insta::assert_snapshot!(shown(&steps[0]), @r#"
    ask Reset: 
      operator send: action: Reset, payload: {"type":"OnIdle"}, station: bench.identity
      expect GetReport:  | 
      expect Reset:  | type = OnIdle
    "#);
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
    insta::assert_snapshot!(steps.iter().map(|step| shown(step)).collect::<Vec<_>>().join("\n"), @r#"
    send GetVariables: {"getVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"MessageTimeout","instance":"Default"},"attributeType":"Target"}]} | getVariableResult[0].attributeStatus = NotSupportedAttributeType, getVariableResult[0].attributeType = Target, getVariableResult[0].attributeValue absent
    send GetVariables: {"getVariableData":[{"component":{"name":"EVSE","evse":{"id":1}},"variable":{"name":"Available"}}]} | 
    send GetVariables: {"getVariableData":[{"component":{"name":"AuthCtrlr"},"variable":{"name":"Enabled"}},{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"OfflineThreshold"}}]} | getVariableResult each element { attributeStatus = Accepted }, getVariableResult any element { component.name = AuthCtrlr, variable.name = Enabled, attributeValue = true }, getVariableResult any element { component.name = OCPPCommCtrlr, variable.name = OfflineThreshold, attributeValue at least 1 }, getVariableResult each element { attributeType one of [Actual | absent] } [B06.FR.03]
    send SetVariables: {"setVariableData":[{"component":{"name":"OCPPCommCtrlr"},"variable":{"name":"OfflineThreshold"},"attributeValue":"300"}]} | setVariableResult[0].attributeStatus one of [Accepted | RebootRequired]
    "#);
}

#[test]
fn what_the_step_does_not_give_is_that_of_the_evse() {
    let steps = steps("TC_B_06_CS", "  - operator: connect-ev\n  - operator: drive-in\n    with: { evse: 2 }\n");
    insta::assert_snapshot!(steps.iter().map(|step| shown(step)).collect::<Vec<_>>().join("\n"), @r"
    operator connect-ev: evse: evse.id, connector: evse.connector
    operator drive-in: evse: 2
    ");
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
    insta::assert_snapshot!(read("TC_B_06_CS", station).unwrap_err(), @r"
    c.yaml:11:10: `ask` is for a CSMS under test
        → write `send`: a CSMS is what we are here
    c.yaml:12:10: `AuthCtrlr` is not Component.Variable
        → write `Component[evse].Variable[instance]`
    c.yaml:13:10: names of variables were expected, found a list
        → write `Component.Variable`
    c.yaml:14:33: `matchs` is no matcher, and this mixes it with matchers
        → did you mean `matches`?
    c.yaml:16:13: invalid value `Acepted`: GetVariables does not allow it there
        → did you mean `Accepted`?
    c.yaml:17:14: GetVariablesResponse has no `attributVale` there
        → did you mean `attributeValue`?
    c.yaml:18:12: `token_status` is not Component.Variable
        → write `Component[evse].Variable[instance]`; values are kept under names with `let`
    c.yaml:19:31: the value of a variable is text, found a list
        → write the value as it is sent
    c.yaml:21:5: `set` has no key `chek`
        → did you mean `check`?
    ");
    let csms = "  - ask: Rest
  - ask: BootNotification
  - ask: Reset
    payload: { typ: OnIdle }
  - get: AuthCtrlr.Enabled
  - set: { token_status: Invalid }
";
    insta::assert_snapshot!(read("TC_B_20_CSMS", csms).unwrap_err(), @r"
    c.yaml:11:10: unknown OCPP 2.0.1 action `Rest`
        → did you mean `Reset`?
    c.yaml:12:10: a CSMS does not send BootNotification
        → expect is for the SUT, send for us
    c.yaml:14:16: ResetRequest has no `typ` there
        → did you mean `type`?
    c.yaml:15:10: `get` is for a charging station under test
        → write `ask`
    c.yaml:16:10: `set` is for a charging station under test
        → values are kept under names with `let`
    ");
}

#[test]
fn mistakes_in_distances_and_sentences() {
    let steps = "  - expect: Heartbeat
    after: { at: 1, every: 3 }
  - expect: Heartbeat
    after: { plus: 3 }
  - expect: Heartbeat
    after: { at: \"{{ a }}{{ b }}\", plus: 3 }
  - expect: Heartbeat
    after: { at: 1, plus: 3 }
    no-earlier-than: 1
  - expect: StatusNotification
    check:
      timestamp: { after: { at: 1, plus: 2, every: 3 } }
      evseId: { after: { at: 1, plus: 2, requirement: B06.FR.02 } }
      connectorId: { any: { is: 1, message: never shown }, message: \"\" }
  - expect: Heartbeat
    reply-error: { when: a == 1, is: IternalError }
";
    insta::assert_snapshot!(read("TC_B_06_CS", steps).unwrap_err(), @r#"
    c.yaml:12:28: `every` is for a time in a message
        → write `plus`
    c.yaml:14:12: `after` lacks its key `at`
        → add `at: …`
    c.yaml:16:12: `after` takes numbers, or one expression each
        → write `"{{ … }}"`
    c.yaml:18:12: `after` says what `no-earlier-than` says
        → leave one of them out
    c.yaml:22:27: `after` needs `plus` or `every`
        → say how far it is; one of the two
    c.yaml:23:24: a requirement in `after` is for a step
        → put it beside `after`
    c.yaml:24:45: a message is never shown from here
        → a breach is told of the whole: put it beside the check around this one
    c.yaml:24:69: a sentence was expected, found the text ""
        → write what was wrong
    c.yaml:26:38: `reply-error` can't be the text "IternalError": OCPP 2.0.1 has no such error code
        → did you mean `InternalError`?
    "#);
}
