//! What the driver is shown of the cost of a session (I02, I03, I05).

use serde_json::Value;

use super::{Station, displays::has_display};
use crate::simulator::station::{physical::Cost, tariff};

impl Station {
    /// The station shows costs to drivers.
    pub(super) fn shows_costs(&self) -> bool {
        has_display(&self.pics)
    }

    fn show_cost(&mut self, transaction: &Value, cost: Cost) {
        let enabled = self.device.instance("TariffCostCtrlr", "Enabled", "Cost") == Some("true");
        let of = |id: &String| *transaction == **id;
        let found = self.evses.iter().position(|evse| {
            evse.transaction.as_ref().map(|running| &running.id).or(evse.ended.as_ref()).is_some_and(of)
        });
        if let Some(index) = found.filter(|_| enabled && self.shows_costs()) {
            self.physical.evses[index].cost = Some(cost);
        }
    }

    /// I02.FR.03: the CSMS tells the running cost.
    pub(super) fn cost_updated(&mut self, payload: &Value) {
        if let Some(cost) = payload["totalCost"].as_f64() {
            self.show_cost(&payload["transactionId"], Cost::Running(cost));
        }
        let of = |evse: &super::evse::Evse| {
            evse.transaction.as_ref().is_some_and(|running| payload["transactionId"] == *running.id)
        };
        if let Some((index, cost)) = self.evses.iter().position(of).zip(tariff::decimal(&payload["totalCost"])) {
            self.cost_is(index, cost);
        }
    }

    /// I02.FR.04, I03.FR.03: the CSMS answers an event with the cost.
    pub(super) fn cost_answered(&mut self, request: &Value, response: &Value) {
        let Some(cost) = response["totalCost"].as_f64() else { return };
        let id = &request["transactionInfo"]["transactionId"];
        if request["eventType"] != "Ended" {
            self.show_cost(id, Cost::Running(cost));
        } else if !self.stops_at("ParkingBayOccupancy") && request["offline"] != true {
            // I03.FR.05: nobody is there any more to look at it.
            self.show_cost(id, Cost::Total(cost));
        }
    }

    /// I05.FR.02: a transaction has ended, and the CSMS can't tell what it costs.
    pub(super) fn cost_unknown(&mut self, index: usize) {
        if self.shows_costs() && !self.online() {
            let message = self.device.get("TariffCostCtrlr", "TotalCostFallbackMessage").to_owned();
            self.physical.evses[index].cost = Some(Cost::Unknown(message));
        }
    }
}
