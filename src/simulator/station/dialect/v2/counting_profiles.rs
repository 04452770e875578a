//! Which charging profiles count at an EVSE now, and as what: offline durations, random delays, local time, the state of charge and
//! priority charging (OCPP 2.1: K01.FR.90 to K01.FR.103, K21.FR.04).

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher},
    time::Duration,
};

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use serde_json::Value;

use super::{Station, Timer, smart_charging::Installed};
use crate::simulator::station::composite::{Kind, Profile, Purpose, Tenths};

impl Installed {
    fn schedule(&self) -> &Value {
        &self.message["chargingSchedule"][self.chosen]
    }

    /// How long it stays valid while the station is offline (K01.FR.101, K01.FR.103).
    fn offline_limit(&self) -> Option<Duration> {
        self.message["maxOfflineDuration"].as_i64().map(|seconds| Duration::from_secs(seconds.try_into().unwrap_or(0)))
    }

    /// The most seconds that a period is late, where it is late at all.
    fn most_delay(&self) -> Option<i64> {
        self.schedule()["randomizedDelay"].as_i64().filter(|most| *most > 0)
    }

    /// The profile as it is during a transaction: each of them has delays of its own, and so has a profile that comes anew
    /// (K01.FR.93).
    fn delayed(&self, transaction: &str) -> Option<Profile> {
        let most = u64::try_from(self.most_delay()?).ok()?;
        let delay = |place: usize| {
            let mut hasher = DefaultHasher::new();
            (transaction, self.number, place).hash(&mut hasher);
            i64::try_from(hasher.finish() % (most + 1)).unwrap_or(0)
        };
        Some(self.profile.delayed(delay))
    }
}

/// The time zone of a name of the IANA database, of `UTC+2:00`, or of an offset such as `+02:00`.
fn time_zone(name: &str) -> Option<TimeZone> {
    let fixed = |text: &str| {
        let (hours, minutes) = text.split_once(':').unwrap_or((text, "0"));
        let seconds =
            hours.trim_start_matches(['+', '-']).parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
        let offset = Offset::from_seconds(if hours.starts_with('-') { -seconds } else { seconds }).ok()?;
        Some(TimeZone::fixed(offset))
    };
    match name.strip_prefix("UTC").unwrap_or(name) {
        offset if offset.starts_with(['+', '-']) => fixed(offset),
        _ => TimeZone::get(name).ok().or_else(|| {
            // Without a database: a zone `Etc/GMT-2` is two hours east of Greenwich.
            let hours: i32 = name.strip_prefix("Etc/GMT")?.parse().ok()?;
            Some(TimeZone::fixed(Offset::from_seconds(-hours * 3600).ok()?))
        }),
    }
}

impl Station {
    /// The profiles that count at an EVSE, with the EVSE that each was set for (0 for the station).
    pub(super) fn counting_at(&self, index: usize) -> Vec<(u32, Profile)> {
        let evse = self.evses[index].id;
        let of_place = self.charging_profiles.iter().filter(|known| known.evse == 0 || known.evse == evse);
        of_place.filter_map(|known| Some((known.evse, self.as_it_counts(known, index)?))).collect()
    }

    /// A profile as it counts at an EVSE now; none where it does not.
    fn as_it_counts(&self, known: &Installed, index: usize) -> Option<Profile> {
        let running = self.evses[index].transaction.as_ref().map(|running| running.id.as_str());
        let prior = running.is_some_and(|id| self.has_priority(id));
        if !self.is_valid(known) || known.profile.purpose == Purpose::Priority && !prior {
            return None;
        }
        // K08.FR.06: without a transaction nothing is late.
        let delayed = running.and_then(|transaction| known.delayed(transaction));
        let mut profile = delayed.unwrap_or_else(|| known.profile.clone());
        if known.schedule()["useLocalTime"] == true
            && let Some(start) = known.schedule()["startSchedule"].as_str().and_then(|text| self.local_start(text))
        {
            match &mut profile.kind {
                Kind::Absolute(known) | Kind::Recurring(known, _) => *known = start,
                Kind::Relative | Kind::Dynamic(_) => {}
            }
        }
        let at_soc = &known.schedule()["limitAtSoC"];
        if let (Some(soc), Some(limit)) = (at_soc["soc"].as_f64(), at_soc["limit"].as_f64().and_then(Tenths::of))
            && f64::from(self.physical.evses[index].state_of_charge) >= soc
        {
            profile = profile.capped(limit);
        }
        Some(profile)
    }

    /// K01.FR.90: the start of a schedule is local time, whatever zone it names.
    fn local_start(&self, text: &str) -> Option<Timestamp> {
        let local: DateTime = text.get(..19)?.parse().ok()?;
        let named = [self.device.get("ClockCtrlr", "TimeOffset"), self.device.get("ClockCtrlr", "TimeZone")];
        let zone = named.into_iter().filter(|name| !name.is_empty()).find_map(time_zone);
        local.to_zoned(zone.unwrap_or(TimeZone::UTC)).ok().map(|time| time.timestamp())
    }

    // ---- K01.FR.101 to K01.FR.103 ----

    fn is_valid(&self, known: &Installed) -> bool {
        let expired =
            self.offline_since.zip(known.offline_limit()).is_some_and(|(since, most)| since.elapsed() >= most);
        !known.expired && !expired
    }

    /// The connection is gone: limits change when a profile has lasted as long as it may.
    pub(super) fn await_offline_limits(&mut self) {
        let limits: Vec<Duration> = self.charging_profiles.iter().filter_map(Installed::offline_limit).collect();
        for limit in limits {
            self.schedule(limit, Timer::OfflineLimit);
        }
    }

    /// The connection is back: what was not valid is so again, or never more (K01.FR.102).
    pub(super) fn end_offline_limits(&mut self) {
        self.cancel(|timer| *timer == Timer::OfflineLimit);
        let Some(since) = self.offline_since else { return };
        for known in &mut self.charging_profiles {
            let over = known.offline_limit().is_some_and(|most| since.elapsed() >= most);
            known.expired |= over && known.message["invalidAfterOfflineDuration"] == true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_named_in_several_ways() {
        let start: DateTime = "2026-07-01T12:00:00".parse().unwrap();
        for (name, hour) in [("+02:00", 10), ("-03:30", 15), ("UTC+2:00", 10), ("Etc/GMT-2", 10), ("Etc/GMT+1", 13)] {
            let time = start.to_zoned(time_zone(name).unwrap()).unwrap().timestamp();
            assert_eq!(time.to_zoned(TimeZone::UTC).hour(), hour, "{name}");
        }
        assert!(time_zone("nowhere").is_none());
    }
}
