//! Tariffs for local cost calculation (I07, I09 to I11). Our station keeps them and calculates nothing itself: costs are in the messages
//! of test cases.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Around, OwnStation, device::Device, items, refused, status};

/// Most default tariffs that are kept.
const MAX_KEPT: usize = 100;

/// A default tariff.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DefaultTariff {
    id: String,
    valid_from: Option<String>,
    evses: Vec<u64>,
}

/// The default tariffs of the station, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Tariffs(Vec<DefaultTariff>);

impl DefaultTariff {
    /// True once it holds.
    fn is_valid(&self, now: Timestamp) -> bool {
        let from = self.valid_from.as_ref().and_then(|from| from.parse::<Timestamp>().ok());
        from.is_none_or(|from| from <= now)
    }

    fn is_cleared_by(&self, request: &Value) -> bool {
        let ids = request.get("tariffIds").is_none() || items(request, "tariffIds").any(|id| *id == *self.id);
        let evse = request["evseId"].as_u64().filter(|evse| *evse != 0);
        ids && evse.is_none_or(|evse| self.evses.contains(&evse))
    }
}

impl OwnStation {
    /// True if the station uses tariffs.
    pub(super) fn has_tariffs(&self, around: &Around) -> bool {
        Device::new(self, around).value_of("TariffCostCtrlr.Enabled[Tariff]").as_deref() == Some("true")
    }

    pub(super) fn set_default_tariff(&self, around: &Around, payload: &Value) -> Value {
        let (evse, id) = (payload["evseId"].as_u64().unwrap_or(u64::MAX), &payload["tariff"]["tariffId"]);
        let most = Device::new(self, around).number("TariffCostCtrlr.MaxElements[Tariff]");
        if evse != 0 && !around.has_evse(evse) {
            refused("Rejected", "UnknownEvse") // I07.FR.06
        } else if most_elements(&payload["tariff"]) > most {
            status("TooManyElements") // I07.FR.02
        } else if self.tariffs.0.iter().any(|known| *id == *known.id) {
            status("DuplicateTariffId") // I07.FR.04
        } else if self.tariffs.0.len() >= MAX_KEPT {
            refused("Rejected", "OutOfMemory")
        } else {
            status("Accepted") // I07.FR.10
        }
    }

    pub(super) fn keep_default_tariff(&mut self, around: &Around, request: &Value) {
        let evses = match request["evseId"].as_u64() {
            Some(0) | None => around.evses.iter().map(|evse| evse.id).collect(), // I07.FR.12
            Some(evse) => vec![evse],
        };
        let tariff = &request["tariff"];
        let new = DefaultTariff {
            id: tariff["tariffId"].as_str().unwrap_or_default().to_owned(),
            valid_from: tariff["validFrom"].as_str().map(str::to_owned),
            evses,
        };
        let now = around.now.wall;
        // I07.FR.20 to I07.FR.23
        for old in &mut self.tariffs.0 {
            if old.valid_from == new.valid_from || (old.is_valid(now) && new.is_valid(now)) {
                old.evses.retain(|evse| !new.evses.contains(evse));
            }
        }
        self.tariffs.0.retain(|old| !old.evses.is_empty() && old.id != new.id);
        if self.tariffs.0.len() < MAX_KEPT {
            self.tariffs.0.push(new);
        }
    }

    /// I09.FR.01 to I09.FR.04, I09.FR.07
    pub(super) fn get_tariffs(&self, payload: &Value) -> Value {
        let evse = payload["evseId"].as_u64().unwrap_or_default();
        let meant = self.tariffs.0.iter().filter(|one| evse == 0 || one.evses.contains(&evse));
        let assignments: Vec<Value> = meant
            .map(|one| {
                let mut told = json!({ "tariffId": one.id, "tariffKind": "DefaultTariff", "evseIds": one.evses });
                if let Some(from) = &one.valid_from {
                    told["validFrom"] = from.clone().into();
                }
                told
            })
            .collect();
        if assignments.is_empty() {
            return status("NoTariff");
        }
        json!({ "status": "Accepted", "tariffAssignments": assignments })
    }

    /// I10.FR.01 to I10.FR.06
    pub(super) fn clear_tariffs(&self, payload: &Value) -> Value {
        let cleared = self.tariffs.0.iter().filter(|one| one.is_cleared_by(payload));
        let results: Vec<Value> = cleared.map(|one| json!({ "tariffId": one.id, "status": "Accepted" })).collect();
        let none = || vec![json!({ "status": "NoTariff" })];
        json!({ "clearTariffsResult": if results.is_empty() { none() } else { results } })
    }

    pub(super) fn forget_tariffs(&mut self, reply: &Value) {
        let cleared = |one: &DefaultTariff| {
            items(reply, "clearTariffsResult")
                .any(|result| result["tariffId"] == *one.id && result["status"] == "Accepted")
        };
        self.tariffs.0.retain(|one| !cleared(one));
    }

    /// I11.FR.02, I11.FR.04, I11.FR.06
    pub(super) fn change_transaction_tariff(&self, around: &Around, payload: &Value) -> Value {
        let most = Device::new(self, around).number("TariffCostCtrlr.MaxElements[Tariff]");
        match payload["transactionId"].as_str().and_then(|id| around.running(id)) {
            None => status("TxNotFound"),
            Some(_) if most_elements(&payload["tariff"]) > most => status("TooManyElements"),
            Some(_) => status("Accepted"),
        }
    }
}

/// The number of prices in the part of a tariff that has the most.
fn most_elements(tariff: &Value) -> usize {
    let parts = tariff.as_object().into_iter().flat_map(|members| members.values());
    parts.map(|part| items(part, "prices").count()).max().unwrap_or_default()
}
