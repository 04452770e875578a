//! Limits of a transaction in cost, energy, time or state of charge, set by the CSMS or the driver (E16).

use std::time::Duration;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    Station, Timer,
    device::{Device, Domain, Mutability, Variable},
};
use crate::{
    pics::Pics,
    protocol::Version,
    simulator::station::{
        physical::{LimitKind, NotPossible},
        tariff,
    },
};

/// A limit, in the order in which reached limits are told: its member, the triggerReason, the stoppedReason.
const KINDS: [(LimitKind, &str, &str, &str); 4] = [
    (LimitKind::Cost, "maxCost", "CostLimitReached", "LocalOutOfCredit"),
    (LimitKind::Energy, "maxEnergy", "EnergyLimitReached", "EnergyLimitReached"),
    (LimitKind::Time, "maxTime", "TimeLimitReached", "TimeLimitReached"),
    (LimitKind::Soc, "maxSoC", "SoCLimitReached", "SOCLimitReached"),
];
/// How often the limits are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// After so many looks the meter is read, unless samples do that.
const LOOKS_PER_READING: u64 = 10;

/// The limits of a running transaction.
#[derive(Debug, Clone)]
pub(super) struct Limits {
    started: Timestamp,
    /// In the order of [`KINDS`].
    set: [Option<Decimal>; 4],
    /// What the CSMS has set: nobody sets more (E16.FR.04).
    of_csms: [Option<Decimal>; 4],
    /// What it costs, as the CSMS says (E16.FR.15).
    cost: Option<Decimal>,
    /// They are to be told.
    news: bool,
    /// One of them is reached.
    reached: bool,
    looks: u64,
}

/// The variables of a station that limits transactions.
pub(super) fn add_variables(device: &mut Device, pics: &Pics) {
    if pics.ocpp != Version::V2_1 || !pics.is_yes("C-63") {
        return;
    }
    let all = KINDS.map(|(_, member, ..)| member.to_owned()).to_vec();
    device.variables.push(Variable::new(
        "TxCtrlr",
        "SupportedLimits",
        Mutability::ReadOnly,
        (all.join(","), Domain::MemberList(all)),
    ));
}

impl Station {
    /// A transaction begins.
    pub(super) fn begin_limits(&mut self, index: usize) {
        self.limits[index] = self.device.variable("TxCtrlr", "SupportedLimits").map(|_| Limits {
            started: self.physical.now(),
            set: [None; 4],
            of_csms: [None; 4],
            cost: None,
            news: false,
            reached: false,
            looks: 0,
        });
        let (own, others) = std::mem::take(&mut self.limits_to_come).into_iter().partition(|(of, ..)| *of == index);
        self.limits_to_come = others;
        let own: Vec<(usize, LimitKind, Decimal)> = own;
        for (_, kind, value) in own {
            self.note_limit(index, kind, value);
        }
    }

    /// A limit that the next event tells.
    fn note_limit(&mut self, index: usize, kind: LimitKind, value: Decimal) {
        if let Some(limits) = &mut self.limits[index] {
            let at = KINDS.iter().position(|(known, ..)| *known == kind).unwrap_or(0);
            limits.set[at] = Some(value);
            limits.news = true;
            self.cancel(|timer| *timer == Timer::TransactionLimits(index));
            self.schedule(LOOK, Timer::TransactionLimits(index));
        }
    }

    /// C18.FR.06: what is reserved for the payment of a transaction limits its cost.
    pub(super) fn limit_cost(&mut self, index: usize, most: f64) {
        if let Some(most) = Decimal::from_f64_retain(most) {
            self.note_limit(index, LimitKind::Cost, most.round_dp(2));
        }
    }

    /// C23: more is reserved in time.
    fn raise_in_time(&mut self, index: usize) {
        let told = self.limits[index].as_ref().and_then(|limits| limits.cost);
        let cost = self.own_cost(index).or(told).and_then(|cost| cost.to_string().parse().ok());
        let Some(reserved) = cost.and_then(|cost| self.raise_payment(index, cost)) else { return };
        self.limit_cost(index, reserved);
        let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
        self.event(index, "Updated", "LimitSet", state, None); // C23.FR.02
    }

    /// It ends transactions by what the CSMS says that they cost.
    pub(super) fn limits_costs(&self) -> bool {
        self.device.lists("TxCtrlr", "SupportedLimits", "maxCost")
    }

    /// The transaction is over.
    pub(super) fn end_limits(&mut self, index: usize) {
        self.limits[index] = None;
        self.cancel(|timer| *timer == Timer::TransactionLimits(index));
    }

