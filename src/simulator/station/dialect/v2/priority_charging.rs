//! Priority charging, which the CSMS or the driver asks for (K21, K22).

use serde_json::{Value, json};

use super::Station;
use crate::simulator::station::composite::Purpose;

impl Station {
    /// True while a transaction has priority.
    pub(super) fn has_priority(&self, transaction: &str) -> bool {
        self.prior_transactions.iter().any(|known| known == transaction)
    }

    fn running(&self, transaction: &Value) -> Option<usize> {
        self.evses.iter().position(|evse| evse.transaction.as_ref().is_some_and(|running| *transaction == running.id))
    }

    /// True when there is a PriorityCharging profile for an EVSE.
    fn can_have_priority(&self, index: usize) -> bool {
        let evse = self.evses[index].id;
        let of_place = |known: u32| known == 0 || known == evse;
        self.charging_profiles.iter().any(|known| known.profile.purpose == Purpose::Priority && of_place(known.evse))
    }

    /// K21.FR.01, K21.FR.02, K21.FR.03, K21.FR.06
    pub(super) fn use_priority_charging(&self, payload: &Value) -> Value {
        let refused = |status: &str, reason: &str| json!({ "status": status, "statusInfo": { "reasonCode": reason } });
        match self.running(&payload["transactionId"]) {
            None => refused("Rejected", "TxNotFound"),
            Some(index) if payload["activate"] == true && !self.can_have_priority(index) => {
                refused("NoProfile", "NotFound")
            }
            Some(_) => json!({ "status": "Accepted" }),
        }
    }

    pub(super) fn priority_asked(&mut self, payload: &Value) {
        if self.use_priority_charging(payload)["status"] == "Accepted"
            && let Some(index) = self.running(&payload["transactionId"])
        {
            self.set_priority(index, payload["activate"] == true);
        }
    }

    /// The driver asks for priority, or ends it. A driver who can't have it is told so by the station (K22.FR.01).
    pub(super) fn priority_wanted(&mut self, index: usize, wanted: bool) {
        if self.evses[index].transaction.is_some() && (!wanted || self.can_have_priority(index)) {
            self.set_priority(index, wanted);
        }
    }

    /// Gives priority to the transaction of an EVSE, or takes it (K21.FR.04, K21.FR.07, K22.FR.02, K22.FR.04), and tells of it.
    fn set_priority(&mut self, index: usize, prior: bool) {
        let Some(id) = self.evses[index].transaction.as_ref().map(|running| running.id.clone()) else { return };
        if self.has_priority(&id) == prior {
            return;
        }
        self.prior_transactions.retain(|known| *known != id);
        if prior {
            self.prior_transactions.push(id.clone());
        }
        self.call("NotifyPriorityCharging", json!({ "transactionId": id, "activated": prior }));
        self.apply_limits();
    }
}
