//! Bills that were worked out by hand.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::*;

const START: &str = "2026-01-05T08:59:30Z"; // a Monday

fn place() -> Place {
    Place { zone: TimeZone::UTC, kind: "AC", payment: (None, None) }
}

fn after(seconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_secs(seconds)
}

fn flow(energy: i64, charging: bool) -> Flow {
    Flow { energy: Decimal::from(energy), charging, watts: Decimal::from(7200), amperes: Decimal::from(31) }
}

fn tariff(parts: Value) -> Tariff {
    let mut tariff = json!({ "tariffId": "T", "currency": "EUR" });
    tariff.as_object_mut().unwrap().extend(parts.as_object().unwrap().clone());
    Tariff::read(&tariff).unwrap()
}

fn bill(parts: Value, stretches: &[(i64, Flow)]) -> Value {
    let mut bill = Bill::new(place(), after(0));
    bill.use_tariff(tariff(parts));
    for (to, flow) in stretches {
        bill.advance(after(*to), *flow);
    }
    bill.details(true).unwrap()
}

#[test]
fn each_kind_of_price_is_applied_to_what_it_is_for() {
    let parts = json!({
        "energy": { "prices": [{ "priceKwh": 0.3 }], "taxRates": [{ "type": "a", "tax": 4.5 }, { "type": "b", "tax": 5.5 }] },
        "chargingTime": { "prices": [{ "priceMinute": 0.1 }] },
        "idleTime": { "prices": [{ "priceMinute": 12 }] },
        "fixedFee": { "prices": [{ "priceFixed": 10 }], "taxRates": [{ "type": "a", "tax": 10 }, { "type": "b", "tax": 20, "stack": 1 }] },
    });
    let details = bill(parts, &[(60, flow(1000, true)), (90, flow(0, false))]);
    let cost = &details["totalCost"];
    // 1 kWh at 0.30, 10 % of tax; a minute and a half at 0.10; half a minute at 12; 10 + 10 %, and 20 % on that.
    assert_eq!((&cost["energy"]["exclTax"], &cost["energy"]["inclTax"]), (&json!(0.3), &json!(0.33)));
    assert_eq!(cost["chargingTime"]["exclTax"], json!(0.15));
    assert_eq!(cost["idleTime"]["inclTax"], json!(6));
    assert_eq!(cost["fixed"]["inclTax"], json!(13.2));
    assert_eq!(cost["total"], json!({ "exclTax": 16.45, "inclTax": 19.68 }));
    assert_eq!(details["totalUsage"], json!({ "energy": 1000, "chargingTime": 90, "idleTime": 30 }));
}

#[test]
fn a_price_counts_while_its_conditions_hold_and_begins_a_period() {
    let parts = json!({ "chargingTime": { "prices": [
        { "priceMinute": 6, "conditions": { "minTime": 30 } }, { "priceMinute": 60 },
    ] } });
    let details = bill(parts, &[(15, flow(10, true)), (45, flow(10, true))]);
    assert_eq!(details["totalCost"]["chargingTime"]["exclTax"], json!(31.5));
    let periods = details["chargingPeriods"].as_array().unwrap();
    let volumes: Vec<&Value> = periods.iter().map(|period| &period["dimensions"][0]["volume"]).collect();
    assert_eq!(volumes, [&json!(30), &json!(15)]);
    assert_eq!(periods[1]["startPeriod"], json!("2026-01-05T09:00:00.000Z"));
    // It becomes nine o'clock after half a minute.
    let hours = json!({ "chargingTime": { "prices": [
        { "priceMinute": 0, "conditions": { "startTimeOfDay": "08:00", "endTimeOfDay": "09:00" } }, { "priceMinute": 10 },
    ] } });
    assert_eq!(bill(hours, &[(90, flow(0, true))])["totalCost"]["chargingTime"]["exclTax"], json!(10));
}

