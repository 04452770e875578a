//! The definitions of the variables of our station, read from `own-station.yaml` in `data/ocpp2.0.1/` and the overlay of it in
//! `data/ocpp2.1/`.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::{protocol::Version, template::Template};

const FILE: &str = include_str!("../../../../data/ocpp2.0.1/own-station.yaml");
const OVERLAY_2_1: &str = include_str!("../../../../data/ocpp2.1/own-station.yaml");

/// Maximum length of a value that the CSMS sets (the schema of SetVariables in OCPP 2.1; that of 2.0.1 allows less).
const MAX_VALUE: usize = 2500;

/// How often a component exists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Per {
    /// One for the station.
    #[default]
    Station,
    /// One for each EVSE.
    Evse,
    /// One for each connector.
    Connector,
    /// One for each slot of network connection profiles, as an instance.
    Slot,
}

/// `DataEnumType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum DataType {
    #[serde(rename = "string")]
    Text,
    #[serde(rename = "decimal")]
    Decimal,
    #[serde(rename = "integer")]
    Integer,
    #[serde(rename = "dateTime")]
    DateTime,
    #[serde(rename = "boolean")]
    Boolean,
    OptionList,
    SequenceList,
    MemberList,
}

/// `MutabilityEnumType`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum Mutability {
    #[default]
    ReadOnly,
    WriteOnly,
    ReadWrite,
}

/// `MonitorEnumType`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(super) enum MonitorKind {
    UpperThreshold,
    LowerThreshold,
    Delta,
    Periodic,
    PeriodicClockAligned,
}

impl MonitorKind {
    /// The monitoringCriteria that selects it (N02.FR.12 to N02.FR.14).
    pub(super) fn criterion(self) -> &'static str {
        match self {
            MonitorKind::UpperThreshold | MonitorKind::LowerThreshold => "ThresholdMonitoring",
            MonitorKind::Delta => "DeltaMonitoring",
            MonitorKind::Periodic | MonitorKind::PeriodicClockAligned => "PeriodicMonitoring",
        }
    }
}

/// Why a value can't be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BadValue {
    /// B05.FR.07.
    Format,
    /// B05.FR.08.
    Range,
}

/// A variable in the data file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) instance: Option<String>,
    #[serde(rename = "type")]
    pub(super) data_type: DataType,
    #[serde(default)]
    pub(super) mutability: Mutability,
    pub(super) unit: Option<String>,
    pub(super) min: Option<Number>,
    pub(super) max: Option<Number>,
    #[serde(default)]
    values: Vec<Value>,
    value: Value,
    #[serde(default)]
    pub(super) reboot: bool,
    #[serde(default)]
    pub(super) monitors: Vec<MonitorKind>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Component {
    #[serde(rename = "component")]
    name: String,
    #[serde(default)]
    per: Per,
    /// Inherited variables that a component of an overlay does not have.
    #[serde(default)]
    dropped: Vec<String>,
    variables: Vec<Variable>,
}

/// A variable with the component that it belongs to.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) component: String,
    pub(super) per: Per,
    pub(super) variable: Variable,
    /// Its value unless the CSMS has set another one.
    pub(super) value: Template,
    /// The valuesList.
    pub(super) values: Vec<Template>,
}

/// All variables of a version, in the order of the data file and then of its overlay.
pub(super) fn definitions(version: Version) -> &'static [Definition] {
    static OF_2_0_1: OnceLock<Vec<Definition>> = OnceLock::new();
    static OF_2_1: OnceLock<Vec<Definition>> = OnceLock::new();
    // A file that can't be read yields an empty model, which the tests detect.
    if version == Version::V2_1 {
        OF_2_1.get_or_init(|| read(&[FILE, OVERLAY_2_1]).unwrap_or_default())
    } else {
        OF_2_0_1.get_or_init(|| read(&[FILE]).unwrap_or_default())
    }
}

fn read(layers: &[&str]) -> Result<Vec<Definition>, serde_saphyr::Error> {
    let mut all: Vec<Definition> = Vec::new();
    for layer in layers {
        let components: Vec<Component> = serde_saphyr::from_str(layer)?;
        for Component { name, per, dropped, variables } in components {
            all.retain(|known| known.component != name || known.per != per || !dropped.contains(&known.variable.name));
            for variable in variables {
                let definition = Definition {
                    component: name.clone(),
                    per,
                    value: Template::new(variable.value.clone()),
                    values: variable.values.iter().cloned().map(Template::new).collect(),
                    variable,
                };
                match all.iter().position(|known| known.is_of_same(&definition)) {
                    Some(at) => all[at] = definition,
                    None => all.push(definition),
                }
            }
        }
    }
    Ok(all)
}

impl Definition {
    fn is_of_same(&self, other: &Self) -> bool {
        let key =
            |one: &Self| (one.component.clone(), one.per, one.variable.name.clone(), one.variable.instance.clone());
        key(self) == key(other)
    }
}

impl Variable {
    /// True if the CSMS can set it.
    pub(super) fn is_writable(&self) -> bool {
        self.mutability != Mutability::ReadOnly
    }

