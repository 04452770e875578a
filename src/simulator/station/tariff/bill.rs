//! What a transaction costs: reckoned piece by piece, each with the prices that count in it.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::{
    Kind, Tariff,
    conditions::{Moment, Place, hold, look_at_the_clock},
    number, with_taxes,
};
use crate::clock::ocpp_time;

/// How energy has flowed since the last reckoning.
#[derive(Debug, Clone, Copy, Default)]
pub struct Flow {
    /// Wh.
    pub energy: Decimal,
    /// It flowed, or could have.
    pub charging: bool,
    /// Watts.
    pub watts: Decimal,
    /// Amperes, all phases.
    pub amperes: Decimal,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    excluding: Decimal,
    including: Decimal,
}

impl Sum {
    /// A price for a volume, with its taxes; none where the sum is too large.
    fn of(price: Decimal, volume: Decimal, taxes: Option<&Value>) -> Option<Self> {
        let excluding = price.checked_mul(volume)?;
        Some(Self { excluding, including: with_taxes(excluding, taxes)? })
    }

    fn plus(self, other: Self) -> Option<Self> {
        Some(Self {
            excluding: self.excluding.checked_add(other.excluding)?,
            including: self.including.checked_add(other.including)?,
        })
    }

    fn part(self, share: Decimal) -> Option<Self> {
        Some(Self { excluding: self.excluding.checked_mul(share)?, including: self.including.checked_mul(share)? })
    }
}

/// What was used, or what was used in a period: Wh and seconds.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    energy: Decimal,
    time: Decimal,
    idle: Decimal,
}

/// A time in which the same prices count.
#[derive(Debug, Clone)]
struct Period {
    tariff: String,
    start: Timestamp,
    prices: [Option<usize>; 3],
    usage: Usage,
}

/// The bill of a transaction.
#[derive(Debug, Clone)]
pub struct Bill {
    place: Place,
    started: Timestamp,
    /// Reckoned up to here.
    at: Timestamp,
    /// Seconds between the reservation and the start.
    reserved: Option<Decimal>,
    tariff: Option<Tariff>,
    /// What happened before there was a tariff.
    before: Vec<(Timestamp, Flow)>,
    usage: Usage,
    sums: [Option<Sum>; 6],
    periods: Vec<Period>,
    /// The most that the tariff allows is reached.
    frozen: bool,
    /// A sum could not be calculated (I12.FR.14).
    failed: bool,
}

/// What is priced as time passes.
const FLOWING: [Kind; 3] = [Kind::Energy, Kind::ChargingTime, Kind::IdleTime];
/// Most charging periods that are told; the last one goes on beyond.
const MOST_PERIODS: usize = 500;

fn seconds(from: Timestamp, to: Timestamp) -> Decimal {
    let passed = to.duration_since(from).as_millis();
    i64::try_from(passed).map_or(Decimal::ZERO, |passed| Decimal::new(passed.max(0), 3))
}

fn plus(time: Timestamp, seconds: Decimal) -> Timestamp {
    let millis = seconds.checked_mul(Decimal::ONE_THOUSAND).and_then(|millis| i64::try_from(millis).ok());
    let millis = millis.unwrap_or(i64::MAX / 2);
    time.checked_add(SignedDuration::from_millis(millis)).unwrap_or(time)
}

impl Bill {
    /// A transaction begins.
    pub fn new(place: Place, started: Timestamp) -> Self {
        Self {
            place,
            started,
            at: started,
            reserved: None,
            tariff: None,
            before: Vec::new(),
            usage: Usage::default(),
            sums: [None; 6],
            periods: Vec::new(),
            frozen: false,
            failed: false,
        }
    }

    /// The driver uses a reservation that was made then.
    pub fn follows_reservation(&mut self, made: Timestamp) {
        self.reserved = Some(seconds(made, self.started));
    }

    /// The tariff that counts.
    pub fn tariff(&self) -> Option<&Tariff> {
        self.tariff.as_ref()
    }

    /// A tariff counts from now on; the first one does from the start of the transaction (I07.FR.32, I11.FR.08).
    pub fn use_tariff(&mut self, tariff: Tariff) {
        let first = self.tariff.is_none();
        let zero = |kind: Kind| tariff.part(kind).map(|_| Sum::default());
        for kind in FLOWING {
            self.sums[kind as usize] = self.sums[kind as usize].or(zero(kind));
        }
        if first {
            let moment = Moment {
                at: self.started,
                place: &self.place,
                energy: Decimal::ZERO,
                amperes: Decimal::ZERO,
                watts: Decimal::ZERO,
                time: Decimal::ZERO,
                idle: Decimal::ZERO,
            };
            // I12.FR.30, I12.FR.06: they count once, at the start.
            let minutes = self.reserved.map(|reserved| reserved / Decimal::from(60));
            let once = [
                (Kind::Fixed, Some(Decimal::ONE)),
                (Kind::ReservationFixed, minutes.map(|_| Decimal::ONE)),
                (Kind::ReservationTime, minutes),
            ];
            for (kind, volume) in once {
                let Some((part, volume)) = tariff.part(kind).zip(volume) else { continue };
                let applies =
                    |price: &&super::Price| price.conditions.as_ref().is_none_or(|known| hold(known, &moment));
                if let Some(price) = part.prices.iter().find(applies) {
                    let sum = Sum::of(price.amount, volume, part.taxes.as_ref());
                    self.failed |= sum.is_none();
                    self.sums[kind as usize] = Some(sum.unwrap_or_default());
                }
            }
        }
        self.tariff = Some(tariff);
        if first {
            self.at = self.started;
            for (to, flow) in std::mem::take(&mut self.before) {
                self.advance(to, flow);
            }
        }
    }

