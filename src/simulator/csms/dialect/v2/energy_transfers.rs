//! Energy transfers of EVs that speak ISO 15118-20: which of them an EV may use, and the schedule for its needs (K18 to K20, Q01, Q02).

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::variables::Variables;

/// Most transactions of which the allowed energy transfers are kept; the oldest goes.
const MAX_KEPT: usize = 1000;
/// The energy transfers that a driver is allowed, unless the CSMS is set up in another way.
const ALLOWED: [&str; 6] = ["AC_single_phase", "AC_two_phase", "AC_three_phase", "DC", "AC_BPT", "DC_BPT"];
/// What a driver may draw whose EV does not tell its power, W.
const POWER: f64 = 11_040.0;

/// How the operator has set the CSMS up for energy transfers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Policy {
    /// It knows which ones it allows when a driver authorizes.
    #[default]
    Determined,
    /// It does not know it by then (Q01.FR.08).
    Undetermined,
    /// It allows none that is bidirectional before a transaction has begun (Q02).
    ChargingOnly,
}

impl Policy {
    /// The policy of this word.
    pub(super) fn named(word: &str) -> Option<Self> {
        match word {
            "determined" => Some(Self::Determined),
            "undetermined" => Some(Self::Undetermined),
            "charging-only" => Some(Self::ChargingOnly),
            _ => None,
        }
    }

    fn list(self) -> Vec<&'static str> {
        ALLOWED.into_iter().filter(|transfer| self == Self::Determined || !is_bidirectional(transfer)).collect()
    }
}

/// Whether energy may flow back.
fn is_bidirectional(transfer: &str) -> bool {
    transfer.contains("BPT") || transfer.contains("DER")
}

/// Whether an EV tells its needs over ISO 15118-20 (K18.FR.06, K19.FR.06).
pub(super) fn is_15118_20(needs: &Value) -> bool {
    needs["chargingNeeds"].get("v2xChargingParameters").is_some()
}

/// The energy transfers that EVs are allowed.
#[derive(Default)]
pub(super) struct EnergyTransfers {
    pub(super) policy: Policy,
    /// The operator has the CSMS give no charging profiles to EVs.
    pub(super) without_profiles: bool,
    /// What was allowed later, by transaction (Q02.FR.05).
    later: BTreeMap<String, Value>,
}

impl EnergyTransfers {
    /// Adds to the answer for a driver which energy transfers are allowed, where station and EV can do with it (Q01.FR.01).
    pub(super) fn authorize(&self, variables: &Variables, request: &Value, response: &mut Value) {
        let is_enabled = |name: &str| variables.value(name) == Some("true");
        let by_ev = matches!(request["idToken"]["type"].as_str(), Some("eMAID" | "EVCCID"));
        let accepted = response["idTokenInfo"]["status"] == "Accepted";
        if by_ev
            && accepted
            && self.policy != Policy::Undetermined
            && is_enabled("V2XChargingCtrlr.Enabled")
            && is_enabled("ISO15118Ctrlr.Enabled")
        {
            response["allowedEnergyTransfer"] = self.policy.list().into();
        }
    }

    /// What the needs of an EV are answered, before a schedule is looked for; none where there may be one.
    pub(super) fn refuse(&self, transaction: Option<&str>, needs: &Value) -> Option<&'static str> {
        let requested = &needs["chargingNeeds"]["requestedEnergyTransfer"];
        let is_allowed = match transaction.and_then(|id| self.later.get(id)).and_then(Value::as_array) {
            Some(later) => later.contains(requested),
            None => requested.as_str().is_some_and(|requested| self.policy.list().contains(&requested)),
        };
        if !is_allowed {
            return Some("Rejected"); // K18.FR.22, K19.FR.15, Q01.FR.04
        }
        self.without_profiles.then_some("NoChargingProfile") // K18.FR.04, K19.FR.04
    }

    /// Learns from an answer of the station.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        if action == "NotifyAllowedEnergyTransfer" && response["status"] == "Accepted" {
            if self.later.len() >= MAX_KEPT {
                self.later.pop_first();
            }
            let id = request["transactionId"].as_str().unwrap_or_default();
            self.later.insert(id.to_owned(), request["allowedEnergyTransfer"].clone());
        }
    }
}

