//! Distributions as SVG. Only numbers of ours go in, so nothing needs escaping.

use serde::Serialize;

/// The time axis shared by every histogram of a report: logarithmic, from a millisecond on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    decades: usize,
}

/// The left end of the axis, seconds.
const FROM: f64 = 0.001;
/// Bars per decade.
const PER_DECADE: usize = 8;

/// What a template needs to draw a histogram in a box of 100 by 100.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Histogram {
    /// The bars as one path.
    pub(super) bars: String,
    /// Marked places (percentiles, limit): x, and a class.
    pub(super) marks: Vec<(f64, &'static str)>,
    /// The decades: x, and what stands there.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis that holds all of these.
    pub(super) fn for_values(values: impl Iterator<Item = f64>) -> Self {
        let largest = values.fold(1.0, f64::max);
        let decades = (1..=8).find(|decades| FROM * 10_f64.powi(*decades) >= largest).unwrap_or(8);
        Self { decades: usize::try_from(decades).unwrap_or(8) }
    }

    /// Where a time lies, 0 to 100.
    #[allow(clippy::cast_precision_loss)]
    fn x(self, seconds: f64) -> f64 {
        let place = (seconds.max(FROM) / FROM).log10() / self.decades as f64;
        (place * 1000.0).round().clamp(0.0, 1000.0) / 10.0
    }

    /// A histogram of sorted samples.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    pub(super) fn histogram(self, samples: &[f64], marks: &[(Option<f64>, &'static str)]) -> Histogram {
        let count = self.decades * PER_DECADE;
        let mut bins = vec![0_usize; count];
        for sample in samples {
            let at = (self.x(*sample) / 100.0 * count as f64) as usize;
            if let Some(bin) = bins.get_mut(at.min(count - 1)) {
                *bin += 1;
            }
        }
        let highest = bins.iter().copied().max().unwrap_or(0).max(1) as f64;
        let width = 100.0 / count as f64;
        let mut bars = String::new();
        for (index, bin) in bins.iter().enumerate().filter(|(_, bin)| **bin > 0) {
            // What was seen once stays visible beside what was seen a thousand times.
            let height = (*bin as f64 / highest * 100.0).max(4.0);
            let (left, wide) = (index as f64 * width, width * 0.86);
            bars.push_str(&format!("M{left:.2} 100v-{height:.1}h{wide:.2}v{height:.1}z"));
        }
        let name = |decade: usize| match decade {
            0..=2 => format!("{} ms", 10_u32.pow(decade as u32)),
            _ => format!("{} s", 10_u32.pow(decade as u32 - 3)),
        };
        Histogram {
            bars,
            marks: marks.iter().filter_map(|(at, class)| Some((self.x((*at)?), *class))).collect(),
            ticks: (0..=self.decades)
                .map(|decade| (decade as f64 / self.decades as f64 * 100.0, name(decade)))
                .collect(),
        }
    }
}

/// A time as people read it: `151 ms`, `2.04 s`, `3 min 20 s`.
pub(crate) fn time(seconds: f64) -> String {
    if seconds < 0.9995 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 99.95 {
        format!("{seconds:.2} s")
    } else {
        span(seconds)
    }
}

/// How long something took: `12.0 s`, `3 min 20 s`, `2 h 04 min`.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) fn span(seconds: f64) -> String {
    if seconds < 99.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_lie_where_they_belong() {
        let axis = Axis::for_values([0.2, 10.0].into_iter());
        assert_eq!(axis.decades, 4);
        let drawn =
            axis.histogram(&[0.0, 0.001, 0.1, 10.0], &[(Some(10.0), "limit"), (None, "p50"), (Some(0.1), "p90")]);
        assert_eq!(drawn.marks, [(100.0, "limit"), (50.0, "p90")]);
        assert_eq!(drawn.bars.matches('M').count(), 3);
        assert!(drawn.bars.starts_with("M0.00 100v-100.0"), "{}", drawn.bars);
        assert_eq!(
            drawn.ticks.iter().map(|tick| tick.1.as_str()).collect::<Vec<_>>(),
            ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]
        );
        assert_eq!(axis.histogram(&[], &[]).bars, "");
    }

    #[test]
    fn times_are_readable() {
        let shown: Vec<String> = [0.0, 0.151, 0.9999, 2.039, 99.96, 200.2].into_iter().map(time).collect();
        assert_eq!(shown, ["0 ms", "151 ms", "1.00 s", "2.04 s", "1 min 40 s", "3 min 20 s"]);
        assert_eq!(span(7470.0), "2 h 04 min");
    }
}