    /// Checks a value against type, limits and valuesList.
    pub(super) fn admits(&self, value: &str, values: &[String]) -> Result<(), BadValue> {
        if value.chars().count() > MAX_VALUE {
            return Err(BadValue::Range);
        }
        let known = |part: &str| values.iter().any(|known| known == part);
        match self.data_type {
            DataType::Boolean if ["true", "false"].contains(&value) => Ok(()),
            DataType::DateTime if value.parse::<jiff::Timestamp>().is_ok() => Ok(()),
            DataType::Boolean | DataType::DateTime => Err(BadValue::Format),
            DataType::Integer => match value.parse::<i64>() {
                Ok(_) => self.within(value.parse().unwrap_or(f64::MAX)),
                Err(_) => Err(BadValue::Format),
            },
            DataType::Decimal => match value.parse::<f64>() {
                Ok(number) if number.is_finite() => self.within(number),
                _ => Err(BadValue::Format),
            },
            DataType::OptionList if known(value) => Ok(()),
            DataType::OptionList => Err(BadValue::Range),
            DataType::SequenceList | DataType::MemberList => {
                let parts: Vec<&str> = value.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
                let once = parts.iter().enumerate().all(|(at, part)| !parts[..at].contains(part));
                let right = once && parts.iter().all(|part| known(part));
                if right { Ok(()) } else { Err(BadValue::Range) }
            }
            DataType::Text => match self.max.as_ref().and_then(Number::as_u64) {
                Some(most) if value.chars().count() as u64 > most => Err(BadValue::Range),
                _ => Ok(()),
            },
        }
    }

    fn within(&self, number: f64) -> Result<(), BadValue> {
        let bound = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_f64);
        let low = bound(&self.min).is_some_and(|least| number < least);
        let high = bound(&self.max).is_some_and(|most| number > most);
        if low || high { Err(BadValue::Range) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_file_can_be_read() {
        let all = read(&[FILE]).unwrap_or_else(|error| panic!("{error}"));
        let inherited = all.len();
        let all = read(&[FILE, OVERLAY_2_1]).unwrap_or_else(|error| panic!("{error}"));
        assert!(all.len() > inherited, "{}", all.len());
        let twice = all.iter().enumerate().find(|(at, one)| all[..*at].iter().any(|known| known.is_of_same(one)));
        assert!(twice.is_none(), "{twice:?}");
        // An overlay drops what it says, and nothing else of that name that it has itself.
        let fallbacks = all.iter().filter(|one| one.variable.name == "TariffFallbackMessage");
        assert_eq!(fallbacks.map(|one| one.variable.instance.as_deref()).collect::<Vec<_>>(), [Some("en")]);
        assert!(all.len() > 100, "{}", all.len());
        let errors: Vec<_> = all
            .iter()
            .flat_map(|one| one.values.iter().chain([&one.value]).flat_map(Template::syntax_errors))
            .collect();
        assert_eq!(errors, []);
        let merged = all.iter().find(|one| one.variable.name == "TxStartedMeasurands").unwrap();
        assert_eq!((merged.variable.data_type, merged.values.len()), (DataType::MemberList, 4));
    }

    #[test]
    fn a_variable_admits_what_is_of_its_type_and_within_its_limits() {
        let variable = |text: &str| serde_saphyr::from_str::<Variable>(text).unwrap();
        let values = ["a".to_owned(), "b".to_owned()];
        for (text, good, format, range) in [
            ("{ name: V, type: boolean, value: '' }", vec!["true", "false"], vec!["True", "1", ""], vec![]),
            (
                "{ name: V, type: integer, min: 1, max: 300, value: '' }",
                vec!["1", "300"],
                vec!["30.5", "abc", ""],
                vec!["0", "301", "-1"],
            ),
            (
                "{ name: V, type: decimal, min: 0, max: 100, value: '' }",
                vec!["0", "99.9"],
                vec!["NaN", "inf", "x"],
                vec!["-0.1", "100.1"],
            ),
            ("{ name: V, type: MemberList, value: '' }", vec!["", "a", "b, a"], vec![], vec!["c", "a,a"]),
            ("{ name: V, type: OptionList, value: '' }", vec!["a"], vec![], vec!["", "a,b"]),
            ("{ name: V, type: string, max: 3, value: '' }", vec!["", "abc", "äöü"], vec![], vec!["abcd"]),
            ("{ name: V, type: dateTime, value: '' }", vec!["2026-01-01T00:00:00Z"], vec!["300"], vec![]),
        ] {
            let variable = variable(text);
            for (expected, texts) in [(Ok(()), good), (Err(BadValue::Format), format), (Err(BadValue::Range), range)] {
                for value in texts {
                    assert_eq!(variable.admits(value, &values), expected, "{text}: {value}");
                }
            }
        }
        let long = "x".repeat(2501);
        assert_eq!(variable("{ name: V, type: string, value: '' }").admits(&long, &[]), Err(BadValue::Range));
    }
}