/// Makes a schedule for an EV with ISO 15118-20 of the request that gives one: setpoints for one that can discharge, limits for
/// any other (Q02.FR.01, Q03.FR.01).
pub(super) fn adapt(request: &mut Value, needs: &Value, now: Timestamp) {
    let needs = &needs["chargingNeeds"];
    let power = power(needs, now);
    let period = if needs["requestedEnergyTransfer"].as_str().is_some_and(is_bidirectional) {
        json!({ "startPeriod": 0, "operationMode": "CentralSetpoint", "setpoint": power })
    } else {
        json!({ "startPeriod": 0, "operationMode": "ChargingOnly", "limit": power })
    };
    let schedule = &mut request["chargingProfile"]["chargingSchedule"][0];
    schedule["chargingRateUnit"] = "W".into();
    schedule["chargingSchedulePeriod"] = json!([period]);
}

/// The power for an EV, W: what brings it its energy until it leaves, and all that it can draw where it does not say so.
fn power(needs: &Value, now: Timestamp) -> f64 {
    let parameters = &needs["v2xChargingParameters"];
    let most = parameters["maxChargePower"].as_f64().unwrap_or(POWER).min(POWER);
    let leaves = needs["departureTime"].as_str().and_then(|time| time.parse::<Timestamp>().ok());
    let hours = leaves.map(|leaves| leaves.duration_since(now).as_secs_f64() / 3600.0).filter(|hours| *hours > 0.0);
    let wanted = parameters["evTargetEnergyRequest"].as_f64().zip(hours).map(|(energy, hours)| energy / hours);
    wanted.map_or(most, |power| power.round().clamp(0.0, most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(transfer: &str, parameters: Value) -> Value {
        json!({ "evseId": 1, "chargingNeeds": { "requestedEnergyTransfer": transfer, "v2xChargingParameters": parameters } })
    }

    #[test]
    fn a_transfer_that_is_not_allowed_is_rejected_until_it_is_allowed_for_the_transaction() {
        let mut transfers = EnergyTransfers::default();
        let refused =
            |transfers: &EnergyTransfers, transfer: &str| transfers.refuse(Some("t"), &needs(transfer, json!({})));
        assert_eq!(refused(&transfers, "AC_BPT"), None);
        assert_eq!(refused(&transfers, "AC_BPT_DER"), Some("Rejected"));
        transfers.policy = Policy::ChargingOnly;
        assert_eq!(refused(&transfers, "AC_BPT"), Some("Rejected"));
        assert_eq!(refused(&transfers, "AC_three_phase"), None);
        let later = json!({ "transactionId": "t", "allowedEnergyTransfer": ["AC_BPT"] });
        transfers.answered("NotifyAllowedEnergyTransfer", &later, &json!({ "status": "Accepted" }));
        assert_eq!(refused(&transfers, "AC_BPT"), None);
        transfers.without_profiles = true;
        assert_eq!(refused(&transfers, "AC_BPT"), Some("NoChargingProfile"));
    }

    #[test]
    fn an_ev_that_can_discharge_gets_setpoints_that_bring_its_energy_in_time() {
        let now: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let of = |transfer: &str, departure: Value| {
            let mut needs = needs(transfer, json!({ "maxChargePower": 5000, "evTargetEnergyRequest": 1000 }));
            if !departure.is_null() {
                needs["chargingNeeds"]["departureTime"] = departure;
            }
            let mut request = json!({ "chargingProfile": { "chargingSchedule": [{ "id": 1 }] } });
            adapt(&mut request, &needs, now);
            request["chargingProfile"]["chargingSchedule"][0]["chargingSchedulePeriod"][0].clone()
        };
        let setpoint = of("AC_BPT", "2026-01-01T02:00:00Z".into());
        assert_eq!((setpoint["setpoint"].as_f64(), setpoint.get("limit")), (Some(500.0), None));
        let limit = of("AC_three_phase", Value::Null);
        assert_eq!((limit["limit"].as_f64(), limit.get("setpoint")), (Some(5000.0), None));
    }
}
