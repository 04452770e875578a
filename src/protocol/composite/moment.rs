//! What profiles make of each limit and setpoint at one moment (K08.FR.04, K08.FR.08, K08.FR.09, K01.FR.140), and whether a schedule says
//! the same of it.
//!
//! Where the specification leaves a choice to the product, anything is right: how watts are divided among phases, and which of two
//! setpoints leads.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::protocol::schedule::{Active, Leading, PHASES, VOLTAGE, tenths};

/// How much a conversion between A and W may be rounded.
const ROUNDING: f64 = 0.1;
/// What two equal numbers may differ by.
const NOTHING: f64 = 1e-6;

/// What a period sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quantity {
    Limit,
    Discharge,
    Setpoint,
    Reactive,
}

impl Quantity {
    const ALL: [Self; 4] = [Self::Limit, Self::Discharge, Self::Setpoint, Self::Reactive];

    /// The members of all phases or of L1, of L2, and of L3.
    fn members(self) -> [&'static str; 3] {
        match self {
            Self::Limit => ["limit", "limit_L2", "limit_L3"],
            Self::Discharge => ["dischargeLimit", "dischargeLimit_L2", "dischargeLimit_L3"],
            Self::Setpoint => ["setpoint", "setpoint_L2", "setpoint_L3"],
            Self::Reactive => ["setpointReactive", "setpointReactive_L2", "setpointReactive_L3"],
        }
    }

    /// True where an operation mode gives it a meaning (Part 2, Q 2.2).
    fn counts_in(self, mode: Option<&str>) -> bool {
        match (self, mode) {
            (Self::Limit, _) => true,
            (Self::Discharge, Some(mode)) => {
                matches!(mode, "CentralSetpoint" | "CentralFrequency" | "ExternalSetpoint" | "ExternalLimits")
            }
            (Self::Setpoint, Some(mode)) => matches!(mode, "CentralSetpoint" | "CentralFrequency" | "ExternalSetpoint"),
            (Self::Reactive, Some(mode)) => matches!(mode, "CentralSetpoint" | "ExternalSetpoint"),
            (_, None) => false,
        }
    }
}

/// What a number is to be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    /// Nobody sets it.
    Unset,
    /// The product decides.
    Open,
    /// So much, give or take.
    About { value: f64, slack: f64 },
}

/// One quantity: of all phases, or of L1; of L2; of L3.
type Phased = [Wanted; 3];

const UNSET: Phased = [Wanted::Unset; 3];
const OPEN: Phased = [Wanted::Open; 3];

impl Wanted {
    fn value(self) -> Option<f64> {
        match self {
            Self::About { value, .. } => Some(value),
            Self::Unset | Self::Open => None,
        }
    }

    /// The same number, or another one that bounds it.
    fn bounded(self, bound: Self, beyond: impl Fn(f64, f64) -> bool) -> Self {
        match (self, bound) {
            (Self::About { value, slack }, Self::About { value: other, slack: also }) => {
                let slack = slack.max(also);
                Self::About { value: if beyond(value, other) { other } else { value }, slack }
            }
            (Self::About { .. }, Self::Open) => Self::Open,
            _ => self,
        }
    }

    fn plus(self, more: Self) -> Self {
        match (self, more) {
            (Self::About { value, slack }, Self::About { value: other, slack: also }) => {
                Self::About { value: tenths(value + other), slack: slack + also }
            }
            (_, Self::Open) => Self::Open,
            _ => self,
        }
    }

    fn fits(self, told: Option<f64>) -> bool {
        match self {
            Self::Unset | Self::Open => true,
            Self::About { value, slack } => told.is_some_and(|told| (told - value).abs() <= slack + NOTHING),
        }
    }
}

/// What a period says of a quantity, in the unit that is asked for.
#[derive(Clone, Copy)]
struct Said {
    of: [Option<f64>; 3],
    slack: f64,
}

impl Said {
    fn read(active: &Active<'_>, period: &Value, quantity: Quantity, unit: &str) -> Option<Self> {
        if !quantity.counts_in(period["operationMode"].as_str()) {
            return None;
        }
        let given = quantity.members().map(|name| period[name].as_f64());
        let split = given[1].is_some() || given[2].is_some();
        // A number of one phase alone is converted as such.
        let phases = if split { 1.0 } else { period["numberPhases"].as_f64().unwrap_or(PHASES) };
        let (factor, slack) = match (active.schedule["chargingRateUnit"].as_str().unwrap_or_default(), unit) {
            ("A", "W") => (VOLTAGE * phases, 0.0),
            ("W", "A") => (1.0 / VOLTAGE / phases, ROUNDING),
            _ => (1.0, 0.0),
        };
        given[0].is_some().then_some(Self { of: given.map(|one| one.map(|one| tenths(one * factor))), slack })
    }

