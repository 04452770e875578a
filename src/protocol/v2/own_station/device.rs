//! The device model of our station: its variables, expanded for EVSEs and connectors, and their values.

use serde_json::{Value, json};

use super::{
    Around, OwnStation,
    last_reported::ENERGY,
    model::{self, Definition, Mutability, Per, definitions},
    monitors::Monitors,
};
use crate::template::Names;

/// The tier of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tier {
    Station,
    Evse(u64),
    Connector(u64, u64),
    /// No tier of its own: an instance of a component of the station.
    Slot(u64),
}

impl Tier {
    fn is_instance(self, wanted: &str) -> bool {
        matches!(self, Tier::Slot(slot) if wanted.parse() == Ok(slot))
    }
}

/// A variable of a component on its tier.
#[derive(Debug, Clone, Copy)]
pub(super) struct Variable {
    pub(super) definition: &'static Definition,
    pub(super) tier: Tier,
}

/// What is unknown of a requested variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Component,
    Variable,
}

impl Unknown {
    /// As a status of GetVariables, SetVariables and SetVariableMonitoring.
    pub(super) fn status(self) -> &'static str {
        match self {
            Unknown::Component => "UnknownComponent",
            Unknown::Variable => "UnknownVariable",
        }
    }
}

/// The device model with its current values.
pub(super) struct Device<'s> {
    pub(super) station: &'s OwnStation,
    pub(super) around: &'s Around,
    names: Names,
}

/// Upper limit of HeartbeatInterval.
const MAX_HEARTBEAT: u64 = 86_400;
/// Power of an EVSE while charging, W.
const POWER: u64 = 3680;

impl<'s> Device<'s> {
    pub(super) fn new(station: &'s OwnStation, around: &'s Around) -> Self {
        let mut names = around.names.clone();
        names.insert("now", around.time().into());
        names.insert("station", facts(station, around));
        Self { station, around, names }
    }

    /// All variables, in the order of the model.
    pub(super) fn variables(&self) -> impl Iterator<Item = Variable> {
        definitions(self.around.version).iter().flat_map(|definition| {
            let places: Vec<Tier> = match definition.per {
                Per::Station => vec![Tier::Station],
                Per::Evse => self.around.evses.iter().map(|evse| Tier::Evse(evse.id)).collect(),
                Per::Connector => {
                    self.around.connectors().map(|(evse, connector)| Tier::Connector(evse, connector)).collect()
                }
                Per::Slot => {
                    let slots = ["configuration_slot", "configuration_slot_second"]
                        .map(|name| self.around.bench(name).as_u64());
                    slots.into_iter().flatten().map(Tier::Slot).collect()
                }
            };
            places.into_iter().map(move |place| Variable { definition, tier: place })
        })
    }

    /// Finds the variable of a `component` and a `variable`. An empty instance counts as none (B06.FR.15).
    pub(super) fn find(&self, item: &Value) -> Result<Variable, Unknown> {
        let mut known = false;
        for variable in self.variables().filter(|variable| variable.is_of(&item["component"])) {
            known = true;
            if variable.is_named(&item["variable"]) {
                return Ok(variable);
            }
        }
        Err(if known { Unknown::Variable } else { Unknown::Component })
    }

    /// The names that expressions of the model see on a tier.
    fn names_at(&self, tier: Tier) -> Names {
        let mut names = self.names.clone();
        if let Tier::Slot(slot) = tier {
            names.insert("slot", slot.into());
        }
        let (Tier::Evse(id) | Tier::Connector(id, _)) = tier else { return names };
        let reported = &self.station.reported_state;
        let charging = self.around.running_at(id).is_some_and(|one| one.charging_state == "Charging");
        let evse = json!({
            "id": id,
            "availability": together(self.around.named_connectors(&json!({ "id": id })).map(|place| reported.status(place))),
            "power": if charging { POWER } else { 0 },
            "reading": reported.reading(id),
        });
        names.insert("evse", evse);
        if let Tier::Connector(evse, connector) = tier {
            let status = reported.status((evse, connector));
            names.insert("connector", json!({ "id": connector, "availability": status }));
        }
        names
    }

    /// The actual value of a variable.
    pub(super) fn value(&self, variable: &Variable) -> String {
        let set = self.station.set.get(&variable.key()).filter(|_| variable.definition.variable.is_writable());
        set.cloned().unwrap_or_else(|| {
            text(&variable.definition.value.evaluate(&self.names_at(variable.tier)).unwrap_or_default())
        })
    }

    /// The value of a variable by its full name, such as `DeviceDataCtrlr.ItemsPerMessage[GetReport]`.
    pub(super) fn value_of(&self, key: &str) -> Option<String> {
        let variable = self.variables().find(|variable| variable.key() == key)?;
        Some(self.value(&variable))
    }

