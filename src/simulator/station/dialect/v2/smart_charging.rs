//! Charging profiles: set, cleared and reported (K01, K05, K09, K10).

use serde_json::{Value, json};

use super::{Station, schedule_negotiation::Negotiation};
use crate::{
    pics::Profile as Certification,
    simulator::station::composite::{Profile, Purpose, Unit, Unreadable},
};

/// Who sets profiles by messages.
pub(super) const SOURCE: &str = "CSO";

/// Most profiles in one ReportChargingProfiles.
const PART: usize = 4;

/// A profile that was set, with the EVSE that it was set for (0 for the station).
#[derive(Debug, Clone)]
pub struct Installed {
    pub(super) evse: u32,
    /// `ChargingProfileType`
    pub(super) message: Value,
    pub(super) profile: Profile,
    /// Who has set it (`ChargingLimitSourceEnumStringType`).
    pub(super) source: &'static str,
    /// It was offline for longer than it may be, and is never valid again (K01.FR.102).
    pub(super) expired: bool,
    /// Which of its schedules the EV has taken.
    pub(super) chosen: usize,
    /// Which one it is of all that were ever installed.
    pub(super) number: u64,
}

impl Installed {
    /// A profile of the CSMS.
    pub(super) fn new(evse: u32, message: Value, profile: Profile) -> Self {
        Self { evse, message, profile, source: SOURCE, expired: false, chosen: 0, number: 0 }
    }

    /// The EV takes one of several schedules.
    fn choose(&mut self, place: usize) {
        let schedules = self.message["chargingSchedule"].as_array().map_or(0, Vec::len);
        let place = place.min(schedules.saturating_sub(1));
        let mut message = self.message.clone();
        message["chargingSchedule"] = json!([self.message["chargingSchedule"][place]]);
        if let Ok(profile) = Profile::read(&message) {
            (self.profile, self.chosen) = (profile, place);
        }
    }

    pub(super) fn is_of_transaction(&self, id: &str) -> bool {
        self.profile.purpose == Purpose::Tx && self.message["transactionId"] == id
    }
}

/// How a profile has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In a SetChargingProfile.
    Set,
    /// In a RequestStartTransaction.
    RemoteStart,
}

/// Why a profile is refused: a reason code.
pub(super) type Refusal = &'static str;

impl Station {
    /// True when the station supports smart charging, and it is enabled (K01.FR.29).
    pub(super) fn charges_smartly(&self) -> bool {
        self.device.is("SmartChargingCtrlr", "Enabled")
    }

    pub(super) fn set_charging_profile(&mut self, payload: &Value) -> Value {
        let evse = payload["evseId"].as_u64().and_then(|evse| u32::try_from(evse).ok()).unwrap_or(u32::MAX);
        let message = &payload["chargingProfile"];
        let schedules = self.negotiated_schedules();
        match self.judge_profile(evse, message, Way::Set) {
            Ok(profile) => {
                let of_transaction = profile.purpose == Purpose::Tx;
                let mut installed = Installed::new(evse, message.clone(), profile);
                if let Some(index) = self.physical.index_of(evse).filter(|_| of_transaction) {
                    installed.choose(self.physical.evses[index].ev.selects.into());
                }
                // K28.FR.05
                if installed.is_dynamic() && message.get("dynUpdateTime").is_none() {
                    installed.update(&json!({}), &self.physical.wall());
                }
                self.install_profile(installed);
                self.compare_schedules(&schedules);
                if let Some(index) = self.physical.index_of(evse).filter(|_| of_transaction) {
                    self.promised_schedule_came(index);
                }
                json!({ "status": "Accepted" })
            }
            Err(reason) => json!({ "status": "Rejected", "statusInfo": { "reasonCode": reason } }),
        }
    }

    /// F01.FR.26, K05.FR.05: what is wrong with the profile of a remote start, if anything is.
    pub(super) fn start_profile_refused(&self, index: usize, message: &Value) -> Option<Refusal> {
        // K05.FR.04.
        if !self.charges_smartly() {
            return None;
        }
        self.judge_profile(self.evses[index].id, message, Way::RemoteStart).err()
    }

    /// The profile of a remote start is used for its transaction from now on (F01.FR.10, K05.FR.03).
    pub(super) fn adopt_profile(&mut self, index: usize) {
        let evse = &mut self.evses[index];
        let Some(running) = &evse.transaction else { return };
        let Some(mut message) = evse.profile_to_come.take() else { return };
        message["transactionId"] = running.id.clone().into();
        if let Ok(profile) = Profile::read(&message) {
            let evse = evse.id;
            self.install_profile(Installed::new(evse, message, profile));
        }
    }

