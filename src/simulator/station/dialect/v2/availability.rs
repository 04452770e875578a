//! Availability: what the CSMS takes out of service and puts back (G03, G04).
//!
//! Station, EVSE and connector each have a state of their own, and keep it over a restart. What is taken out of
//! service under a running transaction waits for its end, or for the cable to be unplugged (G01.FR.05).

use serde_json::{Value, json};

use super::Station;

/// A number of a payload as an id.
pub(super) fn narrow(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok())
}

impl Station {
    /// The EVSEs that a ChangeAvailability is about, and the connector; `None` when it names what is not there.
    fn addressed(&self, payload: &Value) -> Option<(Vec<usize>, Option<u32>)> {
        let Some(evse) = payload.get("evse") else { return Some(((0..self.evses.len()).collect(), None)) };
        let index = self.physical.index_of(narrow(&evse["id"])?)?;
        let connector = narrow(&evse["connectorId"]);
        let known = connector.is_none_or(|connector| self.evses[index].has(connector));
        known.then_some((vec![index], connector))
    }

    /// A transaction holds the EVSE, or (where one is named and known) the connector.
    pub(super) fn held(&self, index: usize, connector: Option<u32>) -> bool {
        let evse = &self.evses[index];
        let plugged = self.physical.evses[index].plugged;
        let elsewhere = connector.is_some() && plugged.is_some() && plugged != connector;
        evse.transaction.is_some() && !elsewhere
    }

    /// The answer to a ChangeAvailability.
    pub(super) fn change_availability(&self, payload: &Value) -> &'static str {
        let Some((evses, connector)) = self.addressed(payload) else { return "Rejected" };
        let out = payload["operationalStatus"] == "Inoperative";
        if out && evses.iter().any(|index| self.held(*index, connector)) { "Scheduled" } else { "Accepted" }
    }

    /// Does what was answered: at once, or for the EVSEs that are held after their transactions.
    pub(super) fn apply_availability(&mut self, payload: &Value) {
        let Some((evses, connector)) = self.addressed(payload) else { return };
        let operative = payload["operationalStatus"] == "Operative";
        if payload.get("evse").is_none() {
            self.operative = operative;
        }
        for index in evses {
            let held = self.held(index, connector);
            let evse = &mut self.evses[index];
            match connector {
                None => {
                    if payload.get("evse").is_some() {
                        evse.operative = operative;
                    }
                    evse.waits = held;
                }
                Some(connector) => {
                    for known in evse.connectors.iter_mut().filter(|known| known.id == connector) {
                        known.operative = operative;
                        known.waits = held;
                    }
                }
            }
            self.report_status(index);
        }
    }

    /// What waited for the end of the transaction takes effect.
    pub(super) fn release(&mut self, index: usize) {
        self.evses[index].stop_waiting();
        self.report_status(index);
    }

    /// True when an EV can be charged on the EVSE: on the connector it is plugged into, or on any.
    pub(super) fn usable(&self, index: usize) -> bool {
        let evse = &self.evses[index];
        let plugged = self.physical.evses[index].plugged;
        let mut connectors = evse.connectors.iter().filter(|known| plugged.is_none_or(|id| id == known.id));
        connectors.any(|known| evse.status(known, plugged, self.operative) != "Unavailable")
    }

    /// Reports a connector's status where it changed.
    pub(super) fn report_status(&mut self, index: usize) {
        let online = self.online();
        let timestamp = self.physical.wall();
        let id = self.evses[index].id;
        let plugged = self.physical.evses[index].plugged;
        let evse = &mut self.evses[index];
        // A cable that is pulled lets go of the connector, though the transaction may go on.
        if plugged.is_none() && evse.connectors.iter().any(|known| known.reported == Some("Occupied")) {
            evse.stop_waiting();
        }
        let mut all = Vec::new();
        for at in 0..self.evses[index].connectors.len() {
            let connector = self.evses[index].connectors[at].clone();
            let status = self.evses[index].status(&connector, plugged, self.operative);
            all.push(status);
            self.device.put_at("Connector", (id, Some(connector.id)), "AvailabilityState", status);
            if connector.reported == Some(status) || !online {
                continue;
            }
            self.evses[index].connectors[at].reported = Some(status);
            let payload = json!({
                "timestamp": timestamp, "connectorStatus": status, "evseId": id, "connectorId": connector.id,
            });
            self.call("StatusNotification", payload);
        }
        if plugged.is_none() {
            self.update_if_idle();
        }
        let of_evse = ["Occupied", "Available", "Reserved"].into_iter().find(|status| all.contains(status));
        self.device.put_at("EVSE", (id, None), "AvailabilityState", of_evse.unwrap_or("Unavailable"));
        self.device.put(
            "ChargingStation",
            "AvailabilityState",
            if self.operative { "Available" } else { "Unavailable" },
        );
    }
}
