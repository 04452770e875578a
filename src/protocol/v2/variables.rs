//! The messages of OCPP 2.x that read and set variables of a station (B05, B06).

use serde_json::{Map, Value, json};

use crate::protocol::semantics::{VariableAsked, VariableMessage, VariableName};

/// The message for these variables; it sets them where they have values.
pub(super) fn message(asked: &[VariableAsked]) -> VariableMessage {
    let sets = asked.iter().any(|asked| asked.value.is_some());
    let (action, list, results) = if sets {
        ("SetVariables", "setVariableData", "setVariableResult")
    } else {
        ("GetVariables", "getVariableData", "getVariableResult")
    };
    VariableMessage {
        action,
        payload: json!({ list: asked.iter().map(element).collect::<Vec<_>>() }),
        results,
        status: "attributeStatus",
        value: "attributeValue",
        told_by: asked.iter().map(|asked| told_by(&asked.name)).collect(),
    }
}

fn element(asked: &VariableAsked) -> Value {
    let VariableName { component, evse, connector, variable, instance } = &asked.name;
    let mut component = json!({ "name": component });
    if let Some(evse) = evse {
        component["evse"] = json!({ "id": number(evse) });
        if let Some(connector) = connector {
            component["evse"]["connectorId"] = number(connector);
        }
    }
    let mut variable = json!({ "name": variable });
    if let Some(instance) = instance {
        variable["instance"] = instance.as_str().into();
    }
    let mut element = Map::from_iter([("component".to_owned(), component), ("variable".to_owned(), variable)]);
    element.extend(asked.attribute.iter().map(|kind| ("attributeType".to_owned(), kind.as_str().into())));
    element.extend(asked.value.iter().map(|value| ("attributeValue".to_owned(), value.as_str().into())));
    Value::Object(element)
}

fn told_by(name: &VariableName) -> Vec<(&'static str, String)> {
    let mut told_by = vec![("component.name", name.component.clone()), ("variable.name", name.variable.clone())];
    let optional = [
        ("component.evse.id", &name.evse),
        ("component.evse.connectorId", &name.connector),
        ("variable.instance", &name.instance),
    ];
    told_by.extend(optional.into_iter().filter_map(|(path, value)| Some((path, value.clone()?))));
    told_by
}

/// A number, or the expression that yields it.
fn number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::OCPP_2_0_1;

    fn asked(value: Option<&str>) -> Vec<VariableAsked> {
        let plain = VariableName { component: "AuthCtrlr".into(), variable: "Enabled".into(), ..Default::default() };
        let whole = VariableName {
            component: "Connector".into(),
            evse: Some("1".into()),
            connector: Some("2".into()),
            variable: "Available".into(),
            instance: Some("x".into()),
        };
        let with = |name| VariableAsked { name, attribute: Some("Actual".into()), value: value.map(str::to_owned) };
        vec![with(plain), with(whole)]
    }

    #[test]
    fn the_messages_follow_their_schemas() {
        for value in [None, Some("true")] {
            let message = message(&asked(value));
            assert_eq!(OCPP_2_0_1.messages().validate(message.action, true, &message.payload), []);
            let response = OCPP_2_0_1.messages().message(message.action, false).unwrap();
            let result = response.child(message.results).unwrap().unwrap();
            assert!(result.child(message.status).is_ok());
            assert_eq!(result.child(message.value).is_ok(), value.is_none());
        }
        insta::assert_snapshot!(message(&asked(Some("true"))).payload["setVariableData"][1], @r#"{"component":{"name":"Connector","evse":{"id":1,"connectorId":2}},"variable":{"name":"Available","instance":"x"},"attributeType":"Actual","attributeValue":"true"}"#);
    }
}
