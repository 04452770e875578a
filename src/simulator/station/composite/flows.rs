//! What periods of OCPP 2.1 set besides the limit of all phases: what phases may take alone, what may flow back, and setpoints
//! (K08.FR.04, K08.FR.08, K08.FR.09, V2X.03 to V2X.07).

use serde_json::Value;

use super::{Period, Supply, Tenths, Unit, Unreadable};

/// A quantity in tenths of its unit: of all phases, or of L1 where those of the others are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    /// Of all phases, or of L1.
    pub first: i64,
    /// Of L2 and L3.
    pub others: [Option<i64>; 2],
}

/// What a period sets besides its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flows {
    /// `limit_L2`, `limit_L3`: the limit beside them is that of L1.
    pub limit_of_others: [Option<i64>; 2],
    /// `dischargeLimit`, not above 0.
    pub discharge: Option<Flow>,
    /// `setpoint`
    pub setpoint: Option<Flow>,
    /// `setpointReactive`
    pub reactive: Option<Flow>,
}

fn signed(number: &Value) -> Result<Option<i64>, Unreadable> {
    let Some(number) = number.as_f64() else { return Ok(None) };
    let tenths = Tenths::of(number.abs()).ok_or(Unreadable::Schedule)?.0;
    Ok(Some(if number < 0.0 { -tenths } else { tenths }))
}

impl Flow {
    /// The same for all phases.
    pub fn whole(first: i64) -> Self {
        Self { first, others: [None, None] }
    }

    fn read(period: &Value, [first, second, third]: [&str; 3]) -> Result<Option<Self>, Unreadable> {
        let others = [signed(&period[second])?, signed(&period[third])?];
        Ok(signed(&period[first])?.map(|first| Self { first, others }))
    }

    fn is_split(&self) -> bool {
        self.others != [None, None]
    }

    fn map(self, change: impl Fn(i64) -> i64) -> Self {
        Self { first: change(self.first), others: self.others.map(|one| one.map(&change)) }
    }

    /// What all phases have together: watts are added up, amperes are those of each phase (K01.FR.51), the least of them where a
    /// vehicle can't be told more than one (K01.FR.147).
    pub fn together(&self, unit: Unit) -> i64 {
        let others = self.others.iter().flatten();
        match unit {
            Unit::Watt => others.fold(self.first, |sum, one| sum.saturating_add(*one)),
            Unit::Ampere => others.fold(self.first, |least, one| if one.abs() < least.abs() { *one } else { least }),
        }
    }

    /// What one phase has; watts of all phases are shared evenly.
    fn of_phase(&self, phase: usize, unit: Unit, phases: i64) -> Option<i64> {
        match (self.is_split(), phase, unit) {
            (true, 0, _) | (false, _, Unit::Ampere) => Some(self.first),
            (true, other, _) => self.others[other - 1],
            (false, _, Unit::Watt) => Some(self.first / phases.max(1)),
        }
    }

    /// What several make together, of which the leading one counts, for each phase where one of them tells phases apart.
    pub(super) fn leading(flows: &[Self], unit: Unit, phases: i64, lead: fn(i64, i64) -> i64) -> Option<Self> {
        if !flows.iter().any(Self::is_split) {
            return flows.iter().map(|flow| flow.first).reduce(lead).map(Self::whole);
        }
        let of = |phase: usize| flows.iter().filter_map(|flow| flow.of_phase(phase, unit, phases)).reduce(lead);
        let named = |other: usize| flows.iter().any(|flow| flow.others[other].is_some());
        let others = [0, 1].map(|other| named(other).then(|| of(other + 1)).flatten());
        Some(Self { first: of(0)?, others })
    }

    /// With as much more in each phase.
    pub(super) fn plus(self, more: Self, unit: Unit, phases: i64) -> Self {
        let more = match unit {
            Unit::Watt if self.is_split() => more.first / phases.max(1),
            _ => more.first,
        };
        self.map(|one| one.saturating_add(more))
    }