    fn is_split(&self) -> bool {
        self.of[1].is_some() || self.of[2].is_some()
    }

    fn wanted(&self, phase: usize) -> Wanted {
        self.of[phase].map_or(Wanted::Unset, |value| Wanted::About { value, slack: self.slack })
    }
}

/// What profiles make of several that each have something to say; `before` tells which of two numbers leads.
fn merged(said: &[Said], unit: &str, before: fn(f64, f64) -> bool) -> Phased {
    if said.is_empty() {
        return UNSET;
    }
    let split = said.iter().any(Said::is_split);
    if split && unit == "W" && !said.iter().all(Said::is_split) {
        return OPEN;
    }
    let of = |phase: usize| {
        // Amperes are those of each phase (K01.FR.51).
        let each = said.iter().map(|one| one.wanted(if one.is_split() { phase } else { 0 }));
        let leading = |one: Wanted, other: Wanted| match (one, other) {
            (Wanted::About { value, slack }, Wanted::About { value: another, slack: also }) => {
                // What is about the same may be either of them.
                let near = (value - another).abs() <= ROUNDING + NOTHING;
                let most = slack.max(also);
                let (value, slack) = if before(another, value) { (another, also) } else { (value, slack) };
                Wanted::About { value, slack: if near { most } else { slack } }
            }
            (Wanted::About { .. }, _) => one,
            _ => other,
        };
        each.reduce(leading).unwrap_or(Wanted::Unset)
    };
    let named = |phase: usize| said.iter().any(|one| one.of[phase].is_some());
    [0, 1, 2].map(|phase| if phase == 0 || named(phase) { of(phase) } else { Wanted::Unset })
}

fn is_split(phased: &Phased) -> bool {
    phased[1].value().is_some() || phased[2].value().is_some()
}

/// A setpoint that a limit caps (K08.FR.08).
fn capped(setpoint: Phased, limit: &Phased, unit: &str, beyond: fn(f64, f64) -> bool) -> Phased {
    let divided = is_split(&setpoint) != is_split(limit) && limit[0] != Wanted::Unset;
    if divided && (unit == "W" || is_split(limit)) {
        return setpoint.map(|one| if one == Wanted::Unset { one } else { Wanted::Open });
    }
    [0, 1, 2].map(|phase| setpoint[phase].bounded(limit[if is_split(limit) { phase } else { 0 }], beyond))
}

/// What is wanted at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Moment {
    /// In the order of [`Quantity::ALL`].
    values: [Phased; 4],
    /// The most phases; none where nobody says.
    phases: Option<i64>,
}

