//! What a tariff of OCPP 2.1 makes of what was used, for checks: worked out from the tariff and the usage alone, in decimal numbers.
//!
//! Which price counts in a stretch of a transaction the test case says; it is the first one of a kind unless it does.

use jiff::{Timestamp, tz::TimeZone};
use minijinja::{Environment, Error, ErrorKind, value::Serde};
use rust_decimal::{Decimal, prelude::ToPrimitive as _};
use serde_json::{Value, json};

/// Where costs are, where their prices are, the unit price, the usage that they are for, and how much of that is one unit.
const PARTS: [(&str, &str, &str, &str, i64); 6] = [
    ("energy", "energy", "priceKwh", "energy", 1000),
    ("chargingTime", "chargingTime", "priceMinute", "chargingTime", 60),
    ("idleTime", "idleTime", "priceMinute", "idleTime", 60),
    ("fixed", "fixedFee", "priceFixed", "", 1),
    ("reservationTime", "reservationTime", "priceMinute", "reservationTime", 60),
    ("reservationFixed", "reservationFixed", "priceFixed", "reservationTime", 1),
];

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.add_function("tariff_cost", |tariff: Serde<Value>, usage: Serde<Value>| {
        minijinja::Value::from(Serde(cost(&tariff.0, &usage.0)))
    });
    environment.add_function("with_taxes", |amount: Serde<Value>, rates: Serde<Value>| {
        number(with_taxes(decimal(&amount.0), &rates.0))
    });
    environment.add_function("same_taxes", |one: Serde<Value>, other: Serde<Value>| taxes(&one.0) == taxes(&other.0));
    environment.add_function("cost_sum", |cost: Serde<Value>, member: String| {
        number(PARTS.iter().map(|(name, ..)| decimal(&cost.0[name][&member])).sum())
    });
    environment.add_function("energy_of", |event: Serde<Value>| {
        energy(&event.0).map_or(minijinja::Value::from(()), minijinja::Value::from)
    });
    environment.add_function("volume_of", |periods: Serde<Value>, dimension: String| {
        volume(&periods.0, &dimension).map_or(minijinja::Value::from(()), |volume| number(volume).into())
    });
    environment.add_function("time_of_day", |time: String, zone: String| time_of_day(&time, &zone));
}

fn decimal(value: &Value) -> Decimal {
    let text = value.as_number().map(ToString::to_string).unwrap_or_default();
    text.parse().ok().or_else(|| Decimal::from_scientific(&text).ok()).unwrap_or_default()
}

fn number(value: Decimal) -> f64 {
    value.round_dp(6).to_f64().unwrap_or(f64::NAN)
}

/// The taxes of each stack are added to what the stacks before have made (I12.FR.13).
fn with_taxes(amount: Decimal, rates: &Value) -> Decimal {
    let mut rates = taxes(rates);
    rates.sort_by_key(|(stack, ..)| *stack);
    let mut sum = amount;
    let mut base = amount;
    let mut last = None;
    for (stack, percent, _) in rates {
        if last != Some(stack) {
            base = sum;
            last = Some(stack);
        }
        sum += base * percent / Decimal::ONE_HUNDRED;
    }
    sum
}

/// Taxes as they can be compared: stack, percentage, and type.
fn taxes(rates: &Value) -> Vec<(i64, Decimal, String)> {
    let each = rates.as_array().into_iter().flatten();
    let mut taxes: Vec<_> = each
        .map(|rate| {
            let kind = rate["type"].as_str().unwrap_or_default().to_owned();
            (rate["stack"].as_i64().unwrap_or(0), decimal(&rate["tax"]).normalize(), kind)
        })
        .collect();
    taxes.sort();
    taxes
}

