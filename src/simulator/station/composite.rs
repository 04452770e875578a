//! Composite schedules: what charging profiles and the station's own limit leave (Part 2, K01, K08, and sections K 3.4 and
//! 3.5).
//!
//! Limits are whole tenths of their unit, because a limit has at most one decimal: nothing is lost to binary fractions.

mod flows;
mod profile;
mod shares;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use self::{
    flows::{Flow, Flows},
    profile::{Kind, Period, Profile, Purpose, Recurrency, Unreadable},
    shares::total,
};

/// A limit in tenths of its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenths(pub i64);

impl Tenths {
    /// No limit.
    pub const UNLIMITED: Self = Self(i64::MAX);

    /// The number that a message has; none where it has more than one decimal, or no meaning as a limit.
    pub fn of(number: f64) -> Option<Self> {
        let tenths = (number * 10.0).round();
        if !(0.0..=1e12).contains(&tenths) || (tenths / 10.0 - number).abs() > 1e-6 {
            return None;
        }
        // In bounds, and whole.
        #[expect(clippy::cast_possible_truncation, reason = "within ±1e12")]
        Some(Self(tenths as i64))
    }

    /// The number as a message has it.
    pub fn number(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "within ±1e12")]
        let tenths = self.0 as f64;
        tenths / 10.0
    }
}

/// What a limit is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Amperes, for each phase (K01.FR.51).
    Ampere,
    /// Watts, of all phases.
    Watt,
}

impl Unit {
    /// The unit of a name.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "A" => Some(Self::Ampere),
            "W" => Some(Self::Watt),
            _ => None,
        }
    }

    /// The name that messages use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ampere => "A",
            Self::Watt => "W",
        }
    }
}

/// What supplies an EV: the phases of an AC EVSE, or DC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Supply {
    /// Nominal voltage of a phase, or of the DC output.
    pub volts: i64,
    /// Phases; none for DC.
    pub phases: Option<i64>,
}

impl Supply {
    /// How many phases a period leaves (K01.FR.45, K01.FR.49); none for DC (K01.FR.44).
    fn phases_used(self, period: &Period) -> Option<i64> {
        self.phases.map(|phases| period.phases.unwrap_or(3).min(phases))
    }

    /// A quantity of a period in the unit that is asked for, rounded towards 0. Watts are divided among the phases that the period
    /// has, and count for those that there are (K01.FR.50).
    fn converted(self, tenths: i64, period: &Period, from: Unit, to: Unit) -> i64 {
        let volts = i128::from(self.volts.max(1));
        let used = i128::from(self.phases_used(period).unwrap_or(1).max(1));
        let given = i128::from(if self.phases.is_some() { period.phases.unwrap_or(3).max(1) } else { 1 });
        let limit = i128::from(tenths);
        let converted = match (from, to) {
            (Unit::Ampere, Unit::Ampere) => limit,
            (Unit::Watt, Unit::Watt) => limit * used / given,
            (Unit::Ampere, Unit::Watt) => limit * volts * used,
            (Unit::Watt, Unit::Ampere) => limit / (volts * given),
        };
        i64::try_from(converted).unwrap_or(if converted < 0 { i64::MIN } else { i64::MAX })
    }
}

/// What is asked of the profiles.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    /// From when relative profiles count: when the EVSE was ready to deliver energy (K01.FR.42).
    pub begun: Timestamp,
    /// Start of the composite schedule.
    pub now: Timestamp,
    /// Its duration, seconds.
    pub duration: i64,
    /// The unit of its limits.
    pub unit: Unit,
    /// The limit of the station itself, in that unit (K04.FR.02).
    pub maximum: Tenths,
    /// What supplies the EV.
    pub supply: Supply,
    /// Whether a setpoint of the CSMS leads, and not that of an external system (`SetpointPriority`).
    pub own_setpoint_leads: bool,
}

/// A period of a composite schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Seconds from the start of the schedule.
    pub start: i64,
    /// The limit; that of L1 where those of the other phases are told.
    pub limit: Tenths,
    /// Phases; none for DC.
    pub phases: Option<i64>,
    /// What there is besides the limit.
    pub flows: Flows,
}