    /// The value as an integer; 0 if it is none.
    pub(super) fn number(&self, key: &str) -> usize {
        self.value_of(key).and_then(|value| value.parse().ok()).unwrap_or_default()
    }

    /// False if the CSMS has disabled a component.
    pub(super) fn is_enabled(&self, component: &str) -> bool {
        self.value_of(&format!("{component}.Enabled")).is_none_or(|value| value == "true")
    }

    /// The maxLimit of a variable, by its full name.
    pub(super) fn limit(&self, key: &str) -> usize {
        let variable = self.variables().find(|variable| variable.key() == key);
        let limit = variable.and_then(|variable| variable.definition.variable.max.as_ref()?.as_u64());
        limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or_default()
    }

    /// The valuesList.
    pub(super) fn values(&self, variable: &Variable) -> Vec<String> {
        let names = self.names_at(variable.tier);
        let values = variable.definition.values.iter();
        values.map(|value| text(&value.evaluate(&names).unwrap_or_default())).collect()
    }

    /// A variable for a report (`ReportDataType`), with its characteristics (B07.FR.08, B08.FR.12). The value of a WriteOnly variable
    /// is omitted (B07.FR.03, errata 2025-01).
    pub(super) fn report(&self, variable: &Variable) -> Value {
        let model::Variable { data_type, mutability, unit, min, max, .. } = &variable.definition.variable;
        let mut attribute = json!({
            "type": "Actual", "mutability": mutability, "persistent": variable.is_persistent(), "constant": false,
        });
        if *mutability != Mutability::WriteOnly {
            attribute["value"] = self.value(variable).into();
        }
        let mut characteristics = json!({ "dataType": data_type, "supportsMonitoring": is_monitored(variable) });
        for (name, limit) in [("minLimit", min), ("maxLimit", max)] {
            if let Some(limit) = limit {
                characteristics[name] = limit.clone().into();
            }
        }
        if let Some(unit) = unit {
            characteristics["unit"] = unit.as_str().into();
        }
        let values = self.values(variable);
        if !values.is_empty() {
            characteristics["valuesList"] = values.join(",").into();
        }
        json!({
            "component": variable.component(),
            "variable": variable.variable(),
            "variableAttribute": [attribute],
            "variableCharacteristics": characteristics,
        })
    }
}

fn is_monitored(variable: &Variable) -> bool {
    !variable.definition.variable.monitors.is_empty() || Monitors::is_given(&variable.key())
}

impl Variable {
    /// Its full name: `OCPPCommCtrlr.OfflineThreshold`, `Connector/1/1.AvailabilityState`, `TariffCostCtrlr.Enabled[Cost]`.
    pub(super) fn key(&self) -> String {
        let place = match self.tier {
            Tier::Station => String::new(),
            Tier::Evse(evse) => format!("/{evse}"),
            Tier::Connector(evse, connector) => format!("/{evse}/{connector}"),
            Tier::Slot(slot) => format!("[{slot}]"),
        };
        let instance = self.instance().map(|instance| format!("[{instance}]")).unwrap_or_default();
        format!("{}{place}.{}{instance}", self.definition.component, self.name())
    }