/// The parts of the costs, whether the tariff has prices for them, and how far off they may be: a cent, a second, a watt-hour.
fn cost(tariff: &Value, usage: &Value) -> Value {
    let single = std::slice::from_ref(usage);
    let stretches = usage.as_array().map_or(single, Vec::as_slice);
    let cent = Decimal::new(1, 2);
    let parts = PARTS.map(|(name, member, unit_price, used, unit)| {
        let reserved = !name.starts_with("reservation") || stretches.iter().any(|stretch| stretch.get(used).is_some());
        let prices = tariff[member]["prices"].as_array().filter(|_| reserved);
        let (mut sum, mut dearest) = (Decimal::ZERO, Decimal::ZERO);
        for (at, stretch) in stretches.iter().enumerate() {
            let chosen = stretch["prices"][name].as_u64().and_then(|at| usize::try_from(at).ok()).unwrap_or(0);
            let price =
                prices.and_then(|prices| prices.get(chosen)).map_or(Decimal::ZERO, |price| decimal(&price[unit_price]));
            let volume = match unit {
                1 if at == 0 => Decimal::ONE,
                1 => Decimal::ZERO,
                unit => decimal(&stretch[used]) / Decimal::from(unit),
            };
            sum += price * volume;
            dearest = dearest.max(if unit == 1 { Decimal::ZERO } else { price / Decimal::from(unit) });
        }
        let rates = &tariff[member]["taxRates"];
        let within = cent + dearest;
        json!({
            "name": name,
            "counts": prices.is_some(),
            "exclTax": number(sum),
            "inclTax": number(with_taxes(sum, rates)),
            "within": number(within),
            "taxRates": rates,
        })
    });
    Value::Array(parts.to_vec())
}

/// What charging periods have of a dimension, if any has it.
fn volume(periods: &Value, dimension: &str) -> Option<Decimal> {
    let all = periods.as_array()?.iter().flat_map(|period| period["dimensions"].as_array().into_iter().flatten());
    let of_kind = all.filter(|known| known["type"] == dimension);
    of_kind.fold(None, |sum, known| Some(sum.unwrap_or_default() + decimal(&known["volume"])))
}

/// The last reading of the energy register that an event has, Wh.
fn energy(event: &Value) -> Option<f64> {
    let mut readings =
        event["meterValue"].as_array()?.iter().flat_map(|value| value["sampledValue"].as_array().into_iter().flatten());
    let register = |sample: &&Value| {
        let measurand = sample["measurand"].as_str().unwrap_or("Energy.Active.Import.Register");
        measurand == "Energy.Active.Import.Register" && sample.get("phase").is_none()
    };
    let sample = readings.rfind(register)?;
    let unit = &sample["unitOfMeasure"];
    let kilo = if unit["unit"].as_str().unwrap_or("Wh") == "kWh" { 3 } else { 0 };
    let multiplier = i32::try_from(unit["multiplier"].as_i64().unwrap_or(0)).ok()?;
    Some(sample["value"].as_f64()? * 10_f64.powi(multiplier + kilo))
}