impl Moment {
    /// What the profiles make at a time; `most` holds where none of them sets a limit, and above all of them.
    pub(super) fn at(all: &[Active<'_>], at: Timestamp, unit: &str, most: Option<f64>) -> Self {
        let leading = Leading::at(all, at);
        let said = |quantity: Quantity| -> Vec<Said> {
            let read = |(one, period): &(&Active<'_>, &Value)| Said::read(one, period, quantity, unit);
            leading.limiting.iter().filter_map(read).collect()
        };
        let lower = |one: f64, other: f64| one < other;
        let higher = |one: f64, other: f64| one > other;
        let mut limit = merged(&said(Quantity::Limit), unit, lower);
        let generated = leading.generated.and_then(|(one, period)| Said::read(one, period, Quantity::Limit, unit));
        if let Some(generated) = generated {
            let more = if is_split(&limit) && unit == "W" { Wanted::Open } else { generated.wanted(0) };
            limit = limit.map(|one| if one == Wanted::Unset { one } else { one.plus(more) });
        }
        if let Some(most_of_all) = most.map(tenths) {
            let most = Wanted::About { value: most_of_all, slack: 0.0 };
            limit = match limit {
                UNSET => [most, Wanted::Unset, Wanted::Unset],
                // How the product divides what it has among phases is not known.
                split if is_split(&split) && unit == "W" => {
                    let beyond = split.iter().any(|one| one.value().is_some_and(|one| one > most_of_all / PHASES));
                    if beyond { OPEN } else { split }
                }
                other => other.map(|one| one.bounded(most, higher)),
            };
        }
        let discharge = merged(&said(Quantity::Discharge), unit, higher);
        // Part 2, K 3.2: which of two setpoints leads is a matter of SetpointPriority.
        let single = |quantity: Quantity| match said(quantity).as_slice() {
            [] => UNSET,
            [one] => [0, 1, 2].map(|phase| one.wanted(phase)),
            _ => OPEN,
        };
        let setpoint = capped(single(Quantity::Setpoint), &limit, unit, |setpoint, most| setpoint > most.max(0.0));
        let setpoint = capped(setpoint, &discharge, unit, |setpoint, most| setpoint < most.min(0.0));
        let phases = leading.limiting.iter().filter_map(|(_, period)| period["numberPhases"].as_i64()).min();
        Self { values: [limit, discharge, setpoint, single(Quantity::Reactive)], phases }
    }

    /// A period that is right.
    pub(super) fn example(&self, second: i64) -> Value {
        let mut period = json!({ "startPeriod": second });
        for (quantity, phased) in Quantity::ALL.into_iter().zip(&self.values) {
            for (name, wanted) in quantity.members().into_iter().zip(phased) {
                if let Some(value) = wanted.value() {
                    period[name] = value.into();
                }
            }
        }
        // A schedule for charging has a limit everywhere: any will do here, above every setpoint.
        if period["limit"].is_null() {
            period["limit"] = period["setpoint"].as_f64().unwrap_or_default().max(0.0).into();
        }
        period
    }

    /// In words.
    pub(super) fn words(&self, unit: &str) -> String {
        let mut words = vec![match self.values[0][0] {
            Wanted::About { value, .. } => format!("{value} {unit}"),
            Wanted::Unset | Wanted::Open => "any limit".to_owned(),
        }];
        let others = Quantity::ALL.into_iter().zip(&self.values);
        let others = others.flat_map(|(quantity, phased)| quantity.members().into_iter().zip(phased)).skip(1);
        words.extend(others.filter_map(|(name, wanted)| Some(format!("{name} {} {unit}", wanted.value()?))));
        words.join(" with ")
    }
}

/// What a schedule says at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    values: [[Option<f64>; 3]; 4],
    phases: Option<i64>,
}

impl Told {
    pub(super) fn read(period: &Value) -> Self {
        let values = Quantity::ALL.map(|quantity| quantity.members().map(|name| period[name].as_f64().map(tenths)));
        Self { values, phases: period["numberPhases"].as_i64() }
    }

    /// What is wrong with it, whatever the profiles are: a setpoint beyond the limit beside it (V2X.03, V2X.04).
    pub(super) fn exceeds_itself(&self, unit: &str) -> Option<String> {
        let [limit, discharge, setpoint, _] = &self.values;
        let setpoint = setpoint[0].filter(|_| self.values.iter().all(|phased| phased[1..] == [None, None]))?;
        let beyond = |name: &str, bound: f64| {
            Some(format!("the setpoint is {setpoint} {unit}, beyond the {name} of {bound} {unit} beside it"))
        };
        match (limit[0], discharge[0]) {
            (Some(limit), _) if setpoint > limit.max(0.0) => beyond("limit", limit),
            (_, Some(discharge)) if setpoint < discharge.min(0.0) => beyond("dischargeLimit", discharge),
            _ => None,
        }
    }

    /// What differs from all of the moments near it; `now` is what is wanted then.
    pub(super) fn differs(&self, near: &[&Moment], now: &Moment, unit: &str) -> Option<String> {
        let words = |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value} {unit}"));
        for (place, quantity) in Quantity::ALL.into_iter().enumerate() {
            for (phase, name) in quantity.members().into_iter().enumerate() {
                let told = self.values[place][phase];
                let fits = |moment: &&Moment| {
                    moment.values[place][phase].fits(told) || self.is_capped_by_the_product(moment, quantity, phase)
                };
                if !near.iter().any(fits) {
                    let wanted = now.values[place][phase].value();
                    return Some(format!("the {name} is {}, expected {}", words(told), words(wanted)));
                }
            }
        }
        // K01.FR.140: an EVSE may have fewer.
        let told = self.phases?;
        let most = now.phases.filter(|_| near.iter().all(|moment| moment.phases.is_some_and(|most| told > most)))?;
        Some(format!("numberPhases is {told}, expected at most {most}"))
    }

    /// True for a setpoint that the product's own limit caps, where the profiles set none (K08.FR.08).
    fn is_capped_by_the_product(&self, moment: &Moment, quantity: Quantity, phase: usize) -> bool {
        let (Quantity::Setpoint, Some(wanted), Some(told)) =
            (quantity, moment.values[2][phase].value(), self.values[2][phase])
        else {
            return false;
        };
        let bound = usize::from(wanted <= 0.0);
        moment.values[bound][phase].value().is_none()
            && self.values[bound][phase] == Some(told)
            && told.abs() <= wanted.abs()
    }
}
