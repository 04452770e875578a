//! Charging schedules that station and EV negotiate over ISO 15118 (K15, K16, K17).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer};
use crate::simulator::station::composite::{Step, Unit};

/// How long an EV waits for its schedule (K15.FR.08).
const PATIENCE: Duration = Duration::from_mins(1);
/// The duration of a schedule that an EV gets, seconds: ISO 15118-2 wants a day.
const DAY: i64 = 86_400;
/// Most periods of a schedule that the EV can take.
const EV_TUPLES: u64 = 12;

/// How far the EV on an EVSE is with its schedule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Negotiation {
    /// The EV has not told its needs, or speaks no ISO 15118.
    #[default]
    Open,
    /// It has told its needs, which the CSMS is to be told.
    NeedsKnown,
    /// The CSMS was told.
    NeedsSent,
    /// The CSMS has promised a schedule.
    Awaited,
    /// The EV charges by what it was given.
    Settled,
}

impl Station {
    /// Lets an EV that speaks ISO 15118 tell its needs before the power path closes; false while its schedule is open.
    pub(super) fn has_schedule(&mut self, index: usize) -> bool {
        if self.evses[index].negotiation == Negotiation::Open && self.negotiates(index) {
            // K15.FR.15: offline the profiles that are there have to do.
            self.evses[index].negotiation = if self.online() { Negotiation::NeedsKnown } else { Negotiation::Settled };
        }
        matches!(self.evses[index].negotiation, Negotiation::Open | Negotiation::Settled)
    }

    fn negotiates(&self, index: usize) -> bool {
        self.physical.evses[index].ev.identification.is_some() && self.charges_smartly()
    }

    /// An EV that charges asks for another schedule (K17).
    pub(super) fn needs_changed(&mut self, index: usize) {
        if self.physical.evses[index].charging && self.negotiates(index) && self.online() {
            self.evses[index].negotiation = Negotiation::NeedsKnown;
        }
    }