/// The time of day in a zone of the IANA database, or at an offset.
fn time_of_day(time: &str, zone: &str) -> Result<String, Error> {
    let bad = |reason: String| Error::new(ErrorKind::InvalidOperation, reason);
    let time: Timestamp = time.parse().map_err(|error| bad(format!("{error}")))?;
    let zone = match zone.strip_prefix(['+', '-']).and_then(|rest| rest.split_once(':')) {
        Some((hours, minutes)) => {
            let seconds = hours.parse::<i32>().ok().zip(minutes.parse::<i32>().ok());
            let seconds = seconds.map(|(hours, minutes)| (hours * 60 + minutes) * 60);
            let signed = seconds.map(|seconds| if zone.starts_with('-') { -seconds } else { seconds });
            let offset = signed.and_then(|seconds| jiff::tz::Offset::from_seconds(seconds).ok());
            TimeZone::fixed(offset.ok_or_else(|| bad(format!("`{zone}` is no offset")))?)
        }
        None => TimeZone::get(zone).map_err(|error| bad(format!("{error}")))?,
    };
    Ok(time.to_zoned(zone).strftime("%H:%M").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(tariff: &Value, usage: &Value, name: &str) -> Value {
        let parts = cost(tariff, usage);
        parts.as_array().unwrap().iter().find(|part| part["name"] == name).unwrap().clone()
    }

    #[test]
    fn costs_are_those_worked_out_by_hand() {
        let taxes = json!([{ "type": "a", "tax": 4.5 }, { "type": "b", "tax": 5.5 }]);
        let tariff = json!({
            "energy": { "prices": [{ "priceKwh": 0.3 }], "taxRates": taxes },
            "chargingTime": { "prices": [{ "priceMinute": 6 }, { "priceMinute": 60 }] },
            "fixedFee": { "prices": [{ "priceFixed": 10 }] },
            "reservationTime": { "prices": [{ "priceMinute": 6 }] },
        });
        let usage = json!([
            { "energy": 600, "chargingTime": 30, "prices": { "chargingTime": 1 } },
            { "energy": 400, "chargingTime": 15 },
        ]);
        // 1 kWh at 0.30 with 10 %; half a minute at 60, a quarter at 6; a fee once; no reservation.
        let energy = part(&tariff, &usage, "energy");
        assert_eq!((&energy["exclTax"], &energy["inclTax"]), (&json!(0.3), &json!(0.33)));
        assert_eq!(part(&tariff, &usage, "chargingTime")["exclTax"], 31.5);
        assert_eq!(part(&tariff, &usage, "chargingTime")["within"], 1.01);
        assert_eq!(part(&tariff, &usage, "fixed")["exclTax"], 10.0);
        assert_eq!(part(&tariff, &usage, "idleTime")["counts"], false);
        assert_eq!(part(&tariff, &usage, "reservationTime")["counts"], false);
        let reserved = json!({ "energy": 0, "reservationTime": 90 });
        assert_eq!(part(&tariff, &reserved, "reservationTime")["exclTax"], 9.0);
    }

    #[test]
    fn taxes_of_one_stack_are_added_and_stacks_follow_each_other() {
        let rates =
            json!([{ "type": "vat", "tax": 20, "stack": 1 }, { "type": "a", "tax": 6 }, { "type": "b", "tax": 4 }]);
        // 100 + 6 + 4, and 20 % of that.
        assert_eq!(with_taxes(Decimal::ONE_HUNDRED, &rates), Decimal::from(132));
        assert_eq!(with_taxes(Decimal::TEN, &Value::Null), Decimal::TEN);
        assert_eq!(
            taxes(&json!([{ "type": "a", "tax": 5.0 }])),
            taxes(&json!([{ "type": "a", "tax": 5, "stack": 0 }]))
        );
    }

    #[test]
    fn energy_is_the_last_reading_of_the_whole_register() {
        let sample = |value: f64, more: Value| {
            let mut sample = json!({ "value": value });
            sample.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            sample
        };
        let event = json!({ "meterValue": [
            { "sampledValue": [sample(9.0, json!({}))] },
            { "sampledValue": [
                sample(1.5, json!({ "unitOfMeasure": { "unit": "kWh" } })),
                sample(7.0, json!({ "phase": "L1" })),
                sample(8.0, json!({ "measurand": "Voltage" })),
            ] },
        ] });
        assert_eq!(energy(&event), Some(1500.0));
        assert_eq!(energy(&json!({})), None);
    }

    #[test]
    fn volumes_of_all_periods_are_added() {
        let period = |kind: &str, volume: f64| json!({ "dimensions": [{ "type": kind, "volume": volume }] });
        let periods = json!([period("Energy", 1.5), period("ChargingTime", 30.0), period("Energy", 2.0)]);
        assert_eq!(volume(&periods, "Energy"), Some(Decimal::new(35, 1)));
        assert_eq!(volume(&periods, "IdleTIme"), None);
    }

    #[test]
    fn the_time_of_day_is_that_of_the_zone() {
        let told = |zone: &str| time_of_day("2026-01-05T23:30:10Z", zone).map_err(|_| ());
        assert_eq!(told("UTC").unwrap(), "23:30");
        assert_eq!(told("-01:30").unwrap(), "22:00");
        assert_eq!(told("Europe/Amsterdam").unwrap(), "00:30");
        assert!(told("Nowhere").is_err());
    }
}
