//! What a station has, shared by its EVSEs, and what all of them together take from the grid.

use serde_json::{Value, json};

use super::{Flow, Flows, Period, Profile, Purpose, Step, Tenths, Unit};

impl Purpose {
    /// True for what limits the station as a whole.
    pub fn is_of_station(self) -> bool {
        matches!(self, Self::StationMax | Self::ExternalConstraints | Self::LocalGeneration)
    }
}

impl Profile {
    /// A profile as it counts for one of several EVSEs that share what the station has.
    #[must_use]
    pub fn shared(&self, sharing: i64) -> Self {
        let mut profile = self.clone();
        if self.purpose.is_of_station() && sharing > 1 {
            let part = |period: &Period| Period {
                limit: if period.limit == Tenths::UNLIMITED { period.limit } else { Tenths(period.limit.0 / sharing) },
                flows: period.flows.map(|one| one / sharing),
                ..*period
            };
            profile.periods = profile.periods.iter().map(part).collect();
        }
        profile
    }
}

impl Step {
    /// `ChargingSchedulePeriodType` of 2.x, `ChargingSchedulePeriod` of 1.6.
    pub fn period(&self) -> Value {
        let mut period = json!({ "startPeriod": self.start });
        self.flows.write(self.limit, &mut period);
        if let Some(phases) = self.phases {
            period["numberPhases"] = phases.into();
        }
        period
    }

    /// The limit of all phases together.
    pub fn whole_limit(&self, unit: Unit) -> Tenths {
        Tenths(Flow { first: self.limit.0, others: self.flows.limit_of_others }.together(unit))
    }
}

/// What a station expects to take from the grid: what its EVSEs give, up to the limit of the station.
pub fn total(of_evses: &[Vec<Step>], of_station: &[Step], phases: Option<i64>, unit: Unit) -> Vec<Step> {
    let mut starts: Vec<i64> = of_evses.iter().flatten().chain(of_station).map(|step| step.start).collect();
    starts.sort_unstable();
    starts.dedup();
    let mut steps: Vec<Step> = Vec::new();
    for start in starts {
        let at = |steps: &[Step]| steps.iter().rev().find(|step| step.start <= start).copied();
        let sum: i64 = of_evses.iter().filter_map(|steps| at(steps)).map(|step| step.whole_limit(unit).0).sum();
        let limit = at(of_station).map_or(Tenths(sum), |step| step.limit.min(Tenths(sum)));
        if steps.last().is_none_or(|last| last.limit != limit) {
            steps.push(Step { start, limit, phases, flows: Flows::default() });
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(list: &[(i64, i64)]) -> Vec<Step> {
        list.iter()
            .map(|(start, limit)| Step {
                start: *start,
                limit: Tenths(*limit),
                phases: Some(3),
                flows: Flows::default(),
            })
            .collect()
    }

    #[test]
    fn a_station_takes_what_its_evses_give_up_to_its_own_limit() {
        let of_evses = [steps(&[(0, 60), (100, 100)]), steps(&[(0, 80), (50, 0)])];
        let unlimited = total(&of_evses, &[], Some(3), Unit::Ampere);
        assert_eq!(unlimited, steps(&[(0, 140), (50, 60), (100, 100)]));
        let limited = total(&of_evses, &steps(&[(0, 100), (120, 90)]), Some(3), Unit::Ampere);
        assert_eq!(limited, steps(&[(0, 100), (50, 60), (100, 100), (120, 90)]));
    }
}
