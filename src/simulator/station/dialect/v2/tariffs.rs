//! Tariffs that the station has: of EVSEs, set by the CSMS (I07, I09, I10), and of drivers, who bring them (I08); and the tariff of a
//! transaction that the CSMS changes (I11).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    Station,
    device::{Device, Domain, Mutability, Variable},
    evse::Token,
};
use crate::{
    pics::Pics,
    protocol::Version,
    simulator::station::tariff::{Tariff, has_conditions, most_prices},
};

/// The component that tells what the station can do.
pub(super) const CONTROLLER: &str = "TariffCostCtrlr";
/// Most prices of one kind that a tariff has (TariffCostCtrlr.MaxElements).
const MOST_PRICES: usize = 10;

/// A default tariff at an EVSE.
#[derive(Debug, Clone)]
struct Installed {
    index: usize,
    tariff: Tariff,
}

/// The tariff of a driver, at the EVSE where the driver was authorised.
#[derive(Debug, Clone)]
struct Brought {
    index: usize,
    token: String,
    tariff: Tariff,
}

/// The tariffs of a station. The default ones outlast a restart (I07.FR.13).
#[derive(Debug, Clone, Default)]
pub(super) struct Tariffs {
    installed: Vec<Installed>,
    brought: Vec<Brought>,
    /// EVSEs whose costs the CSMS calculates, since the tariff of the driver could not be processed (I08.FR.33).
    central: Vec<usize>,
}

impl Tariffs {
    /// What holds at an EVSE by now: of those that are valid the one with the latest validFrom (I07.FR.20, I07.FR.21), and those that are
    /// not valid yet (I07.FR.23).
    fn review(&mut self, now: Timestamp) {
        let valid = |installed: &Installed| installed.tariff.valid_from.is_none_or(|from| from <= now);
        let all = std::mem::take(&mut self.installed);
        for (at, one) in all.iter().enumerate() {
            let later = all.iter().enumerate().any(|(other_at, other)| {
                let (ours, theirs) = (one.tariff.valid_from, other.tariff.valid_from);
                other.index == one.index && valid(other) && (theirs > ours || theirs == ours && other_at > at)
            });
            if !valid(one) || !later {
                self.installed.push(one.clone());
            }
        }
    }

    /// Has a default tariff at an EVSE. One that is valid at once takes the place of all that are (I07.FR.22).
    fn install(&mut self, index: usize, tariff: Tariff, now: Timestamp) {
        if tariff.valid_from.is_none() {
            self.installed
                .retain(|other| other.index != index || other.tariff.valid_from.is_some_and(|from| from > now));
        }
        self.installed.push(Installed { index, tariff });
        self.review(now);
    }
}

/// The variables of a station that calculates costs by tariffs, and of one that limits transactions.
pub(super) fn add_variables(device: &mut Device, pics: &Pics) {
    if pics.ocpp != Version::V2_1 {
        return;
    }
    let payment = pics.is_yes("P-0");
    let flag = |value: bool| (value.to_string(), Domain::Boolean);
    let mut put =
        |name: &'static str, instance: Option<&'static str>, writable: bool, (value, domain): (String, Domain)| {
            let same = |known: &&mut Variable| {
                known.component == CONTROLLER && known.name == name && known.instance == instance
            };
            if let Some(known) = device.variables.iter_mut().find(same) {
                known.value = value;
                return;
            }
            device.variables.push(Variable {
                instance,
                ..Variable::new(
                    CONTROLLER,
                    name,
                    if writable { Mutability::ReadWrite } else { Mutability::ReadOnly },
                    (value, domain),
                )
            });
        };
    if !payment {
        return;
    }
    let most = i64::try_from(MOST_PRICES).unwrap_or(i64::MAX);
    let failed = ["Deauthorize", "UseDefaultTariff", "CentralCost"].map(str::to_owned).to_vec();
    put("Available", Some("Tariff"), false, flag(true));
    put("Available", Some("Cost"), false, flag(true));
    put("Enabled", Some("Tariff"), true, flag(true));
    put("Enabled", Some("Cost"), true, flag(true));
    put("Enabled", Some("RunningCost"), true, flag(true));
    put("Interval", Some("Cost"), true, ("60".into(), Domain::Integer(1, 86_400)));
    put("Interval", Some("Tariff"), true, ("0".into(), Domain::Integer(0, 86_400)));
    put("MaxElements", Some("Tariff"), false, (most.to_string(), Domain::Integer(most, most)));
    put("ConditionsSupported", Some("Tariff"), false, flag(pics.is_yes("P-1")));
    put("HandleFailedTariff", Some("Tariff"), true, ("Deauthorize".into(), Domain::OptionList(failed)));
    put("Problem", None, false, flag(false));
}

