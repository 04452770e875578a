//! The limits that charging profiles set over time (2.x: K01, K08, part 2 K 3.5; 1.6: 3.13): what a composite schedule is made of.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

/// Voltage for conversions between A and W.
pub(super) const VOLTAGE: f64 = 230.0;
/// Phases where a period names none (K01.FR.49).
pub(super) const PHASES: f64 = 3.0;
/// Seconds of a day.
pub(super) const DAY: i64 = 86_400;

/// A profile that counts, and the time at which a relative schedule starts.
pub(super) struct Active<'p> {
    /// What it is for.
    pub(super) purpose: Purpose,
    /// The profile.
    pub(super) profile: &'p Value,
    /// Its schedule.
    pub(super) schedule: &'p Value,
    /// The start of its transaction, or now.
    pub(super) begun: Timestamp,
}

/// What a profile is for; versions name them differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The maximum of the whole station.
    Station,
    /// What somebody else than the CSMS demands, an energy management system for instance.
    External,
    /// Every transaction that has no profile of its own.
    Default,
    /// One transaction.
    Transaction,
    /// A transaction that has priority.
    Priority,
    /// What is generated on site, on top of all limits.
    Generated,
}

impl Purpose {
    /// The purpose with the name that a version gives it.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "ChargingStationMaxProfile" | "ChargePointMaxProfile" => Some(Self::Station),
            "ChargingStationExternalConstraints" => Some(Self::External),
            "TxDefaultProfile" => Some(Self::Default),
            "TxProfile" => Some(Self::Transaction),
            "PriorityCharging" => Some(Self::Priority),
            "LocalGeneration" => Some(Self::Generated),
            _ => None,
        }
    }
}

/// A limit rounded to tenths, as messages have it.
pub(super) fn tenths(limit: f64) -> f64 {
    (limit * 10.0).round() / 10.0
}