    /// E16.FR.03: the CSMS answers an event with limits.
    pub(super) fn limits_answered(&mut self, request: &Value, response: &Value) {
        let id = request["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        let of = |evse: &super::evse::Evse| evse.transaction.as_ref().is_some_and(|running| running.id == id);
        let Some(index) = self.evses.iter().position(of) else { return };
        if let Some(cost) = tariff::decimal(&response["totalCost"]) {
            self.cost_is(index, cost);
        }
        let Some(limit) = response.get("transactionLimit") else { return };
        let Some(limits) = &mut self.limits[index] else { return };
        let mut any = false;
        for (at, (_, member, ..)) in KINDS.into_iter().enumerate() {
            if let Some(value) = tariff::decimal(&limit[member]) {
                limits.set[at] = Some(value);
                limits.of_csms[at] = Some(value);
                any = true;
            }
        }
        if any {
            self.limits_changed(index);
        }
    }

    /// E16.FR.01: a driver has entered a limit.
    pub(super) fn limit_entered(&mut self, index: usize, kind: LimitKind, value: Decimal) -> Result<(), NotPossible> {
        if self.limits[index].is_none() && self.device.variable("TxCtrlr", "SupportedLimits").is_some() {
            // It is for the next transaction.
            self.limits_to_come.retain(|(of, known, _)| (*of, *known) != (index, kind));
            self.limits_to_come.push((index, kind, value));
            return Ok(());
        }
        let Some(limits) = &mut self.limits[index] else {
            return Err(NotPossible("the station takes no limits".into()));
        };
        let at = KINDS.iter().position(|(known, ..)| *known == kind).unwrap_or(0);
        // E16.FR.04: the screen does not take it.
        if limits.of_csms[at].is_some_and(|most| value > most) {
            return Ok(());
        }
        limits.set[at] = Some(value);
        self.limits_changed(index);
        Ok(())
    }

    fn limits_changed(&mut self, index: usize) {
        if let Some(limits) = &mut self.limits[index] {
            limits.news = true;
        }
        let state = self.evses[index].transaction.as_ref().map(|running| running.charging_state);
        self.event(index, "Updated", "LimitSet", state, None);
        let reached = self.limit_reached(index).is_some();
        let resumes = !reached && self.limits[index].as_ref().is_some_and(|limits| limits.reached);
        if resumes {
            // E16.FR.14
            if let Some(limits) = &mut self.limits[index] {
                limits.reached = false;
            }
            self.physical.evses[index].supply_suspended = false;
            self.update(index, "ChargingStateChanged");
        }
        self.review_limits(index);
    }

    /// The CSMS tells what a transaction costs so far.
    pub(super) fn cost_is(&mut self, index: usize, cost: Decimal) {
        if let Some(limits) = &mut self.limits[index] {
            limits.cost = Some(cost);
            self.review_limits(index);
        }
    }

    /// The limits that an event has to tell, once.
    pub(super) fn limits_to_tell(&mut self, index: usize) -> Option<Value> {
        let limits = self.limits[index].as_mut().filter(|limits| limits.news)?;
        limits.news = false;
        let mut told = json!({});
        for (value, (_, member, ..)) in limits.set.iter().zip(KINDS) {
            if let Some(value) = value {
                told[member] = tariff::number(*value);
            }
        }
        Some(told)
    }

    fn limit_reached(&self, index: usize) -> Option<(&'static str, &'static str)> {
        let limits = self.limits[index].as_ref()?;
        let hardware = &self.physical.evses[index];
        let running = self.evses[index].transaction.as_ref()?;
        let passed = self.physical.now().duration_since(limits.started).as_millis();
        let actual = |kind: LimitKind| match kind {
            LimitKind::Cost => self.own_cost(index).or(limits.cost),
            LimitKind::Energy => Decimal::from_f64_retain(hardware.meter - running.meter_start),
            LimitKind::Time => i64::try_from(passed).ok().map(|passed| Decimal::new(passed, 3)),
            LimitKind::Soc => Decimal::from_f64_retain(self.physical.read(index, "SoC").0),
        };
        let reached = KINDS
            .into_iter()
            .zip(limits.set)
            .find(|((kind, ..), limit)| limit.is_some_and(|limit| actual(*kind).is_some_and(|actual| actual >= limit)));
        reached.map(|((_, _, trigger, reason), _)| (trigger, reason))
    }

    /// Looks at the limits of a transaction: one that is reached suspends or ends it (E16.FR.05, E16.FR.06, E16.FR.10).
    pub(super) fn review_limits(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::TransactionLimits(index));
        let open = |limits: &Limits| !limits.reached && limits.set.iter().any(Option::is_some);
        if !self.limits[index].as_ref().is_some_and(open) {
            return;
        }
        self.reckon(index);
        self.raise_in_time(index);
        self.cancel(|timer| *timer == Timer::TransactionLimits(index));
        let Some((trigger, reason)) = self.limit_reached(index) else {
            self.schedule(LOOK, Timer::TransactionLimits(index));
            return;
        };
        if let Some(limits) = &mut self.limits[index] {
            limits.reached = true;
        }
        let charged = self.physical.evses[index].charging;
        self.physical.evses[index].supply_suspended = true;
        if charged && self.stops_at("EnergyTransfer") {
            self.end(index, trigger, Some(reason));
        } else {
            self.update(index, trigger);
        }
    }

    /// It is time to look at the limits.
    pub(super) fn limits_due(&mut self, index: usize) {
        let sampled = self.device.number("SampledDataCtrlr", "TxUpdatedInterval") > 0;
        if let Some(limits) = &mut self.limits[index] {
            limits.looks += 1;
            if !sampled && limits.looks.is_multiple_of(LOOKS_PER_READING) {
                self.physical.count_energy(index);
            }
        }
        self.review_limits(index);
    }
}