    /// A setpoint within what may be taken and given back (K08.FR.08).
    pub(super) fn within(self, limit: &Self, discharge: Option<&Self>, unit: Unit, phases: i64) -> Self {
        let of = |bound: &Self, phase: usize| {
            if self.is_split() { bound.of_phase(phase, unit, phases) } else { Some(bound.together(unit)) }
        };
        let cap = |one: i64, phase: usize| {
            let most = of(limit, phase).map_or(i64::MAX, |most| most.max(0));
            let least = discharge.and_then(|bound| of(bound, phase)).map_or(i64::MIN, |least| least.min(0));
            one.clamp(least, most)
        };
        let others = [0, 1].map(|other| self.others[other].map(|one| cap(one, other + 1)));
        Self { first: cap(self.first, 0), others }
    }

    /// Writes it into a period.
    fn write(self, period: &mut Value, [first, second, third]: [&str; 3]) {
        let number = |tenths: i64| {
            let number = Tenths(tenths.abs()).number();
            Value::from(if tenths < 0 { -number } else { number })
        };
        period[first] = number(self.first);
        for (name, one) in [second, third].into_iter().zip(self.others) {
            if let Some(one) = one {
                period[name] = number(one);
            }
        }
    }
}

const LIMIT: [&str; 3] = ["limit", "limit_L2", "limit_L3"];
const DISCHARGE: [&str; 3] = ["dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3"];
const SETPOINT: [&str; 3] = ["setpoint", "setpoint_L2", "setpoint_L3"];
const REACTIVE: [&str; 3] = ["setpointReactive", "setpointReactive_L2", "setpointReactive_L3"];

impl Flows {
    /// Reads what its operation mode gives a meaning (Part 2, Q 2.2).
    pub(super) fn read(period: &Value) -> Result<Self, Unreadable> {
        let mode = period["operationMode"].as_str().unwrap_or_default();
        let has = |modes: &[&str], names: [&str; 3]| {
            if modes.contains(&mode) { Flow::read(period, names) } else { Ok(None) }
        };
        let steered = ["CentralSetpoint", "CentralFrequency", "ExternalSetpoint"];
        Ok(Self {
            limit_of_others: [signed(&period[LIMIT[1]])?, signed(&period[LIMIT[2]])?],
            discharge: has(&[steered[0], steered[1], steered[2], "ExternalLimits"], DISCHARGE)?,
            setpoint: has(&steered, SETPOINT)?,
            reactive: has(&[steered[0], steered[2]], REACTIVE)?,
        })
    }

    /// Changes each quantity.
    #[must_use]
    pub(super) fn map(self, change: impl Fn(i64) -> i64) -> Self {
        Self {
            limit_of_others: self.limit_of_others.map(|one| one.map(&change)),
            discharge: self.discharge.map(|flow| flow.map(&change)),
            setpoint: self.setpoint.map(|flow| flow.map(&change)),
            reactive: self.reactive.map(|flow| flow.map(&change)),
        }
    }

    /// Caps what the vehicle takes (K01.FR.100).
    #[must_use]
    pub(super) fn capped(self, most: i64) -> Self {
        Self {
            limit_of_others: self.limit_of_others.map(|one| one.map(|one| one.min(most))),
            setpoint: self.setpoint.map(|flow| flow.map(|one| one.min(most))),
            ..self
        }
    }

    /// Writes all of it into a period, with the limit.
    pub(super) fn write(&self, limit: Tenths, period: &mut Value) {
        Flow { first: limit.0, others: self.limit_of_others }.write(period, LIMIT);
        for (flow, names) in [(self.discharge, DISCHARGE), (self.setpoint, SETPOINT), (self.reactive, REACTIVE)] {
            if let Some(flow) = flow {
                flow.write(period, names);
            }
        }
    }
}

impl Supply {
    /// A quantity of a period in the unit that is asked for. That of one phase is converted as such.
    pub(super) fn flow(self, flow: Flow, period: &Period, from: Unit, to: Unit) -> Flow {
        let volts = self.volts.max(1);
        match (flow.is_split(), from, to) {
            (true, Unit::Ampere, Unit::Watt) => flow.map(|one| one.saturating_mul(volts)),
            (true, Unit::Watt, Unit::Ampere) => flow.map(|one| one / volts),
            (true, ..) => flow,
            (false, ..) => flow.map(|one| self.converted(one, period, from, to)),
        }
    }
}