/// The composite schedule that profiles make at an EVSE (K08.FR.02, K08.FR.04). Whoever asks gives the profiles that count
/// there: those of the EVSE, of the station, and of the transaction.
pub fn composite<'p>(profiles: impl IntoIterator<Item = &'p Profile>, question: &Question) -> Vec<Step> {
    let profiles: Vec<&Profile> = profiles.into_iter().collect();
    let now = question.now.as_millisecond();
    let end = now.saturating_add(question.duration.saturating_mul(1000));
    let mut changes = vec![now];
    for profile in &profiles {
        profile.changes(question.begun, now, end, &mut changes);
    }
    changes.retain(|at| (now..end).contains(at));
    changes.sort_unstable();
    changes.dedup();
    let mut steps: Vec<Step> = Vec::new();
    for at in changes {
        let start = (at - now + 500) / 1000;
        if start >= question.duration && start > 0 {
            break;
        }
        let step = limit_at(&profiles, question, at, start);
        // Two changes within the same second are one.
        if steps.last().is_some_and(|last| last.start == start) {
            steps.pop();
        }
        if steps.last().is_none_or(|last| Step { start, ..*last } != step) {
            steps.push(step);
        }
    }
    steps
}

/// What holds at a time, in milliseconds of the epoch.
fn limit_at(profiles: &[&Profile], question: &Question, at: i64, start: i64) -> Step {
    let leading = |purpose: Purpose| {
        let of_purpose = profiles.iter().filter(|profile| profile.purpose == purpose);
        let with_period = of_purpose.filter_map(|profile| Some((profile, profile.period_at(question.begun, at)?)));
        with_period.max_by_key(|(profile, _)| profile.stack_level)
    };
    // K02.FR.04: the transaction's own profile overrules the default one, while it says anything (K02.FR.08). Priority charging
    // overrules both (K21.FR.04).
    let of_transaction =
        leading(Purpose::Priority).or_else(|| leading(Purpose::Tx)).or_else(|| leading(Purpose::TxDefault));
    let external = leading(Purpose::ExternalConstraints);
    let all: Vec<_> = [of_transaction, leading(Purpose::StationMax), external].into_iter().flatten().collect();
    let (unit, supply) = (question.unit, question.supply);
    let mut phases = supply.phases;
    for (_, period) in &all {
        phases = phases.zip(supply.phases_used(period)).map(|(one, other)| one.min(other));
    }
    let among = phases.unwrap_or(1);
    let flow = |profile: &Profile, period: &Period, flow: Flow| supply.flow(flow, period, profile.unit, unit);
    let limit_of = |(profile, period): &(&&Profile, &Period)| {
        let limit = Flow { first: period.limit.0, others: period.flows.limit_of_others };
        (period.limit != Tenths::UNLIMITED).then(|| flow(profile, period, limit))
    };
    let own = Flow::whole(question.maximum.0);
    let limits: Vec<Flow> = all.iter().filter_map(limit_of).chain([own]).collect();
    let mut limit = Flow::leading(&limits, unit, among, i64::min).unwrap_or(own);
    // K08.FR.04: what is generated locally comes on top, as far as the station can give it.
    if let Some(generated) = leading(Purpose::LocalGeneration).as_ref().and_then(limit_of) {
        limit = Flow::leading(&[limit.plus(generated, unit, among), own], unit, among, i64::min).unwrap_or(own);
    }
    let said = |of: fn(&Flows) -> Option<Flow>| {
        move |(profile, period): &(&&Profile, &Period)| of(&period.flows).map(|said| flow(profile, period, said))
    };
    let discharges: Vec<Flow> = all.iter().filter_map(said(|flows| flows.discharge)).collect();
    let discharge = Flow::leading(&discharges, unit, among, i64::max);
    // Part 2, K 3.2: one setpoint leads.
    let in_turn = if question.own_setpoint_leads { [of_transaction, external] } else { [external, of_transaction] };
    let one = |of: fn(&Flows) -> Option<Flow>| in_turn.iter().flatten().find_map(said(of));
    let setpoint = one(|flows| flows.setpoint);
    let flows = Flows {
        limit_of_others: limit.others,
        discharge,
        setpoint: setpoint.map(|setpoint| setpoint.within(&limit, discharge.as_ref(), unit, among)),
        reactive: one(|flows| flows.reactive),
    };
    Step { start, limit: Tenths(limit.first), phases, flows }
}
