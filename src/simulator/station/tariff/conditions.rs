//! When a price counts (TariffConditionsType, TariffConditionsFixedType).

use jiff::{
    Timestamp,
    civil::{Date, Time},
    tz::TimeZone,
};
use rust_decimal::Decimal;
use serde_json::Value;

use super::decimal;

/// What does not change during a transaction.
#[derive(Debug, Clone)]
pub struct Place {
    /// Where times of day are.
    pub zone: TimeZone,
    /// `AC` or `DC`.
    pub kind: &'static str,
    /// What the driver pays with, where that is known.
    pub payment: (Option<String>, Option<String>),
}

/// A moment of a transaction.
#[derive(Debug, Clone)]
pub(super) struct Moment<'p> {
    pub at: Timestamp,
    pub place: &'p Place,
    /// Wh.
    pub energy: Decimal,
    pub amperes: Decimal,
    pub watts: Decimal,
    /// Seconds.
    pub time: Decimal,
    pub idle: Decimal,
}

fn time(value: &Value) -> Option<Time> {
    Time::strptime("%H:%M", value.as_str()?).ok()
}

fn date(value: &Value) -> Option<Date> {
    value.as_str()?.parse().ok()
}

/// True if every time and date can be read.
pub(super) fn are_valid(conditions: &Value) -> bool {
    let readable = |name: &str, read: &dyn Fn(&Value) -> bool| conditions.get(name).is_none_or(read);
    ["startTimeOfDay", "endTimeOfDay"].into_iter().all(|name| readable(name, &|value| time(value).is_some()))
        && ["validFromDate", "validToDate"].into_iter().all(|name| readable(name, &|value| date(value).is_some()))
}

/// True if they depend on the time of the day, or on the day.
pub(super) fn look_at_the_clock(conditions: &Value) -> bool {
    ["startTimeOfDay", "endTimeOfDay", "dayOfWeek", "validFromDate", "validToDate"]
        .into_iter()
        .any(|name| conditions.get(name).is_some())
}

/// True if all of them hold.
pub(super) fn hold(conditions: &Value, moment: &Moment) -> bool {
    let now = moment.at.to_zoned(moment.place.zone.clone());
    let (day, clock) = (now.date(), now.time());
    let within = |least: &str, most: &str, value: Decimal| {
        decimal(&conditions[least]).is_none_or(|least| value >= least)
            && decimal(&conditions[most]).is_none_or(|most| value < most)
    };
    let text = |name: &str| conditions[name].as_str();
    let midnight = Time::midnight();
    let start = time(&conditions["startTimeOfDay"]).unwrap_or(midnight);
    let end = time(&conditions["endTimeOfDay"]).unwrap_or(midnight);
    let in_hours = match (start, end) {
        (start, end) if start == end => true,
        (start, end) if end == midnight || start < end => clock >= start && (end == midnight || clock < end),
        (start, end) => clock >= start || clock < end,
    };
    let on_day = conditions["dayOfWeek"].as_array().is_none_or(|days| {
        let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
        let today = names[usize::try_from(day.weekday().to_monday_zero_offset()).unwrap_or(0)];
        days.iter().any(|name| name == today)
    });
    let (brand, recognition) = &moment.place.payment;
    in_hours
        && on_day
        && date(&conditions["validFromDate"]).is_none_or(|from| day >= from)
        && date(&conditions["validToDate"]).is_none_or(|to| day < to)
        && text("evseKind").is_none_or(|kind| kind == moment.place.kind)
        && text("paymentBrand").is_none_or(|wanted| brand.as_deref() == Some(wanted))
        && text("paymentRecognition").is_none_or(|wanted| recognition.as_deref() == Some(wanted))
        && within("minEnergy", "maxEnergy", moment.energy)
        && within("minCurrent", "maxCurrent", moment.amperes)
        && within("minPower", "maxPower", moment.watts)
        && within("minTime", "maxTime", moment.time)
        && within("minChargingTime", "maxChargingTime", moment.time)
        && within("minIdleTime", "maxIdleTime", moment.idle)
}