    pub(super) fn name(&self) -> &'static str {
        &self.definition.variable.name
    }

    fn instance(&self) -> Option<&'static str> {
        self.definition.variable.instance.as_deref()
    }

    /// As a `ComponentType`.
    pub(super) fn component(&self) -> Value {
        let mut component = json!({ "name": self.definition.component });
        match self.tier {
            Tier::Station => {}
            Tier::Evse(evse) => component["evse"] = json!({ "id": evse }),
            Tier::Connector(evse, connector) => component["evse"] = json!({ "id": evse, "connectorId": connector }),
            Tier::Slot(slot) => component["instance"] = slot.to_string().into(),
        }
        component
    }

    /// As a `VariableType`.
    pub(super) fn variable(&self) -> Value {
        let mut variable = json!({ "name": self.name() });
        if let Some(instance) = self.instance() {
            variable["instance"] = instance.into();
        }
        variable
    }

    /// True if exactly this component is named.
    fn is_of(&self, component: &Value) -> bool {
        let evse = &component["evse"];
        let slot = instance(component).and_then(|slot| slot.parse().ok());
        let place = match (evse["id"].as_u64(), evse["connectorId"].as_u64()) {
            _ if evse.is_null() => Some(slot.map_or(Tier::Station, Tier::Slot)),
            (Some(evse), None) => Some(Tier::Evse(evse)),
            (Some(evse), Some(connector)) => Some(Tier::Connector(evse, connector)),
            (None, _) => None,
        };
        same(&component["name"], &self.definition.component)
            && instance(component).is_some() == slot.is_some()
            && place == Some(self.tier)
    }

    /// True if exactly this variable is named.
    fn is_named(&self, variable: &Value) -> bool {
        let wanted = instance(variable);
        let instance = match (wanted, self.instance()) {
            (Some(wanted), Some(own)) => wanted.eq_ignore_ascii_case(own),
            (None, None) => true,
            _ => false,
        };
        instance && same(&variable["name"], self.name())
    }

    /// True if a `ComponentVariableType` selects it. What that leaves out matches anything (B08.FR.20 to B08.FR.25, N02.FR.16 to
    /// N02.FR.21).
    pub(super) fn is_meant_by(&self, item: &Value) -> bool {
        let (component, variable) = (&item["component"], &item["variable"]);
        let (evse, connector) = match self.tier {
            Tier::Station | Tier::Slot(_) => (None, None),
            Tier::Evse(evse) => (Some(evse), None),
            Tier::Connector(evse, connector) => (Some(evse), Some(connector)),
        };
        same(&component["name"], &self.definition.component)
            && instance(component).is_none_or(|wanted| self.tier.is_instance(wanted))
            && component["evse"]["id"].as_u64().is_none_or(|wanted| evse == Some(wanted))
            && component["evse"]["connectorId"].as_u64().is_none_or(|wanted| connector == Some(wanted))
            && (variable.is_null() || same(&variable["name"], self.name()))
            && instance(variable)
                .is_none_or(|wanted| self.instance().is_some_and(|own| own.eq_ignore_ascii_case(wanted)))
    }

    /// True if both belong to the same component.
    pub(super) fn is_beside(&self, other: &Self) -> bool {
        self.definition.component == other.definition.component && self.tier == other.tier
    }

    /// Settings and properties of the station are persistent, states and measurements of EVSEs and connectors are not.
    fn is_persistent(&self) -> bool {
        matches!(self.tier, Tier::Station | Tier::Slot(_)) || self.definition.variable.is_writable()
    }
}

fn same(named: &Value, known: &str) -> bool {
    named.as_str().is_some_and(|name| name.eq_ignore_ascii_case(known))
}

fn instance(named: &Value) -> Option<&str> {
    named["instance"].as_str().filter(|text| !text.is_empty())
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The state of an EVSE or a station with these connectors: their common state, or else Available if one of them is.
fn together<'s>(statuses: impl Iterator<Item = &'s str>) -> &'s str {
    let all: Vec<&str> = statuses.collect();
    match all.as_slice() {
        [first, rest @ ..] if rest.iter().all(|status| status == first) => first,
        statuses if statuses.contains(&"Occupied") && !statuses.contains(&"Available") => "Occupied",
        _ => "Available",
    }
}

/// The values of `station` in expressions of the model.
fn facts(station: &OwnStation, around: &Around) -> Value {
    let interval = station.registration.heartbeat_interval();
    let interval = interval.or_else(|| around.bench("heartbeat_interval").as_u64()).unwrap_or(300);
    json!({
        "availability": together(around.connectors().map(|place| station.reported_state.status(place))),
        "certificates": station.certificates.count(),
        "heartbeat_interval": interval.clamp(1, MAX_HEARTBEAT),
        "list_entries": station.local_list.count(),
        "messages": station.messages.count(around.now.wall),
        "monitoring_base": station.monitors.base(),
        "monitoring_level": station.monitors.level(),
        "power": around.running.iter().filter(|one| one.charging_state == "Charging").count() as u64 * POWER,
        "profiles": station.profiles.count(),
        "reading": station.reported_state.reading(0),
    })
}

impl Device<'_> {
    /// Samples of the measurands that a variable lists, for an EVSE or (0) the main meter (`SampledValueType`).
    pub(super) fn measured(&self, evse: u64, measurands: &str) -> Vec<Value> {
        let listed = self.value_of(measurands).unwrap_or_default();
        let charging =
            |one: &&super::around::Running| one.charging_state == "Charging" && (evse == 0 || one.evse == Some(evse));
        let power = self.around.running.iter().filter(charging).count() as u64 * POWER;
        let sample = |measurand: &str| {
            let (value, unit) = match measurand {
                ENERGY => (json!(self.station.reported_state.reading(evse)), "Wh"),
                "Power.Active.Import" => (json!(power), "W"),
                "Current.Import" => (json!(power / 230), "A"),
                "Voltage" => (json!(230), "V"),
                _ => return None,
            };
            Some(json!({
                "value": value, "context": "Trigger", "measurand": measurand, "unitOfMeasure": { "unit": unit },
            }))
        };
        let mut values: Vec<Value> = listed.split(',').map(str::trim).filter_map(sample).collect();
        if values.is_empty() {
            // The schema requires a value even if the list is empty.
            values.extend(sample(ENERGY));
        }
        values
    }
}