/// A time of a message.
pub(super) fn time(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// Seconds from one time to another.
fn seconds(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

/// The limits from a time on: from which second each of them holds. `most` holds where no profile sets one, and above all of them.
pub(super) fn limits(all: &[Active<'_>], now: Timestamp, duration: i64, unit: &str, most: f64) -> Vec<(i64, f64)> {
    let mut periods: Vec<(i64, f64)> = Vec::new();
    for (start, limit) in changes(all, now, duration, unit) {
        let limit = tenths(limit.unwrap_or(most).min(most));
        if periods.last().is_none_or(|(_, last)| (*last - limit).abs() > f64::EPSILON) {
            periods.push((start, limit));
        }
    }
    periods
}

/// What the profiles set from a time on: for each second at which it may change the limit, or none where no profile sets one.
fn changes(all: &[Active<'_>], now: Timestamp, duration: i64, unit: &str) -> Vec<(i64, Option<f64>)> {
    turns(all, now, duration).into_iter().map(|(second, turn)| (second, limit(all, turn, unit))).collect()
}

/// When something may change from a time on: the seconds that have passed, and the time.
pub(super) fn turns(all: &[Active<'_>], now: Timestamp, duration: i64) -> Vec<(i64, Timestamp)> {
    let end = now.checked_add(SignedDuration::from_secs(duration)).unwrap_or(Timestamp::MAX);
    let mut turns: Vec<Timestamp> = all.iter().flat_map(|one| one.turns(now, end)).chain([now]).collect();
    turns.sort_unstable();
    turns.dedup();
    turns.into_iter().map(|turn| (seconds(now, turn), turn)).collect()
}

/// The profiles that lead at a time, one of each purpose, with the period that is in force.
pub(super) struct Leading<'p, 'a> {
    /// Of the station as a whole, of others than the CSMS, and of the transaction, whose own profile overrules the default one,
    /// and priority charging both (K21.FR.04).
    pub(super) limiting: Vec<(&'a Active<'p>, &'p Value)>,
    /// What is generated on site.
    pub(super) generated: Option<(&'a Active<'p>, &'p Value)>,
}

impl<'p, 'a> Leading<'p, 'a> {
    /// Each purpose is led by its highest stack level that has a period then (K01.FR.17, Part 2, K 3.6).
    pub(super) fn at(all: &'a [Active<'p>], at: Timestamp) -> Self {
        let of = |purpose: Purpose| {
            all.iter()
                .filter(|one| one.purpose == purpose)
                .filter_map(|one| Some((one.profile["stackLevel"].as_i64()?, one, one.period(at)?)))
                .max_by_key(|(level, ..)| *level)
                .map(|(_, one, period)| (one, period))
        };
        let transaction = of(Purpose::Priority).or_else(|| of(Purpose::Transaction)).or_else(|| of(Purpose::Default));
        let limiting = [of(Purpose::Station), of(Purpose::External), transaction].into_iter().flatten().collect();
        Self { limiting, generated: of(Purpose::Generated) }
    }
}

/// The lowest limit of all purposes; what is generated on site comes on top (K08.FR.04).
fn limit(all: &[Active<'_>], at: Timestamp, unit: &str) -> Option<f64> {
    let leading = Leading::at(all, at);
    let of = |(one, period): &(&Active<'_>, &Value)| one.limit(period, unit);
    let limit = leading.limiting.iter().filter_map(of).min_by(f64::total_cmp)?;
    Some(limit + leading.generated.as_ref().and_then(of).unwrap_or_default())
}

impl<'p> Active<'p> {
    fn periods(&self) -> impl Iterator<Item = &'p Value> + use<'p> {
        self.schedule["chargingSchedulePeriod"].as_array().into_iter().flatten()
    }

    /// The period of a recurring profile, seconds.
    fn cycle(&self) -> Option<i64> {
        match (self.profile["chargingProfileKind"].as_str(), self.profile["recurrencyKind"].as_str()) {
            (Some("Recurring"), Some("Weekly")) => Some(7 * DAY),
            (Some("Recurring"), _) => Some(DAY),
            _ => None,
        }
    }

    /// When its schedule starts, for the first time; that of a dynamic profile with its last update (K28.FR.15).
    fn start(&self) -> Timestamp {
        let start = match self.profile["chargingProfileKind"].as_str() {
            Some("Dynamic") => &self.profile["dynUpdateTime"],
            _ => &self.schedule["startSchedule"],
        };
        time(start).unwrap_or(self.begun)
    }

    /// Seconds since the start of the schedule, or of its cycle; none before it starts for the first time (K01.FR.30).
    fn passed(&self, at: Timestamp) -> Option<i64> {
        let passed = seconds(self.start(), at);
        (passed >= 0).then(|| self.cycle().map_or(passed, |cycle| passed.rem_euclid(cycle)))
    }

    /// The period at a time (K01.FR.10 to K01.FR.13, K01.FR.36, K01.FR.37).
    fn period(&self, at: Timestamp) -> Option<&'p Value> {
        let from = time(&self.profile["validFrom"]).is_none_or(|from| from <= at);
        let to = time(&self.profile["validTo"]).is_none_or(|to| at < to);
        let passed = self.passed(at).filter(|_| from && to)?;
        let ended = self.schedule["duration"].as_i64().is_some_and(|duration| passed >= duration);
        let begun = |period: &&Value| period["startPeriod"].as_i64().is_some_and(|start| start <= passed);
        self.periods().filter(|_| !ended).take_while(begun).last()
    }

    /// The limit of one of its periods, in A per phase or in W; none where it sets none.
    fn limit(&self, period: &Value, unit: &str) -> Option<f64> {
        let (limit, phases) = (period["limit"].as_f64()?, period["numberPhases"].as_f64().unwrap_or(PHASES));
        Some(match (self.schedule["chargingRateUnit"].as_str().unwrap_or_default(), unit) {
            ("A", "W") => limit * VOLTAGE * phases,
            ("W", "A") => limit / VOLTAGE / phases,
            _ => limit,
        })
    }

    /// The times at which the limit may change.
    fn turns(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        let mut turns: Vec<Timestamp> =
            ["validFrom", "validTo"].iter().filter_map(|name| time(&self.profile[*name])).collect();
        let start = self.start();
        let cycle = self.cycle();
        let rounds =
            cycle.map_or(0..=0, |cycle| seconds(start, from).div_euclid(cycle)..=seconds(start, to).div_euclid(cycle));
        let offsets: Vec<i64> = self
            .periods()
            .filter_map(|period| period["startPeriod"].as_i64())
            .chain(self.schedule["duration"].as_i64())
            .collect();
        for round in rounds {
            let offset = |offset: &i64| {
                let seconds = round.checked_mul(cycle.unwrap_or_default())?.checked_add(*offset)?;
                start.checked_add(SignedDuration::from_secs(seconds)).ok()
            };
            turns.extend(offsets.iter().filter_map(offset));
        }
        turns.retain(|turn| from < *turn && *turn < to);
        turns
    }
}