    /// Replaces what has the same id (K01.FR.05).
    pub(super) fn install_profile(&mut self, mut installed: Installed) {
        self.profiles_installed += 1;
        installed.number = self.profiles_installed;
        self.charging_profiles.retain(|known| known.profile.id != installed.profile.id);
        self.charging_profiles.push(installed);
        self.count_profiles();
    }

    pub(super) fn count_profiles(&mut self) {
        self.device.put("SmartChargingCtrlr", "Entries", self.charging_profiles.len().to_string());
    }

    /// K02.FR.05: the profiles of a transaction end with it.
    pub(super) fn forget_profiles_of(&mut self, transaction: &str) {
        self.prior_transactions.retain(|known| known != transaction);
        self.charging_profiles.retain(|known| !known.is_of_transaction(transaction));
        self.count_profiles();
    }

    fn judge_profile(&self, evse: u32, message: &Value, way: Way) -> Result<Profile, Refusal> {
        // K01.FR.28.
        let index = self.physical.index_of(evse);
        if evse != 0 && index.is_none() {
            return Err("UnknownEvse");
        }
        self.judge_operation_modes(evse, message)?;
        self.judge_additions(message)?;
        let profile = Profile::read(message).map_err(|unreadable| match unreadable {
            Unreadable::Profile => "InvalidProfile",
            Unreadable::Schedule => "InvalidSchedule",
        })?;
        let station_max = profile.purpose == Purpose::StationMax;
        let fits = match (way, profile.purpose) {
            // F01.FR.09, F01.FR.11.
            (Way::RemoteStart, purpose) => purpose == Purpose::Tx && message.get("transactionId").is_none(),
            // K01.FR.22.
            (Way::Set, Purpose::ExternalConstraints) => false,
            // K01.FR.03, K01.FR.16.
            (Way::Set, Purpose::Tx) => evse != 0 && message.get("transactionId").is_some(),
            // K04.FR.03, K01.FR.38.
            (Way::Set, Purpose::StationMax) => evse == 0 && message["chargingProfileKind"] != "Relative",
            (Way::Set, Purpose::TxDefault | Purpose::Priority | Purpose::LocalGeneration) => true,
        };
        if !fits || (profile.purpose != Purpose::Tx && message.get("transactionId").is_some()) {
            return Err("InvalidProfile");
        }
        // K01.FR.09, K01.FR.33.
        let running = index.and_then(|index| self.evses[index].transaction.as_ref());
        if way == Way::Set
            && profile.purpose == Purpose::Tx
            && running.is_none_or(|running| message["transactionId"] != running.id.as_str())
        {
            return Err("TxNotFound");
        }
        let negotiation = index.map(|index| self.evses[index].negotiation).unwrap_or_default();
        // K15.FR.17: a schedule for an EV whose needs the CSMS can't know.
        let charging = index.is_some_and(|index| self.physical.evses[index].charging);
        if profile.purpose == Purpose::Tx && negotiation == Negotiation::NeedsKnown && !charging {
            return Err("InvalidMessageSeq");
        }
        if u64::try_from(profile.stack_level)
            .is_ok_and(|level| level > self.device.number("SmartChargingCtrlr", "ProfileStackLevel"))
        {
            return Err("InvalidStackLevel");
        }
        // K01.FR.34: only an EV that has told its needs can choose.
        let schedules = message["chargingSchedule"].as_array().map_or(&[][..], Vec::as_slice);
        if schedules.len() > 1 && (negotiation == Negotiation::Open || profile.purpose != Purpose::Tx) {
            return Err("InvalidSchedule");
        }
        for schedule in schedules {
            // K01.FR.26.
            let unit = schedule["chargingRateUnit"].as_str().unwrap_or_default();
            if !self.device.lists("SmartChargingCtrlr", "RateUnit", unit) {
                return Err("UnsupportedRateUnit");
            }
            let mut alone = message.clone();
            alone["chargingSchedule"] = json!([schedule]);
            let alone = Profile::read(&alone).map_err(|_| "InvalidSchedule")?;
            if alone.periods.len() as u64 > self.device.number("SmartChargingCtrlr", "PeriodsPerSchedule") {
                return Err("TooManyElements");
            }
            if !self.phases_fit(if station_max { None } else { index }, &alone) {
                return Err("InvalidSchedule");
            }
        }
        self.has_room_for(evse, &profile, message)?;
        Ok(profile)
    }

    /// K01.FR.43 to K01.FR.48: an AC EVSE uses all its phases, or phase 1 alone.
    fn phases_fit(&self, index: Option<usize>, profile: &Profile) -> bool {
        let concerned = match index {
            Some(index) => &self.physical.evses[index..=index],
            None => &self.physical.evses[..],
        };
        let of_ac = concerned.iter().filter_map(|evse| evse.supply.phases);
        of_ac.into_iter().all(|phases| {
            profile.periods.iter().all(|period| {
                let wanted = period.phases.unwrap_or(3);
                (wanted >= phases || wanted == 1) && period.phase_to_use.is_none_or(|phase| phase == 1)
            })
        })
    }