    /// Time has passed.
    pub fn advance(&mut self, to: Timestamp, flow: Flow) {
        if to < self.at {
            return;
        }
        let Some(tariff) = self.tariff.clone() else {
            match self.before.last_mut() {
                Some((at, last)) if last.charging == flow.charging => {
                    *at = to;
                    last.energy += flow.energy;
                }
                _ => self.before.push((to, flow)),
            }
            self.at = to;
            return;
        };
        let whole = seconds(self.at, to);
        let mut left = flow.energy;
        for end in self.ends_of_pieces(&tariff, to, flow.charging) {
            let length = seconds(self.at, end);
            let energy = if end == to || whole.is_zero() { left } else { flow.energy * length / whole };
            left -= energy;
            self.piece(&tariff, end, Flow { energy, ..flow });
        }
    }

    /// When a price that depends on the time may change, up to the end.
    fn ends_of_pieces(&self, tariff: &Tariff, to: Timestamp, charging: bool) -> Vec<Timestamp> {
        let mut ends = vec![to];
        for conditions in tariff.conditions() {
            for name in ["minTime", "maxTime", "minChargingTime", "maxChargingTime"] {
                ends.extend(super::decimal(&conditions[name]).map(|limit| plus(self.started, limit)));
            }
            for name in ["minIdleTime", "maxIdleTime"] {
                let limit = super::decimal(&conditions[name]).filter(|_| !charging);
                ends.extend(limit.map(|limit| plus(self.at, limit - self.usage.idle)));
            }
        }
        if tariff.conditions().any(look_at_the_clock) {
            // In every zone the minutes begin with those of the system time.
            let first = self.at.as_second().div_euclid(60) + 1;
            let last = to.as_second().div_euclid(60);
            ends.extend((first..=last).filter_map(|minute| Timestamp::from_second(minute * 60).ok()));
        }
        ends.retain(|end| *end > self.at && *end <= to || *end == to);
        ends.sort_unstable();
        ends.dedup();
        ends
    }

    fn piece(&mut self, tariff: &Tariff, end: Timestamp, flow: Flow) {
        let moment = Moment {
            at: self.at,
            place: &self.place,
            energy: self.usage.energy,
            amperes: flow.amperes,
            watts: flow.watts,
            time: self.usage.time,
            idle: self.usage.idle,
        };
        // I12.FR.33, I12.FR.34
        let counts = |kind: Kind| {
            let prices = &tariff.part(kind)?.prices;
            prices.iter().position(|price| price.conditions.as_ref().is_none_or(|known| hold(known, &moment)))
        };
        let prices = FLOWING.map(counts);
        let time = seconds(self.at, end);
        let usage = Usage { energy: flow.energy, time, idle: if flow.charging { Decimal::ZERO } else { time } };
        let same = |period: &Period| period.prices == prices && period.tariff == tariff.id;
        if !self.periods.last().is_some_and(same) && self.periods.len() < MOST_PERIODS {
            // I12.FR.35, I12.FR.36
            let (tariff, start) = (tariff.id.clone(), self.at);
            self.periods.push(Period { tariff, start, prices, usage: Usage::default() });
        }
        let in_period = self.periods.last_mut().map(|period| &mut period.usage);
        for total in [Some(&mut self.usage), in_period].into_iter().flatten() {
            total.energy += usage.energy;
            total.time += usage.time;
            total.idle += usage.idle;
        }
        self.at = end;
        if self.frozen {
            return;
        }
        let minute = Decimal::from(60);
        let volumes = [usage.energy / Decimal::ONE_THOUSAND, usage.time / minute, usage.idle / minute];
        if self.add(tariff, prices, volumes).is_none() {
            self.failed = true;
        }
    }

