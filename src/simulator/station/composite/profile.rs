//! A charging profile as its messages give it, and which of its periods is in force when.

use jiff::Timestamp;
use serde_json::Value;

use super::{Flows, Tenths, Unit};

/// Most times that a recurring schedule is begun within one question.
const MOST_RECURRENCES: i64 = 400;

/// What a profile is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `ChargingStationMaxProfile`
    StationMax,
    /// `ChargingStationExternalConstraints`
    ExternalConstraints,
    /// `TxDefaultProfile`
    TxDefault,
    /// `TxProfile`
    Tx,
    /// `PriorityCharging`, for a transaction that has it
    Priority,
    /// `LocalGeneration`: what is there on top of all limits
    LocalGeneration,
}

/// How a schedule recurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recurrency {
    /// Every day.
    Daily,
    /// Every week.
    Weekly,
}

impl Recurrency {
    fn milliseconds(self) -> i64 {
        86_400_000
            * match self {
                Self::Daily => 1,
                Self::Weekly => 7,
            }
    }
}

/// What a schedule counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A point in time.
    Absolute(Timestamp),
    /// A point in time, and again and again.
    Recurring(Timestamp, Recurrency),
    /// When the EVSE is ready to deliver energy.
    Relative,
    /// When its only period was last updated.
    Dynamic(Timestamp),
}

/// A period of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Seconds from the start of the schedule.
    pub start: i64,
    /// The limit, in the unit of the schedule; [`Tenths::UNLIMITED`] where it has none.
    pub limit: Tenths,
    /// `numberPhases`
    pub phases: Option<i64>,
    /// `phaseToUse`
    pub phase_to_use: Option<i64>,
    /// What it sets besides the limit.
    pub flows: Flows,
}

/// A charging profile with one schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Id.
    pub id: i64,
    /// Purpose.
    pub purpose: Purpose,
    /// The higher one overrules the lower one (K01.FR.17).
    pub stack_level: i64,
    /// What its schedule counts from.
    pub kind: Kind,
    /// In force from then on (K01.FR.36).
    pub valid_from: Option<Timestamp>,
    /// In force before then (K01.FR.37).
    pub valid_to: Option<Timestamp>,
    /// Duration of the schedule, seconds.
    pub duration: Option<i64>,
    /// The unit of its limits.
    pub unit: Unit,
    /// Its periods, in order.
    pub periods: Vec<Period>,
}

/// What is wrong with a profile, in the words of the reason codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreadable {
    /// `InvalidProfile`
    Profile,
    /// `InvalidSchedule`
    Schedule,
}

impl Profile {
    /// Reads a `ChargingProfileType` with the first of its schedules.
    pub fn read(profile: &Value) -> Result<Self, Unreadable> {
        let bad = Unreadable::Profile;
        let text = |name: &str| profile[name].as_str().unwrap_or_default();
        let time = |value: &Value| -> Result<Option<Timestamp>, Unreadable> {
            value.as_str().map(|text| text.parse().map_err(|_| bad)).transpose()
        };
        let schedule = &profile["chargingSchedule"][0];
        let recurrency = match text("recurrencyKind") {
            "Daily" => Some(Recurrency::Daily),
            "Weekly" => Some(Recurrency::Weekly),
            _ => None,
        };
        let start = time(&schedule["startSchedule"])?;
        // K01.FR.40, K01.FR.41.
        let kind = match (text("chargingProfileKind"), start) {
            ("Absolute", Some(start)) => Kind::Absolute(start),
            ("Recurring", Some(start)) => Kind::Recurring(start, recurrency.ok_or(bad)?),
            ("Relative", None) => Kind::Relative,
            // K28.FR.05: whoever takes the profile sets the time of the update.
            ("Dynamic", _) => Kind::Dynamic(time(&profile["dynUpdateTime"])?.unwrap_or(Timestamp::MIN)),
            _ => return Err(Unreadable::Schedule),
        };
        let (valid_from, valid_to) = (time(&profile["validFrom"])?, time(&profile["validTo"])?);
        if valid_from.zip(valid_to).is_some_and(|(from, to)| from >= to) {
            return Err(bad);
        }
        let duration = schedule["duration"].as_i64();
        if duration.is_some_and(|duration| duration <= 0) {
            return Err(Unreadable::Schedule);
        }
        Ok(Self {
            id: profile["id"].as_i64().ok_or(bad)?,
            purpose: match text("chargingProfilePurpose") {
                "ChargingStationMaxProfile" => Purpose::StationMax,
                "ChargingStationExternalConstraints" => Purpose::ExternalConstraints,
                "TxDefaultProfile" => Purpose::TxDefault,
                "TxProfile" => Purpose::Tx,
                "PriorityCharging" => Purpose::Priority,
                "LocalGeneration" => Purpose::LocalGeneration,
                _ => return Err(bad),
            },
            stack_level: profile["stackLevel"].as_i64().filter(|level| *level >= 0).ok_or(bad)?,
            kind,
            valid_from,
            valid_to,
            duration,
            unit: schedule["chargingRateUnit"].as_str().and_then(Unit::of).ok_or(Unreadable::Schedule)?,
            periods: periods(&schedule["chargingSchedulePeriod"])?,
        })
    }