    /// True when nothing that is installed contradicts it, and there is room for it.
    fn has_room_for(&self, evse: u32, profile: &Profile, message: &Value) -> Result<(), Refusal> {
        let others = || self.charging_profiles.iter().filter(|known| known.profile.id != profile.id);
        let duplicate = others().any(|known| {
            known.profile.purpose == profile.purpose
                && known.profile.stack_level == profile.stack_level
                && match profile.purpose {
                    // K01.FR.39.
                    Purpose::Tx => known.message["transactionId"] == message["transactionId"],
                    // K01.FR.52, K01.FR.53: at all times. K01.FR.06: of the same EVSE, where they overlap.
                    Purpose::TxDefault if (known.evse == 0) != (evse == 0) => true,
                    _ => known.evse == evse && known.profile.overlaps(profile),
                }
        });
        if duplicate {
            return Err("DuplicateProfile");
        }
        if others().count() >= super::device::MOST_PROFILES { Err("OutOfStorage") } else { Ok(()) }
    }

    // ---- K10 ----

    pub(super) fn clear_charging_profiles(&mut self, payload: &Value) -> &'static str {
        let before = self.charging_profiles.len();
        let schedules = self.negotiated_schedules();
        let criteria = &payload["chargingProfileCriteria"];
        let given = |value: &Value, known: &Value| value.is_null() || value == known;
        self.charging_profiles.retain(|known| {
            let meant = match payload.get("chargingProfileId") {
                Some(id) => *id == known.profile.id,
                None => {
                    given(&criteria["evseId"], &known.evse.into())
                        && given(&criteria["chargingProfilePurpose"], &known.message["chargingProfilePurpose"])
                        && given(&criteria["stackLevel"], &known.profile.stack_level.into())
                }
            };
            // K10.FR.03, K10.FR.04, K10.FR.08.
            !meant || known.source != SOURCE
        });
        self.count_profiles();
        self.compare_schedules(&schedules);
        if self.charging_profiles.len() == before { "Unknown" } else { "Accepted" }
    }

    // ---- K09 ----

    fn wanted_profiles(&self, payload: &Value) -> Vec<&Installed> {
        let criteria = &payload["chargingProfile"];
        let given = |value: &Value, known: &Value| value.is_null() || value == known;
        let listed = |list: &Value, known: &Value| list.as_array().is_none_or(|list| list.contains(known));
        let meant = |known: &&Installed| {
            given(&payload["evseId"], &known.evse.into())
                && listed(&criteria["chargingProfileId"], &known.profile.id.into())
                && listed(&criteria["chargingLimitSource"], &known.source.into())
                && given(&criteria["chargingProfilePurpose"], &known.message["chargingProfilePurpose"])
                && given(&criteria["stackLevel"], &known.profile.stack_level.into())
        };
        self.charging_profiles.iter().filter(meant).collect()
    }

    pub(super) fn get_charging_profiles(&self, payload: &Value) -> &'static str {
        if self.wanted_profiles(payload).is_empty() { "NoProfiles" } else { "Accepted" }
    }

    /// One report for each EVSE and source, in as many parts as its profiles need.
    pub(super) fn report_charging_profiles(&mut self, payload: &Value) {
        let wanted = self.wanted_profiles(payload);
        let mut evses: Vec<(u32, &str)> = wanted.iter().map(|known| (known.evse, known.source)).collect();
        evses.sort_unstable();
        evses.dedup();
        let mut parts: Vec<Value> = Vec::new();
        for (evse, source) in evses {
            let of = |known: &&Installed| (known.evse, known.source) == (evse, source);
            let of_evse: Vec<&Installed> = wanted.iter().copied().filter(of).collect();
            parts.extend(of_evse.chunks(PART).map(|part| {
                json!({
                    "requestId": payload["requestId"],
                    "chargingLimitSource": source,
                    "evseId": evse,
                    "chargingProfile": part.iter().map(|known| known.message.clone()).collect::<Vec<_>>(),
                    // K09.FR.02.
                    "tbc": true,
                })
            }));
        }
        if let Some(last) = parts.last_mut() {
            last["tbc"] = false.into();
        }
        for part in parts {
            self.call("ReportChargingProfiles", part);
        }
    }

    /// The unit that the station uses where nobody names one.
    pub(super) fn own_unit(&self) -> Unit {
        if self.device.lists("SmartChargingCtrlr", "RateUnit", "A") { Unit::Ampere } else { Unit::Watt }
    }
}

/// True when the product has smart charging: either certification profile is about it.
pub(super) fn is_supported(pics: &crate::pics::Pics) -> bool {
    pics.has_profile(Certification::SMART_CHARGING) || pics.has_profile(Certification::ISO_15118)
}