    /// Adds what was used to the sums; none where one of them becomes too large, and all stay as they are.
    fn add(&mut self, tariff: &Tariff, prices: [Option<usize>; 3], volumes: [Decimal; 3]) -> Option<()> {
        let mut added = [Sum::default(); 3];
        for (((kind, price), volume), added) in FLOWING.into_iter().zip(prices).zip(volumes).zip(&mut added) {
            let Some((part, price)) = tariff.part(kind).zip(price) else { continue };
            *added = Sum::of(part.prices[price].amount, volume, part.taxes.as_ref())?;
        }
        let share = self.share_below_the_most(tariff, &added)?;
        let mut sums = self.sums;
        for (kind, added) in FLOWING.into_iter().zip(added) {
            if let Some(sum) = &mut sums[kind as usize] {
                *sum = sum.plus(added.part(share)?)?;
            }
        }
        self.sums = sums;
        self.total().map(|_| ())
    }

    /// How much of what is added leaves the costs below the most that the tariff allows (I12.FR.39).
    fn share_below_the_most(&mut self, tariff: &Tariff, added: &[Sum; 3]) -> Option<Decimal> {
        let Some(most) = &tariff.most else { return Some(Decimal::ONE) };
        let total = self.total()?;
        let added = added.iter().try_fold(Sum::default(), |sum, one| sum.plus(*one))?;
        let after = total.plus(added)?;
        let pairs = [
            (most.excluding, total.excluding, after.excluding, added.excluding),
            (most.including, total.including, after.including, added.including),
        ];
        let mut share = Decimal::ONE;
        for (most, total, after, added) in pairs {
            let Some(most) = most.filter(|most| after >= *most) else { continue };
            self.frozen = true;
            let room = most.checked_sub(total)?.max(Decimal::ZERO);
            share = share.min(if added.is_zero() { Decimal::ZERO } else { room.checked_div(added)? });
        }
        Some(share)
    }

    fn total(&self) -> Option<Sum> {
        self.sums.iter().flatten().try_fold(Sum::default(), |total, sum| total.plus(*sum))
    }

    /// True when a sum could not be calculated (I12.FR.14).
    pub fn failed(&self) -> bool {
        self.failed
    }

    /// What it costs so far, with taxes.
    pub fn cost(&self) -> Decimal {
        self.total().unwrap_or_default().including
    }

    /// The CostDetailsType, with the charging periods of a transaction that has ended.
    pub fn details(&self, ended: bool) -> Option<Value> {
        let tariff = self.tariff.as_ref()?;
        let rounded = |sum: &Sum| (number(sum.excluding), number(sum.including));
        let total = self.total().unwrap_or_default();
        let below = |least: &super::Bound| {
            least.excluding.is_some_and(|least| total.excluding < least)
                || least.including.is_some_and(|least| total.including < least)
        };
        let least = tariff.least.as_ref().filter(|least| ended && below(least));
        let mut cost = json!({ "currency": tariff.currency, "typeOfCost": "NormalCost" });
        if let Some(least) = least {
            // I12.FR.38
            cost["typeOfCost"] = "MinCost".into();
            cost["fixed"] = least.price.clone();
            cost["total"] = json!({});
            for member in ["exclTax", "inclTax"] {
                if let Some(price) = least.price.get(member) {
                    cost["total"][member] = price.clone();
                }
            }
        } else {
            if self.frozen {
                cost["typeOfCost"] = "MaxCost".into();
            }
            for kind in Kind::ALL {
                let Some(sum) = &self.sums[kind as usize] else { continue };
                let (excluding, including) = rounded(sum);
                cost[kind.of_cost()] = json!({ "exclTax": excluding, "inclTax": including });
                if let Some(taxes) = tariff.part(kind).and_then(|part| part.taxes.as_ref()) {
                    cost[kind.of_cost()]["taxRates"] = taxes.clone();
                }
            }
            let (excluding, including) = rounded(&total);
            cost["total"] = json!({ "exclTax": excluding, "inclTax": including });
        }
        let mut usage = json!({
            "energy": number(self.usage.energy),
            "chargingTime": number(self.usage.time.round()),
            "idleTime": number(self.usage.idle.round()),
        });
        if let Some(reserved) = self.reserved {
            usage["reservationTime"] = number(reserved.round());
        }
        let mut details = json!({ "totalCost": cost, "totalUsage": usage });
        if self.failed {
            // I12.FR.14: the rest is what it knows.
            details["failureToCalculate"] = true.into();
            details["failureReason"] = "the costs are too large to be calculated".into();
        }
        if ended && !self.periods.is_empty() {
            details["chargingPeriods"] = self.periods.iter().map(|period| self.period(period)).collect();
        }
        Some(details)
    }

    fn period(&self, period: &Period) -> Value {
        let volumes = [
            ("Energy", Kind::Energy, period.usage.energy),
            ("ChargingTime", Kind::ChargingTime, period.usage.time),
            ("IdleTIme", Kind::IdleTime, period.usage.idle),
        ];
        let told = volumes
            .into_iter()
            .filter(|(_, kind, _)| *kind == Kind::ChargingTime || self.sums[*kind as usize].is_some())
            .map(|(name, _, volume)| json!({ "type": name, "volume": number(volume) }));
        json!({ "tariffId": period.tariff, "startPeriod": ocpp_time(period.start), "dimensions": told.collect::<Vec<_>>() })
    }
}