    /// The session of the EV is over, or its schedule has lost its meaning.
    pub(super) fn end_negotiation(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::Schedule(index));
        self.evses[index].negotiation = Negotiation::Open;
        self.evses[index].schedule_changed = false;
    }

    /// Tells the CSMS what EVs need, once it knows of their transactions and drivers (K15.FR.01, K15.FR.16, K17.FR.01).
    pub(super) fn tell_charging_needs(&mut self) {
        if !self.online() || self.outstanding.is_some() || !self.transaction_queue.is_empty() {
            return;
        }
        let Some(index) = self.evses.iter().position(|evse| evse.negotiation == Negotiation::NeedsKnown) else {
            return;
        };
        let tuples = self.device.number("SmartChargingCtrlr", "PeriodsPerSchedule").clamp(1, EV_TUPLES);
        let evse = &self.physical.evses[index];
        let (supply, amperes) = (evse.supply, evse.rated(Unit::Ampere).0 / 10);
        let energy = evse.ev.energy_wanted();
        // K15.FR.06, K17.FR.06
        let needs = match supply.phases {
            Some(phases) => json!({
                "requestedEnergyTransfer": if phases == 1 { "AC_single_phase" } else { "AC_three_phase" },
                "acChargingParameters": {
                    "energyAmount": energy, "evMinCurrent": 6, "evMaxCurrent": amperes, "evMaxVoltage": supply.volts,
                },
            }),
            None => json!({
                "requestedEnergyTransfer": "DC",
                "dcChargingParameters": {
                    "evMaxCurrent": amperes, "evMaxVoltage": supply.volts, "energyAmount": energy,
                },
            }),
        };
        let needs = self.modern_needs(index).unwrap_or(needs);
        let payload = json!({ "evseId": evse.id, "maxScheduleTuples": tuples, "chargingNeeds": needs });
        self.evses[index].negotiation = Negotiation::NeedsSent;
        self.call("NotifyEVChargingNeeds", payload);
    }

    /// What the CSMS said of the needs of an EV; no answer says that there is no schedule.
    pub(super) fn needs_answered(&mut self, request: &Value, response: Option<&Value>) {
        let evse = request["evseId"].as_u64().and_then(|evse| self.physical.index_of(u32::try_from(evse).ok()?));
        let Some(index) = evse.filter(|index| self.evses[*index].negotiation == Negotiation::NeedsSent) else { return };
        if response.is_some_and(|response| response["status"] == "Accepted") {
            self.evses[index].negotiation = Negotiation::Awaited;
            self.schedule(PATIENCE, Timer::Schedule(index));
        } else if self.is_modern(index) && response.is_some_and(|response| response["status"] == "Rejected") {
            self.transfer_refused(index);
        } else {
            // K15.FR.05: a schedule that comes later makes the EV renegotiate.
            self.settle_schedule(index);
        }
    }

    /// The EV charges by the profiles that are there.
    pub(super) fn settle_schedule(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::Schedule(index));
        self.evses[index].negotiation = Negotiation::Settled;
        self.try_charging(index);
    }

    /// Without a connection no schedule comes (K15.FR.15, K17.FR.15).
    pub(super) fn settle_schedules(&mut self) {
        for index in 0..self.evses.len() {
            if !matches!(self.evses[index].negotiation, Negotiation::Open | Negotiation::Settled) {
                self.settle_schedule(index);
            }
        }
    }

    // ---- what changes schedules ----

    /// The schedules of EVs as they are now.
    pub(super) fn negotiated_schedules(&self) -> Vec<Option<Vec<Step>>> {
        let of = |index: usize| {
            let negotiated = self.evses[index].negotiation == Negotiation::Settled;
            negotiated.then(|| self.limits_of_evse(index, DAY, Unit::Watt))
        };
        (0..self.evses.len()).map(of).collect()
    }

    /// Profiles have changed; what is different is a matter for the EV (K16.FR.02).
    pub(super) fn compare_schedules(&mut self, before: &[Option<Vec<Step>>]) {
        let now = self.negotiated_schedules();
        for ((evse, before), now) in self.evses.iter_mut().zip(before).zip(now) {
            evse.schedule_changed |= now.is_some() && now != *before;
        }
    }

    /// The schedule that the CSMS promised to an EV has come.
    pub(super) fn promised_schedule_came(&mut self, index: usize) {
        if matches!(self.evses[index].negotiation, Negotiation::NeedsSent | Negotiation::Awaited) {
            self.evses[index].schedule_changed = true;
        }
    }

    /// EVs take new schedules, and return the profiles by which they charge (K15.FR.10, K16.FR.05, K17.FR.10).
    pub(super) fn give_schedules(&mut self) {
        for index in 0..self.evses.len() {
            if std::mem::take(&mut self.evses[index].schedule_changed) {
                self.tell_charging_schedule(index);
                self.settle_schedule(index);
            }
        }
    }

    /// The profile of an EV follows the limits of its schedule, so it is within them (K15.FR.09, K16.FR.04, K17.FR.09).
    fn tell_charging_schedule(&mut self, index: usize) {
        let running = self.evses[index].transaction.as_ref().map(|running| running.id.as_str());
        let of_transaction = self.charging_profiles.iter().rev();
        let given = of_transaction.clone().find(|known| running.is_some_and(|id| known.is_of_transaction(id)));
        let schedule = given.map(|known| known.message["chargingSchedule"][known.chosen].clone()).unwrap_or_default();
        let unit = schedule["chargingRateUnit"].as_str().and_then(Unit::of).unwrap_or_else(|| self.own_unit());
        let steps = self.limits_of_evse(index, DAY, unit);
        let periods: Vec<Value> = steps.iter().map(Step::period).collect();
        let payload = json!({
            "timeBase": self.physical.wall(),
            "evseId": self.evses[index].id,
            "chargingSchedule": {
                // K15.FR.19
                "id": schedule["id"].as_i64().unwrap_or(1),
                "duration": DAY,
                "chargingRateUnit": unit.name(),
                "chargingSchedulePeriod": periods,
            },
        });
        let mut payload = payload;
        if self.is_modern(index) {
            // K18.FR.10
            payload["selectedChargingScheduleId"] = payload["chargingSchedule"]["id"].clone();
        }
        if self.is_dynamic(index) && schedule.is_object() {
            payload["chargingSchedule"] = schedule; // K19.FR.10
        }
        self.call("NotifyEVChargingSchedule", payload);
    }
}