    /// True when both can be in force at the same time, as far as their validity goes.
    pub fn overlaps(&self, other: &Self) -> bool {
        let before = |to: Option<Timestamp>, from: Option<Timestamp>| to.zip(from).is_some_and(|(to, from)| to <= from);
        !before(self.valid_to, other.valid_from) && !before(other.valid_to, self.valid_from)
    }

    /// The profile with periods that begin later (K01.FR.92): `delay` yields the seconds for a period, by its place. The first one
    /// is never late, and neither are start and end of the schedule (K01.FR.94).
    #[must_use]
    pub fn delayed(&self, delay: impl Fn(usize) -> i64) -> Self {
        let late = |(place, period): (usize, &Period)| match period.start {
            0 => *period,
            start => Period { start: start.saturating_add(delay(place)), ..*period },
        };
        let late: Vec<Period> = self.periods.iter().enumerate().map(late).collect();
        // K01.FR.97: what would begin with or behind the next one, or behind the end, is skipped.
        let kept = late.iter().enumerate().filter(|(place, period)| {
            let overtaken = late[place + 1..].iter().any(|later| later.start <= period.start);
            let over = self.duration.is_some_and(|duration| period.start >= duration);
            !overtaken && !over
        });
        Self { periods: kept.map(|(_, period)| *period).collect(), ..self.clone() }
    }

    /// The profile with limits that are no higher than this one, in its unit (K01.FR.100).
    #[must_use]
    pub fn capped(&self, most: Tenths) -> Self {
        let capped =
            |period: &Period| Period { limit: period.limit.min(most), flows: period.flows.capped(most.0), ..*period };
        Self { periods: self.periods.iter().map(capped).collect(), ..self.clone() }
    }

    /// The period in force at a time, in milliseconds of the epoch.
    pub fn period_at(&self, begun: Timestamp, at: i64) -> Option<&Period> {
        let from = self.valid_from.is_none_or(|from| at >= from.as_millisecond());
        let to = self.valid_to.is_none_or(|to| at < to.as_millisecond());
        if !from || !to {
            return None;
        }
        let passed = match self.kind {
            Kind::Absolute(start) | Kind::Dynamic(start) => at - start.as_millisecond(),
            Kind::Relative => at - begun.as_millisecond(),
            Kind::Recurring(start, recurrency) => {
                let passed = at - start.as_millisecond();
                if passed < 0 { passed } else { passed.rem_euclid(recurrency.milliseconds()) }
            }
        };
        // K01.FR.11, K01.FR.12, K01.FR.30.
        if passed < 0 || self.duration.is_some_and(|duration| passed >= duration.saturating_mul(1000)) {
            return None;
        }
        self.periods.iter().rev().find(|period| period.start.saturating_mul(1000) <= passed)
    }

    /// When something may change between two times, in milliseconds of the epoch.
    pub fn changes(&self, begun: Timestamp, from: i64, to: i64, changes: &mut Vec<i64>) {
        let validity = [self.valid_from, self.valid_to];
        changes.extend(validity.into_iter().flatten().map(Timestamp::as_millisecond));
        let mut of_schedule = |start: i64| {
            changes.push(start);
            let seconds = self.periods.iter().map(|period| period.start).chain(self.duration);
            changes.extend(seconds.map(|second| start.saturating_add(second.saturating_mul(1000))));
        };
        match self.kind {
            Kind::Absolute(start) | Kind::Dynamic(start) => of_schedule(start.as_millisecond()),
            Kind::Relative => of_schedule(begun.as_millisecond()),
            Kind::Recurring(start, recurrency) => {
                let (start, every) = (start.as_millisecond(), recurrency.milliseconds());
                let first = (from - start).div_euclid(every).max(0);
                let last = (to - start).div_euclid(every).min(first.saturating_add(MOST_RECURRENCES));
                for number in first..=last {
                    of_schedule(start + number * every);
                }
            }
        }
    }
}

fn periods(list: &Value) -> Result<Vec<Period>, Unreadable> {
    let bad = Unreadable::Schedule;
    let read = |period: &Value| {
        Ok(Period {
            start: period["startPeriod"].as_i64().ok_or(bad)?,
            // The schema says where a limit may be missing.
            limit: match period.get("limit") {
                Some(limit) => limit.as_f64().and_then(Tenths::of).ok_or(bad)?,
                None => Tenths::UNLIMITED,
            },
            phases: period["numberPhases"].as_i64(),
            phase_to_use: period["phaseToUse"].as_i64(),
            flows: Flows::read(period)?,
        })
    };
    let periods: Vec<Period> = list.as_array().ok_or(bad)?.iter().map(read).collect::<Result<_, _>>()?;
    // K01.FR.31, K01.FR.35, K01.FR.19.
    let ordered = periods.windows(2).all(|pair| pair[0].start < pair[1].start);
    let phases = periods.iter().all(|period| {
        period.phases.is_none_or(|phases| (1..=3).contains(&phases))
            && period.phase_to_use.is_none_or(|phase| (1..=3).contains(&phase) && period.phases == Some(1))
    });
    if periods.first().is_none_or(|first| first.start != 0) || !ordered || !phases {
        return Err(bad);
    }
    Ok(periods)
}
