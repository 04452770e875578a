use serde_json::json;

use super::*;

fn names() -> Names {
    let Value::Object(names) = json!({
        "bench": {"interval": 30}, "token": {"idToken": "AB", "type": "ISO14443"}, "nothing": null,
        "tx_start_point": "EVConnected, Authorized",
        "pics": {
            "C-49": true, "C-50": false,
            "evses": [{"id": 1, "connectors": [1, 2], "cables": ["detachable", "fixed"]}],
        },
        "now": "2026-11-21T10:00:00Z",
    }) else {
        unreachable!()
    };
    names.into()
}

fn value(template: Value) -> Result<Value, TemplateError> {
    Template::new(template).evaluate(&names())
}

#[test]
fn a_whole_expression_keeps_its_type_and_none_drops_the_property() {
    assert_eq!(
        value(json!({"a": "{{ bench.interval + 1 }}", "b": "x{{ bench.interval }}", "c": "{{ nothing }}",
            "d": "{{ token }}", "e": ["{{ nothing }}", 1]})),
        Ok(json!({"a": 31, "b": "x30", "d": {"idToken": "AB", "type": "ISO14443"}, "e": [1]}))
    );
}

#[test]
fn undefined_names_are_errors() {
    assert!(value(json!("{{ missing }}")).is_err());
    assert!(value(json!("{{ bench.missing }}")).is_err());
    assert!(value(json!("x {{ missing }}")).is_err());
    assert!(Template::expression("missing and true").holds(&names()).is_err());
}

#[test]
fn conditions_must_be_boolean() {
    assert_eq!(Template::expression("bench.interval > 3").holds(&names()), Ok(true));
    assert!(Template::expression("bench.interval").holds(&names()).is_err());
}

#[test]
fn what_others_say_is_true_or_not_or_can_t_be_told() {
    for (expression, expected) in [
        ("bench.interval", true),
        ("bench.interval > 40", false),
        ("pics.evses and token.type", true),
        ("pics.evses | selectattr('id', 'equalto', 2) | list", false),
        ("(pics.evses | selectattr('id', 'equalto', 2) | first).id == 2", false),
        ("nothing", false),
        ("token.group", false),
        ("missing", false),
        ("pics.evses[0].connectors", true),
    ] {
        assert_eq!(Template::expression(expression).is_true(&names()).unwrap_or(false), expected, "{expression}");
    }
    for unknown in ["token.group.id == 1", "pics.evses[7].id == 1", "missing.id", "token + 1"] {
        assert!(Template::expression(unknown).is_true(&names()).is_err(), "{unknown}");
    }
    assert!(Template::expression("a == 1").is_expression());
    assert!(!Template::expression("{{ a }} == {{ b }}").is_expression());
}

#[test]
fn functions_see_the_sut() {
    for (expression, expected) in [
        ("starts_at('Authorized')", true),
        ("starts_at('Auth')", false),
        ("supports('C-49')", true),
        ("supports('C-50') or supports('C-51')", false),
        ("has_fixed_cable({'id': 1, 'connector': 2})", true),
        ("has_fixed_cable({'id': 1, 'connector': 1})", false),
    ] {
        assert_eq!(Template::expression(expression).holds(&names()), Ok(expected), "{expression}");
    }
    assert_eq!(value(json!("{{ later(now, 90) }}")), Ok(json!("2026-11-21T10:01:30.000Z")));
}

#[test]
fn text_is_put_where_it_is_wanted() {
    assert_eq!(value(json!("{{ 'GetInstalledCertificateIds' | kebab }}")), Ok(json!("get-installed-certificate-ids")));
    assert_eq!(value(json!("{{ 'Aladdin:open sesame' | base64 }}")), Ok(json!("QWxhZGRpbjpvcGVuIHNlc2FtZQ==")));
    assert_eq!(value(json!("/{{ 'CS 1/é' | url_encoded }}")), Ok(json!("/CS%201%2F%C3%A9")));
    assert_eq!(value(json!("{{ 'aé' | hexadecimal }}")), Ok(json!("61c3a9")));
}

#[test]
fn monitors_of_a_report_stand_for_themselves() {
    let report = json!([
        { "component": { "name": "EVSE", "evse": { "id": 1 } }, "variable": { "name": "Power" },
          "variableMonitoring": [{ "id": 1, "type": "Delta" }, { "id": 4, "type": "Periodic" }] },
        { "component": { "name": "A" }, "variable": { "name": "B" }, "variableMonitoring": [] },
    ]);
    let Value::Object(names) = json!({ "report": report }) else { unreachable!() };
    let told = Template::new(json!("{{ report | monitors }}")).evaluate(&Names::from(names));
    let named = |id: i32, kind: &str| {
        let component = json!({ "name": "EVSE", "evse": { "id": 1 } });
        json!({ "id": id, "type": kind, "name": "EVSE[1].Power", "component": component, "variable": { "name": "Power" } })
    };
    assert_eq!(told, Ok(json!([named(1, "Delta"), named(4, "Periodic")])));
}