impl Station {
    /// It can have tariffs.
    pub(super) fn has_tariffs(&self) -> bool {
        self.protocol.version == Version::V2_1 && self.pics.is_yes("P-0")
    }

    /// A switch of the component.
    pub(super) fn enables(&self, instance: &str) -> bool {
        self.device.instance(CONTROLLER, "Enabled", instance) == Some("true")
    }

    /// It takes tariffs (I07.FR.01).
    pub(super) fn takes_tariffs(&self) -> bool {
        self.has_tariffs() && self.enables("Tariff")
    }

    /// Why a tariff can't be used; the answer to whoever sent it.
    fn refusal(&self, tariff: &Value) -> Option<Value> {
        let conditions = self.device.instance(CONTROLLER, "ConditionsSupported", "Tariff") == Some("true");
        Some(if most_prices(tariff) > MOST_PRICES {
            json!({ "status": "TooManyElements" })
        } else if has_conditions(tariff) && !conditions {
            json!({ "status": "ConditionNotSupported" })
        } else if Tariff::read(tariff).is_none() {
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "InvalidValue" } })
        } else {
            return None;
        })
    }

    /// The EVSEs that an evseId names; 0 stands for all.
    fn evses_named(&self, id: &Value) -> Vec<usize> {
        match id.as_u64() {
            Some(0) | None => (0..self.evses.len()).collect(),
            Some(id) => u32::try_from(id).ok().and_then(|id| self.physical.index_of(id)).into_iter().collect(),
        }
    }

    /// I07: a default tariff for an EVSE, or all.
    pub(super) fn set_default_tariff(&mut self, payload: &Value) -> Value {
        let evses = self.evses_named(&payload["evseId"]);
        if evses.is_empty() {
            return json!({ "status": "Rejected", "statusInfo": { "reasonCode": "UnknownEVSE" } });
        }
        if let Some(refusal) = self.refusal(&payload["tariff"]) {
            return refusal;
        }
        let Some(tariff) = Tariff::read(&payload["tariff"]) else { return json!({ "status": "Rejected" }) };
        let known = self.tariffs.installed.iter().map(|known| &known.tariff);
        if known.chain(self.tariffs.brought.iter().map(|known| &known.tariff)).any(|known| known.id == tariff.id) {
            return json!({ "status": "DuplicateTariffId" });
        }
        let now = self.physical.now();
        for index in evses {
            self.tariffs.install(index, tariff.clone(), now);
        }
        json!({ "status": "Accepted" })
    }

    /// Forgets the tariffs of drivers who are gone (I08.FR.06, I08.FR.07), and replaces what is replaced by now.
    fn review_tariffs(&mut self) {
        let gone = |index: usize| self.evses[index].authorized.is_none() && self.evses[index].transaction.is_none();
        let gone: Vec<usize> = (0..self.evses.len()).filter(|index| gone(*index)).collect();
        self.tariffs.brought.retain(|known| !gone.contains(&known.index));
        self.tariffs.central.retain(|index| !gone.contains(index));
        self.tariffs.review(self.physical.now());
    }

    /// The driver is gone (I08.FR.07).
    pub(super) fn forget_brought_tariff(&mut self, index: usize) {
        self.tariffs.brought.retain(|known| known.index != index);
    }

    /// I09: which tariffs there are, and where.
    pub(super) fn get_tariffs(&mut self, payload: &Value) -> Value {
        self.review_tariffs();
        let evses = self.evses_named(&payload["evseId"]);
        let mut assignments: Vec<Value> = Vec::new();
        let mut add = |tariff: &Tariff, kind: &str, evse: Option<u32>, token: Option<&str>| {
            let known =
                assignments.iter_mut().find(|known| known["tariffId"] == *tariff.id && known["tariffKind"] == kind);
            let entry = if let Some(known) = known {
                known
            } else {
                let mut entry = json!({ "tariffId": tariff.id, "tariffKind": kind });
                if let Some(from) = tariff.valid_from_text.as_ref().filter(|_| kind == "DefaultTariff") {
                    entry["validFrom"] = from.clone().into();
                }
                assignments.push(entry);
                let last = assignments.len() - 1;
                &mut assignments[last]
            };
            let mut append = |member: &str, value: Value| {
                let mut list = entry[member].as_array().cloned().unwrap_or_default();
                if !list.contains(&value) {
                    list.push(value);
                }
                entry[member] = list.into();
            };
            if let Some(evse) = evse {
                append("evseIds", evse.into());
            }
            if let Some(token) = token {
                append("idTokens", token.into());
            }
        };
        for known in self.tariffs.installed.iter().filter(|known| evses.contains(&known.index)) {
            add(&known.tariff, "DefaultTariff", Some(self.evses[known.index].id), None);
        }
        for known in self.tariffs.brought.iter().filter(|known| evses.contains(&known.index)) {
            // I09.FR.06
            let evse = self.evses[known.index].transaction.is_some().then_some(self.evses[known.index].id);
            add(&known.tariff, "DriverTariff", evse, Some(&known.token));
        }
        // What was cleared or replaced and still counts for a transaction (I07.FR.24, I10.FR.07).
        for index in evses {
            let used = self.reckonings[index].as_ref().filter(|known| !known.brought);
            if let Some(tariff) = used.and_then(|known| known.bill.tariff()) {
                add(tariff, "DefaultTariff", Some(self.evses[index].id), None);
            }
        }
        if assignments.is_empty() {
            return json!({ "status": "NoTariff" }); // I09.FR.03
        }
        json!({ "status": "Accepted", "tariffAssignments": assignments })
    }

    /// I10: default tariffs are cleared; a transaction keeps its own.
    pub(super) fn clear_tariffs(&mut self, payload: &Value) -> Value {
        self.review_tariffs();
        let evses = self.evses_named(&payload["evseId"]);
        let named = payload["tariffIds"].as_array();
        let meant = |known: &Installed| {
            evses.contains(&known.index) && named.is_none_or(|ids| ids.iter().any(|id| *id == *known.tariff.id))
        };
        let mut cleared: Vec<String> = Vec::new();
        self.tariffs.installed.retain(|known| {
            let meant = meant(known);
            if meant && !cleared.contains(&known.tariff.id) {
                cleared.push(known.tariff.id.clone());
            }
            !meant
        });
        let results: Vec<Value> = cleared.iter().map(|id| json!({ "tariffId": id, "status": "Accepted" })).collect();
        if results.is_empty() {
            return json!({ "clearTariffsResult": [{ "status": "NoTariff" }] }); // I10.FR.06
        }
        json!({ "clearTariffsResult": results })
    }

    fn transaction_named(&self, id: &Value) -> Option<usize> {
        self.evses.iter().position(|evse| evse.transaction.as_ref().is_some_and(|running| *id == *running.id))
    }

    /// I11: whether the tariff of a transaction can be changed.
    pub(super) fn change_transaction_tariff(&self, payload: &Value) -> Value {
        let Some(index) = self.transaction_named(&payload["transactionId"]) else {
            return json!({ "status": "TxNotFound" });
        };
        if let Some(refusal) = self.refusal(&payload["tariff"]) {
            return refusal;
        }
        let used = self.reckonings[index].as_ref().and_then(|known| known.bill.tariff());
        if used.is_some_and(|used| payload["tariff"]["currency"] != *used.currency) {
            return json!({ "status": "NoCurrencyChange" });
        }
        json!({ "status": "Accepted" })
    }

    /// I11.FR.07, I11.FR.08: the transaction has another tariff, and the CSMS hears of it.
    pub(super) fn tariff_changes(&mut self, payload: &Value) {
        if !self.takes_tariffs() || self.change_transaction_tariff(payload)["status"] != "Accepted" {
            return;
        }
        let index = self.transaction_named(&payload["transactionId"]);
        let Some((index, tariff)) = index.zip(Tariff::read(&payload["tariff"])) else { return };
        self.reckon(index);
        if let Some(reckoning) = &mut self.reckonings[index] {
            reckoning.bill.use_tariff(tariff);
        }
        self.update(index, "TariffChanged");
    }

    /// I08: what the CSMS says of a driver comes with a tariff; false if the driver may not charge because of it.
    pub(super) fn tariff_brought(&mut self, index: usize, token: &Token, tariff: &Value) -> bool {
        self.tariffs.brought.retain(|known| known.index != index);
        self.tariffs.central.retain(|known| *known != index);
        let usable = self.takes_tariffs() && self.refusal(tariff).is_none();
        if let Some(tariff) = Tariff::read(tariff).filter(|_| usable) {
            let token = token["idToken"].as_str().unwrap_or_default().to_owned();
            self.tariffs.brought.push(Brought { index, token, tariff });
            self.tariff_problem(false);
            return true;
        }
        if !self.has_tariffs() {
            return true;
        }
        self.tariff_problem(true);
        match self.device.instance(CONTROLLER, "HandleFailedTariff", "Tariff") {
            Some("UseDefaultTariff") => true,
            Some("CentralCost") => {
                self.tariffs.central.push(index);
                true
            }
            _ => false,
        }
    }

    /// The tariff for a transaction that begins at an EVSE (I07.FR.14), and whether its driver has brought it.
    pub(super) fn tariff_for(&mut self, index: usize) -> Option<(Tariff, bool)> {
        self.tariffs.review(self.physical.now());
        if !self.takes_tariffs() || self.tariffs.central.contains(&index) {
            return None;
        }
        let now = self.physical.now();
        let brought = self.tariffs.brought.iter().find(|known| known.index == index).map(|known| &known.tariff);
        let installed = || {
            let mut here = self.tariffs.installed.iter().filter(|known| known.index == index);
            here.find(|known| known.tariff.valid_from.is_none_or(|from| from <= now)).map(|known| &known.tariff)
        };
        let brought = brought.map(|tariff| (tariff.clone(), true));
        brought.or_else(|| installed().map(|tariff| (tariff.clone(), false)))
    }

    /// A tariff could not be processed, or could again (I08.FR.30, I08.FR.31, I08.FR.35, I08.FR.36).
    pub(super) fn tariff_problem(&mut self, problem: bool) {
        let value = problem.to_string();
        if !problem && self.device.get(CONTROLLER, "Problem") == value {
            return;
        }
        self.device.put(CONTROLLER, "Problem", value.clone());
        self.events_made += 1;
        let event = json!({
            "eventId": self.events_made,
            "timestamp": self.physical.wall(),
            "trigger": "Alerting",
            "actualValue": value,
            "eventNotificationType": "HardWiredNotification",
            "component": { "name": CONTROLLER },
            "variable": { "name": "Problem" },
        });
        let payload = json!({ "generatedAt": self.physical.wall(), "seqNo": 0, "tbc": false, "eventData": [event] });
        self.call("NotifyEvent", payload);
    }
}
