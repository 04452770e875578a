//! What running transactions cost, and how the CSMS hears of it (I12).

use std::time::Duration;

use jiff::{Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::Value;

use super::{Station, Timer, tariffs::CONTROLLER};
use crate::simulator::station::tariff::{Bill, Flow, Place};

/// What is known of the costs of a running transaction.
#[derive(Debug, Clone)]
pub(super) struct Reckoning {
    /// The bill.
    pub bill: Bill,
    /// Its tariff came with the driver.
    pub brought: bool,
    /// The tariff that the CSMS has been told of.
    told: Option<String>,
    /// The meter when it was looked at last.
    meter: f64,
    /// How energy has flowed since.
    flow: Flow,
}

/// What an event tells of tariff, costs and limits.
#[derive(Debug)]
pub(super) struct News {
    tariff: Option<String>,
    pub(super) limits: Option<Value>,
    costs: Option<Value>,
}

impl News {
    /// Completes the event.
    pub(super) fn add_to(self, event: &mut Value) {
        if let Some(tariff) = self.tariff {
            event["transactionInfo"]["tariffId"] = tariff.into();
        }
        if let Some(limits) = self.limits {
            event["transactionInfo"]["transactionLimit"] = limits;
        }
        if let Some(costs) = self.costs {
            event["costDetails"] = costs;
        }
    }
}

fn decimal(value: f64) -> Decimal {
    Decimal::from_f64_retain(value).unwrap_or_default().round_dp(3)
}

impl Station {
    /// A transaction begins.
    pub(super) fn begin_reckoning(&mut self, index: usize) {
        if !self.has_tariffs() {
            return;
        }
        let hardware = &self.physical.evses[index];
        let zone = TimeZone::get(self.device.get("ClockCtrlr", "TimeZone")).unwrap_or(TimeZone::UTC);
        let kind = if hardware.supply.phases.is_some() { "AC" } else { "DC" };
        let meter = hardware.meter;
        let place = Place { zone, kind, payment: (None, None) };
        let bill = Bill::new(place, self.physical.now());
        self.reckonings[index] = Some(Reckoning { bill, brought: false, told: None, meter, flow: Flow::default() });
        self.schedule_running_cost(index);
    }

    pub(super) fn schedule_running_cost(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::RunningCost(index));
        let interval = self.device.instance(CONTROLLER, "Interval", "Cost").and_then(|value| value.parse().ok());
        if let Some(interval) = interval.filter(|interval| self.reckonings[index].is_some() && *interval > 0) {
            self.schedule(Duration::from_secs(interval), Timer::RunningCost(index));
        }
    }

    /// I12.FR.02, I12.FR.03
    pub(super) fn tell_running_cost(&mut self, index: usize) {
        self.schedule_running_cost(index);
        let priced = self.reckonings[index].as_ref().is_some_and(|known| known.bill.tariff().is_some());
        let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
        if state.is_some() && priced && self.calculates_costs() && self.enables("RunningCost") {
            self.event(index, "Updated", "RunningCost", state, None);
        }
    }

    /// Local cost calculation is switched on.
    pub(super) fn calculates_costs(&self) -> bool {
        self.takes_tariffs() && self.enables("Cost")
    }

    /// The costs of a running transaction, if they are reckoned here (E16.FR.16).
    pub(super) fn own_cost(&self, index: usize) -> Option<Decimal> {
        let bill = &self.reckonings[index].as_ref()?.bill;
        (self.calculates_costs() && bill.tariff().is_some()).then(|| bill.cost())
    }

    /// Reckons up to now.
    pub(super) fn reckon(&mut self, index: usize) {
        let now = self.physical.now();
        let (watts, _) = self.physical.read(index, "Power.Active.Import");
        let (amperes, _) = self.physical.read(index, "Current.Import");
        let hardware = &self.physical.evses[index];
        let phases = Decimal::from(hardware.supply.phases.unwrap_or(1));
        let Some(reckoning) = &mut self.reckonings[index] else { return };
        let energy = decimal(hardware.meter - reckoning.meter);
        reckoning.bill.advance(now, Flow { energy, ..reckoning.flow });
        reckoning.meter = hardware.meter;
        reckoning.flow = Flow {
            energy: Decimal::ZERO,
            charging: hardware.gives_energy(),
            watts: decimal(watts),
            amperes: decimal(amperes) * phases,
        };
    }

    /// The transaction has the tariff of its driver, or that of the EVSE, as soon as there is a driver (I07.FR.14, I08.FR.04).
    fn assign_tariff(&mut self, index: usize) {
        let open = self.reckonings[index].as_ref().is_some_and(|known| known.bill.tariff().is_none());
        if !open || self.evses[index].authorized.is_none() {
            return;
        }
        let reserved: Option<Timestamp> = self.evses[index].reserved_since;
        let Some((tariff, brought)) = self.tariff_for(index) else { return };
        if let Some(reckoning) = &mut self.reckonings[index] {
            if let Some(reserved) = reserved {
                reckoning.bill.follows_reservation(reserved);
            }
            reckoning.brought = brought;
            reckoning.bill.use_tariff(tariff);
        }
    }

    /// What an event tells beside the state of its transaction: the id of a tariff that the CSMS has not been told of yet (I07.FR.32,
    /// I08.FR.22, I11.FR.07), limits that have changed, and the costs.
    pub(super) fn news_for_event(&mut self, index: usize, kind: &str, trigger: &str) -> News {
        let (tariff, costs) = self.costs_for_event(index, kind, trigger);
        News { tariff, limits: self.limits_to_tell(index), costs }
    }

    fn costs_for_event(&mut self, index: usize, kind: &str, trigger: &str) -> (Option<String>, Option<Value>) {
        self.assign_tariff(index);
        if trigger == "RunningCost" {
            self.physical.count_energy(index);
        }
        // What has flowed until the power path was opened is on the meter by now.
        let stopped = !self.physical.evses[index].gives_energy();
        let unread = |known: &Reckoning| known.flow.charging && known.meter >= self.physical.evses[index].meter;
        if stopped && self.reckonings[index].as_ref().is_some_and(unread) {
            self.physical.flowed(index);
        }
        self.reckon(index);
        let (calculates, running) = (self.calculates_costs(), self.enables("RunningCost"));
        let Some(reckoning) = &mut self.reckonings[index] else { return (None, None) };
        let id = reckoning.bill.tariff().map(|tariff| tariff.id.clone());
        let news = id.filter(|id| reckoning.told.as_ref() != Some(id));
        reckoning.told = news.clone().or(reckoning.told.take());
        let due = match kind {
            "Started" => running,
            "Ended" => true,
            _ => trigger == "RunningCost" || trigger == "CostLimitReached",
        };
        let ended = kind == "Ended";
        let details = if calculates && due { reckoning.bill.details(ended) } else { None };
        if details.is_some() {
            let failed = reckoning.bill.failed();
            self.calculated(failed, ended);
        }
        (news, details)
    }

    /// A calculation that fails is a problem (I12.FR.18, I12.FR.19), which is over when the costs of a transaction could be calculated
    /// (I12.FR.43, I12.FR.44).
    fn calculated(&mut self, failed: bool, ended: bool) {
        let known = self.device.get(CONTROLLER, "Problem") == "true";
        if failed && !known {
            self.tariff_problem(true);
        } else if !failed && ended {
            self.tariff_problem(false);
        }
    }

    /// The transaction is over.
    pub(super) fn end_reckoning(&mut self, index: usize) {
        self.reckonings[index] = None;
        self.evses[index].reserved_since = None;
        self.cancel(|timer| *timer == Timer::RunningCost(index));
    }
}
