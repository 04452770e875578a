//! Tariffs (OCPP 2.1, block I): what they say, when a price counts, and what a transaction costs.
//!
//! All sums are decimal numbers. It knows no message: [`Tariff`] reads a TariffType, [`Bill`] makes a CostDetailsType.

mod bill;
mod conditions;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::Value;

pub use self::{
    bill::{Bill, Flow},
    conditions::Place,
};

/// A number of a message.
pub fn decimal(value: &Value) -> Option<Decimal> {
    let text = value.as_number()?.to_string();
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok())
}

/// A number for a message, with four decimals at most.
pub fn number(value: Decimal) -> Value {
    let text = value.round_dp_with_strategy(4, rust_decimal::RoundingStrategy::MidpointAwayFromZero).normalize();
    serde_json::from_str(&text.to_string()).unwrap_or_default()
}

/// What a part of a tariff is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Energy.
    Energy,
    /// The time of the session.
    ChargingTime,
    /// The time without energy.
    IdleTime,
    /// What a transaction costs at any rate.
    Fixed,
    /// The time of the reservation.
    ReservationTime,
    /// What a reservation costs at any rate.
    ReservationFixed,
}

impl Kind {
    /// All, in the order of their declaration.
    pub const ALL: [Self; 6] =
        [Self::Energy, Self::ChargingTime, Self::IdleTime, Self::Fixed, Self::ReservationTime, Self::ReservationFixed];

    /// The member of a TariffType.
    pub fn of_tariff(self) -> &'static str {
        if self == Self::Fixed { "fixedFee" } else { self.of_cost() }
    }

    /// The member of a TotalCostType.
    pub fn of_cost(self) -> &'static str {
        match self {
            Self::Energy => "energy",
            Self::ChargingTime => "chargingTime",
            Self::IdleTime => "idleTime",
            Self::Fixed => "fixed",
            Self::ReservationTime => "reservationTime",
            Self::ReservationFixed => "reservationFixed",
        }
    }

    fn of_price(self) -> &'static str {
        match self {
            Self::Energy => "priceKwh",
            Self::ChargingTime | Self::IdleTime | Self::ReservationTime => "priceMinute",
            Self::Fixed | Self::ReservationFixed => "priceFixed",
        }
    }
}

/// A price, and when it counts.
#[derive(Debug, Clone)]
struct Price {
    amount: Decimal,
    conditions: Option<Value>,
}

/// The prices of one kind, the first that counts being the one, and their taxes.
#[derive(Debug, Clone)]
struct Part {
    prices: Vec<Price>,
    taxes: Option<Value>,
}

/// The least or the most that a transaction costs.
#[derive(Debug, Clone)]
struct Bound {
    excluding: Option<Decimal>,
    including: Option<Decimal>,
    price: Value,
}

/// A tariff.
#[derive(Debug, Clone)]
pub struct Tariff {
    /// Its id.
    pub id: String,
    /// Its currency.
    pub currency: String,
    /// When it begins to hold.
    pub valid_from: Option<Timestamp>,
    /// That time as it was sent.
    pub valid_from_text: Option<String>,
    parts: [Option<Part>; 6],
    least: Option<Bound>,
    most: Option<Bound>,
}

impl Tariff {
    /// Reads a TariffType; none if it makes no sense: without any price, or with conditions that are not what they should be.
    pub fn read(tariff: &Value) -> Option<Self> {
        let part = |kind: Kind| {
            let of_kind = tariff.get(kind.of_tariff())?;
            let prices = of_kind["prices"].as_array()?.iter();
            let price = |price: &Value| {
                let amount = decimal(&price[kind.of_price()])?;
                Some(Price { amount, conditions: price.get("conditions").cloned() })
            };
            let prices: Vec<Price> = prices.filter_map(price).collect();
            Some(Part { prices, taxes: of_kind.get("taxRates").cloned() })
        };
        let bound = |name: &str| {
            let price = tariff.get(name)?;
            let (excluding, including) = (decimal(&price["exclTax"]), decimal(&price["inclTax"]));
            Some(Bound { excluding, including, price: price.clone() })
        };
        let text = |name: &str| tariff[name].as_str().map(str::to_owned);
        let read = Self {
            id: text("tariffId")?,
            currency: text("currency")?,
            valid_from: text("validFrom").and_then(|time| time.parse().ok()),
            valid_from_text: text("validFrom"),
            parts: Kind::ALL.map(part),
            least: bound("minCost"),
            most: bound("maxCost"),
        };
        let priced = [Kind::Energy, Kind::ChargingTime, Kind::IdleTime, Kind::Fixed];
        let sensible = priced.into_iter().any(|kind| read.part(kind).is_some())
            && read.conditions().all(conditions::are_valid)
            && read.parts.iter().flatten().all(|part| !part.prices.is_empty());
        sensible.then_some(read)
    }

    fn part(&self, kind: Kind) -> Option<&Part> {
        self.parts[kind as usize].as_ref()
    }

    fn conditions(&self) -> impl Iterator<Item = &Value> {
        let prices = self.parts.iter().flatten().flat_map(|part| &part.prices);
        prices.filter_map(|price| price.conditions.as_ref())
    }
}

/// The most prices that a TariffType has in one of its parts.
pub fn most_prices(tariff: &Value) -> usize {
    let prices = |kind: Kind| tariff[kind.of_tariff()]["prices"].as_array().map_or(0, Vec::len);
    Kind::ALL.into_iter().map(prices).max().unwrap_or(0)
}

/// True if a TariffType has a price with conditions.
pub fn has_conditions(tariff: &Value) -> bool {
    let of = |kind: Kind| tariff[kind.of_tariff()]["prices"].as_array().into_iter().flatten();
    Kind::ALL.into_iter().flat_map(of).any(|price| price.get("conditions").is_some())
}

/// What taxes make of an amount: those of a stack together, one stack after the other (I12.FR.13). None where the sum is too large to be
/// calculated.
fn with_taxes(amount: Decimal, taxes: Option<&Value>) -> Option<Decimal> {
    let mut rates: Vec<(i64, Decimal)> = taxes
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|rate| Some((rate["stack"].as_i64().unwrap_or(0), decimal(&rate["tax"])?)))
        .collect();
    rates.sort_by_key(|(stack, _)| *stack);
    rates.chunk_by(|one, other| one.0 == other.0).try_fold(amount, |amount, stack| {
        let percent = stack.iter().try_fold(Decimal::ZERO, |sum, (_, rate)| sum.checked_add(*rate))?;
        amount.checked_add(amount.checked_mul(percent)?.checked_div(Decimal::ONE_HUNDRED)?)
    })
}
