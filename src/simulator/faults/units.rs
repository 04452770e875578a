//! Times and sizes as they are read again.

use std::time::Duration;

/// A number in the largest unit in which it is whole.
fn in_units(number: u64, units: &[(&str, u64)]) -> String {
    let unit = units.iter().rev().find(|(_, factor)| number.is_multiple_of(*factor) && number > 0);
    let (name, factor) = unit.or(units.first()).copied().unwrap_or(("", 1));
    format!("{}{name}", number / factor)
}

pub(super) fn time(time: Duration) -> String {
    in_units(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), &[("ms", 1), ("s", 1000)])
}

pub(super) fn bytes(size: u64) -> String {
    in_units(size, &[("B", 1), ("kB", 1000), ("MB", 1_000_000)])
}
