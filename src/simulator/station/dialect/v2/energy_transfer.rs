//! What EV and station agree on over ISO 15118-20: one-way or bidirectional transfer, scheduled or dynamic control (Q01, Q02).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Station, schedule_negotiation::Negotiation};
use crate::{
    clock::ocpp_time,
    simulator::station::physical::{Control, Modern},
};

/// The most that an EV takes and gives back, W.
const MOST_CHARGED: u32 = 10_000;
const MOST_DISCHARGED: u32 = 5_000;
/// The EVCCID of an EV.
const EVCCID: &str = "WMIV1234567890ABCDEX";

/// The energy transfers that the CSMS allows at EVSEs, where it has said so.
pub type Allowed = BTreeMap<usize, Vec<String>>;

impl Station {
    fn modern(&self, index: usize) -> Option<Modern> {
        self.physical.evses[index].ev.modern.filter(|_| self.pics.is_yes("ISO-1.2"))
    }

    /// True for an EV that charges as it is told from moment to moment, without a schedule.
    pub(super) fn is_dynamic(&self, index: usize) -> bool {
        self.modern(index).is_some_and(|modern| modern.control == Control::Dynamic)
    }

    /// True for an EV that speaks ISO 15118-20.
    pub(super) fn is_modern(&self, index: usize) -> bool {
        self.modern(index).is_some()
    }

    /// Q01.FR.02: an idToken of a transaction over ISO 15118-20 has the EVCCID with it.
    pub(super) fn with_evccid(&self, index: usize, mut token: Value) -> Value {
        if self.is_modern(index) {
            token["additionalInfo"] = json!([{ "additionalIdToken": EVCCID, "type": "EVCCID" }]);
        }
        token
    }

    /// What the answer to an Authorize allows; without a list, what every station may do (Q01.FR.09).
    pub(super) fn allow_transfers(&mut self, index: usize, allowed: &Value) {
        let list = allowed.as_array().into_iter().flatten().filter_map(Value::as_str);
        self.allowed_transfers.insert(index, list.map(str::to_owned).collect());
    }

    /// The charging needs of an EV that speaks ISO 15118-20 (Q01.FR.03, K18.FR.06, K19.FR.06).
    pub(super) fn modern_needs(&self, index: usize) -> Option<Value> {
        let modern = self.modern(index)?;
        let evse = &self.physical.evses[index];
        let (one_way, both_ways, available) = match evse.supply.phases {
            None => ("DC", "DC_BPT", json!(["DC", "DC_BPT", "DC_ACDP", "DC_ACDP_BPT"])),
            Some(1) => ("AC_single_phase", "AC_BPT", json!(["AC_single_phase", "AC_BPT"])),
            Some(_) => ("AC_three_phase", "AC_BPT", json!(["AC_single_phase", "AC_three_phase", "AC_BPT"])),
        };
        let allowed = self.allowed_transfers.get(&index);
        let allowed = allowed.is_some_and(|list| list.iter().any(|mode| mode == both_ways));
        let possible = self.device.v2x(evse.id, "Enabled", None) == "true";
        let mut parameters = json!({
            "minChargePower": 0, "maxChargePower": MOST_CHARGED, "evTargetEnergyRequest": evse.ev.energy_wanted(),
        });
        if modern.bidirectional {
            parameters["maxDischargePower"] = MOST_DISCHARGED.into();
        }
        let mut needs = json!({
            "requestedEnergyTransfer": if modern.bidirectional && allowed && possible { both_ways } else { one_way },
            "availableEnergyTransfer": available,
            "controlMode": match modern.control {
                Control::Scheduled => "ScheduledControl",
                Control::Dynamic => "DynamicControl",
            },
            "v2xChargingParameters": parameters,
        });
        if let Some(leaves) = evse.ev.leaves {
            needs["departureTime"] = ocpp_time(leaves).into();
        }
        Some(needs)
    }

    /// The CSMS does not allow the transfer that the EV asked for: another one is negotiated where the station can
    /// (Q01.FR.05), otherwise the transaction is over (Q01.FR.06).
    pub(super) fn transfer_refused(&mut self, index: usize) {
        let both_ways = self.modern(index).is_some_and(|modern| modern.bidirectional);
        if both_ways && self.device.is("ISO15118Ctrlr", "ServiceRenegotiationSupport") {
            if let Some(modern) = &mut self.physical.evses[index].ev.modern {
                modern.bidirectional = false;
            }
            self.evses[index].negotiation = Negotiation::NeedsKnown;
        } else if self.evses[index].transaction.is_some() {
            self.end(index, "AbnormalCondition", Some("ReqEnergyTransferRejected"));
        }
    }

    fn session_of(&self, payload: &Value) -> Option<usize> {
        let id = payload["transactionId"].as_str();
        let its = |index: &usize| {
            self.evses[*index].transaction.as_ref().is_some_and(|running| Some(running.id.as_str()) == id)
        };
        (0..self.evses.len()).find(its).filter(|index| self.is_modern(*index))
    }

    /// The CSMS allows other transfers from now on (Q02.FR.06).
    pub(super) fn allowed_transfer(&self, payload: &Value) -> &'static str {
        if self.session_of(payload).is_some() { "Accepted" } else { "Rejected" }
    }

    /// Station and EV negotiate the service again (Q02.FR.07).
    pub(super) fn renegotiate_transfer(&mut self, payload: &Value) {
        if let Some(index) = self.session_of(payload) {
            self.allow_transfers(index, &payload["allowedEnergyTransfer"]);
            self.evses[index].negotiation = Negotiation::NeedsKnown;
        }
    }
}