#[test]
fn what_a_report_lacks_is_told() {
    let item = |component: Value, variable: Value| json!({ "component": component, "variable": variable });
    let report = json!([
        item(json!({ "name": "EVSE", "evse": { "id": 1 } }), json!({ "name": "Available" })),
        item(json!({ "name": "Connector", "evse": { "id": 1, "connectorId": 2 } }), json!({ "name": "Available" })),
        item(json!({ "name": "A" }), json!({ "name": "B", "instance": "c" })),
        item(json!({ "name": "A" }), json!({ "name": "B", "instance": "" })),
    ]);
    let Value::Object(names) = json!({ "report": report, "wanted": ["evse[1].available", ["X.Y", []], null] }) else {
        unreachable!()
    };
    let value = |text: &str| Template::new(json!(text)).evaluate(&Names::from(names.clone()));
    let told = json!(["EVSE[1].Available", "Connector[1,2].Available", "A.B[c]", "A.B"]);
    assert_eq!(value("{{ report | variable_names }}"), Ok(told));
    assert_eq!(value("{{ wanted | missing_from(report | variable_names) }}"), Ok(json!(["X.Y"])));
    for name in ["EVSE[1].Available", "Connector[1,2].Available", "A.B[c]", "A.B"] {
        assert_eq!(value(&format!("{{{{ [component_variable('{name}')] | variable_names }}}}")), Ok(json!([name])));
    }
    assert_eq!(
        value("{{ component_variable('EVSE[2]') }}"),
        Ok(json!({ "component": { "name": "EVSE", "evse": { "id": 2 } } }))
    );
    assert_eq!(value("{{ ['a', 'b'] | missing_from([]) }}"), Ok(json!(["a", "b"])));
    let named = |attribute: &str, name: &str| {
        value(&format!("{{{{ report | selectattr('{attribute}', 'named', {name}) | list | length }}}}"))
    };
    assert_eq!(named("variable.name", "'b'"), Ok(json!(2)));
    assert_eq!(named("component.name", "'connECTOR'"), Ok(json!(1)));
    assert_eq!(named("component.instance", "'b'"), Ok(json!(0)), "nothing has no name");
    assert_eq!(named("variable.name", "none"), Ok(json!(0)));
}

#[test]
fn names_that_nobody_defines_are_told() {
    let template = Template::new(json!({
        "a": "{{ bench.identity }}/{{ env.TOKEN }}", "b": ["{{ payload }}"], "c": "{% set x = 1 %}{{ x }}",
    }));
    assert_eq!(template.undeclared(), ["bench.identity", "env.TOKEN", "payload"]);
}

#[test]
fn no_number_asks_for_more_memory_than_a_message_needs() {
    let value = |text: &str| Template::new(json!(format!("{{{{ {text} }}}}"))).evaluate(&names());
    for greedy in [
        "'x' | indent(99999999999)",
        "[1, 2] | slice(99999999999) | list",
        "[1] | batch(99999999999, 'x')",
        "'%99999999999d' | format(3)",
        "'%*d' | format(99999999999, 3)",
        "'%.99999999999f' | format(3)",
        "('x' * 99999999999) | length > 5",
        "[1] * 99999999999 | list | length > 5",
    ] {
        assert!(value(greedy).is_err(), "{greedy}: {:?}", value(greedy));
    }
    assert_eq!(value("[1, 2, 3] | batch(2)"), Ok(json!([[1, 2], [3]])));
    assert_eq!(value("[1] | batch(99999999999)"), Ok(json!([[1]])));
    assert_eq!(value("'D%03d-2026' | format(7)"), Ok(json!("D007-2026")));
}

#[test]
fn syntax_errors_surface_at_load() {
    assert_eq!(Template::new(json!({"a": "{{ 1 + }}", "b": "{{ ok }}"})).syntax_errors().len(), 1);
}

#[test]
fn a_literal_is_no_expression() {
    let said = json!({"value": "{{ bench.interval }}", "list": ["{% if %}"]});
    assert_eq!(Template::literal(said.clone()).evaluate(&names()), Ok(said));
}

#[test]
fn what_hides_what_in_names() {
    let (payload, beneath) = (json!({"now": "members first"}), names());
    let over = Over::members(&payload, &beneath);
    assert_eq!(Template::expression("now == 'members first' and bench.interval == 30").holds(&over), Ok(true));
    let no_object = json!([1]);
    assert_eq!(Template::expression("bench.interval > 3").holds(&Over::members(&no_object, &beneath)), Ok(true));
    let message = Over::one("message", &payload, &beneath);
    assert_eq!(Template::expression("message.now").evaluate(&message), Ok(json!("members first")));
}