#[test]
fn costs_stay_between_the_least_and_the_most() {
    let bounds = |extra: Value| {
        let mut parts =
            json!({ "chargingTime": { "prices": [{ "priceMinute": 60 }], "taxRates": [{ "type": "a", "tax": 20 }] } });
        parts.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        bill(parts, &[(20, flow(0, true)), (60, flow(0, true))])
    };
    let least = bounds(json!({ "minCost": { "exclTax": 61, "inclTax": 61 } }));
    assert_eq!(
        (&least["totalCost"]["typeOfCost"], &least["totalCost"]["total"]["exclTax"]),
        (&json!("MinCost"), &json!(61))
    );
    let most = bounds(json!({ "maxCost": { "exclTax": 35, "inclTax": 36 } }));
    assert_eq!(most["totalCost"]["typeOfCost"], "MaxCost");
    // 36 with taxes are 30 without: that is reached first.
    assert_eq!(most["totalCost"]["total"], json!({ "exclTax": 30, "inclTax": 36 }));
    assert_eq!(most["totalUsage"]["chargingTime"], 60);
}

#[test]
fn another_tariff_counts_from_then_on_and_the_first_from_the_start() {
    let mut bill = Bill::new(place(), after(0));
    bill.follows_reservation(after(-120));
    bill.advance(after(60), flow(0, true));
    let reserved = json!({
        "chargingTime": { "prices": [{ "priceMinute": 0.1 }] },
        "reservationTime": { "prices": [{ "priceMinute": 6 }] },
        "reservationFixed": { "prices": [{ "priceFixed": 20 }] },
    });
    bill.use_tariff(tariff(reserved));
    bill.advance(after(120), flow(0, true));
    bill.use_tariff(tariff(json!({ "chargingTime": { "prices": [{ "priceMinute": 1 }] }, "fixedFee": { "prices": [{ "priceFixed": 5 }] } })));
    bill.advance(after(180), flow(0, true));
    let cost = bill.details(true).unwrap()["totalCost"].clone();
    assert_eq!(cost["chargingTime"]["exclTax"], json!(1.2));
    assert_eq!((&cost["reservationTime"]["exclTax"], &cost["reservationFixed"]["exclTax"]), (&json!(12), &json!(20)));
    assert!(cost.get("fixed").is_none());
}

#[test]
fn a_tariff_that_makes_no_sense_is_not_read() {
    assert!(Tariff::read(&json!({ "tariffId": "T", "currency": "EUR" })).is_none());
    let hours = |start: &str| {
        json!({ "tariffId": "T", "currency": "EUR", "fixedFee": { "prices": [
        { "priceFixed": 1, "conditions": { "startTimeOfDay": start } } ] } })
    };
    assert!(Tariff::read(&hours("24:30")).is_none());
    assert!(Tariff::read(&hours("23:30")).is_some());
}

#[test]
fn costs_too_large_to_be_calculated_are_told_as_a_failure() {
    let details = bill(
        json!({
            "energy": { "prices": [{ "priceKwh": 5 }] },
            "chargingTime": { "prices": [{ "priceMinute": 1, "conditions": { "maxTime": 60 } }, { "priceMinute": 7e27 }] },
        }),
        &[(60, flow(1000, true)), (3660, flow(1000, true))],
    );
    assert_eq!(details["failureToCalculate"], json!(true));
    // What was known before stays, and usage is still counted.
    assert_eq!(details["totalCost"]["total"]["exclTax"], json!(6));
    assert_eq!(details["totalUsage"]["energy"], json!(2000));
    let taxes =
        json!({ "fixedFee": { "prices": [{ "priceFixed": 7e27 }], "taxRates": [{ "type": "a", "tax": 7e27 }] } });
    assert_eq!(bill(taxes, &[])["failureToCalculate"], json!(true));
    let sound = bill(json!({ "fixedFee": { "prices": [{ "priceFixed": 1 }] } }), &[]);
    assert!(sound.get("failureToCalculate").is_none());
}
