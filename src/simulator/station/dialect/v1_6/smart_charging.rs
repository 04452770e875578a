//! Charging profiles: set, brought by a remote start, cleared (3.13, 5.5, 5.16).

use serde_json::{Value, json};

use super::{ChargePoint, number};
use crate::simulator::station::composite::{Profile, Purpose};

/// A profile that was set.
#[derive(Debug, Clone)]
pub(super) struct Installed {
    /// The connector that it was set for; 0 for the charge point.
    pub(super) connector: i64,
    /// Our number of the transaction that a TxProfile is for.
    pub(super) transaction: Option<u64>,
    pub(super) profile: Profile,
}

/// The profile of a remote start, until its transaction begins.
#[derive(Debug, Clone)]
pub(super) struct ProfileToCome {
    id_tag: String,
    profile: Profile,
}

/// How a profile has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In a SetChargingProfile.
    Set,
    /// In a RemoteStartTransaction.
    RemoteStart,
}

/// The name of a purpose in OCPP 1.6 (7.10).
fn name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::StationMax => "ChargePointMaxProfile",
        Purpose::TxDefault => "TxDefaultProfile",
        Purpose::Tx => "TxProfile",
        Purpose::ExternalConstraints | Purpose::Priority | Purpose::LocalGeneration => "",
    }
}

/// A `ChargingProfile` (7.8) as OCPP 2.x writes it, which is what the calculator reads.
fn translated(message: &Value) -> Value {
    let mut profile = message.clone();
    profile["id"] = message["chargingProfileId"].clone();
    if message["chargingProfilePurpose"] == name(Purpose::StationMax) {
        profile["chargingProfilePurpose"] = "ChargingStationMaxProfile".into();
    }
    let mut schedule = message["chargingSchedule"].clone();
    // 7.13: without a start, an absolute schedule counts from the start of charging, as a relative one always does.
    match (message["chargingProfileKind"].as_str(), schedule.as_object_mut()) {
        (Some("Relative"), Some(members)) => {
            members.remove("startSchedule");
        }
        (Some("Absolute"), Some(members)) if !members.contains_key("startSchedule") => {
            profile["chargingProfileKind"] = "Relative".into();
        }
        _ => {}
    }
    profile["chargingSchedule"] = json!([schedule]);
    profile
}

impl Installed {
    /// True where a ClearChargingProfile means it: with an id nothing else counts, otherwise all that is given (errata 3.25, 3.26).
    fn is_meant(&self, payload: &Value) -> bool {
        let given = |name: &str, known: &Value| payload.get(name).is_none_or(|value| value == known);
        if payload.get("id").is_some() {
            return given("id", &self.profile.id.into());
        }
        given("connectorId", &self.connector.into())
            && given("chargingProfilePurpose", &name(self.profile.purpose).into())
            && given("stackLevel", &self.profile.stack_level.into())
    }

    /// True where another one takes its place: with the same id, or with the same purpose and level (5.16.3, 5.16.4), which is
    /// about the same connector, as a default for one connector does not replace that of the others (3.13.1).
    fn is_replaced_by(&self, other: &Self) -> bool {
        let same_place = self.connector == other.connector
            && self.profile.purpose == other.profile.purpose
            && self.profile.stack_level == other.profile.stack_level;
        self.profile.id == other.profile.id || same_place
    }
}

impl ChargePoint {
    /// Errata 3.39: a connectorId that does not exist.
    pub(super) fn has_no_such_connector(&self, payload: &Value) -> bool {
        number(payload, "connectorId").is_none_or(|number| number != 0 && self.connector(number).is_none())
    }

    pub(super) fn set_charging_profile(&mut self, payload: &Value) -> &'static str {
        let connector = number(payload, "connectorId").unwrap_or_default();
        match self.judge_profile(connector, &payload["csChargingProfiles"], Way::Set) {
            Some(installed) => {
                self.install_profile(installed);
                "Accepted"
            }
            None => "Rejected",
        }
    }

    /// True where a remote start on a connector brings no profile, or one that its transaction can have. Without smart charging it
    /// is ignored (5.11).
    pub(super) fn start_profile_fits(&self, at: usize, payload: &Value) -> bool {
        !self.features.smart_charging
            || payload.get("chargingProfile").is_none_or(|profile| {
                let connector = i64::try_from(at + 1).unwrap_or_default();
                self.judge_profile(connector, profile, Way::RemoteStart).is_some()
            })
    }

    /// Keeps the profile of a remote start for its transaction.
    pub(super) fn expect_profile(&mut self, index: usize, payload: &Value) {
        let profile = payload.get("chargingProfile").filter(|_| self.features.smart_charging);
        let profile = profile.and_then(|message| Profile::read(&translated(message)).ok());
        let id_tag = payload["idTag"].as_str().unwrap_or_default().to_owned();
        self.sessions[index].profile_to_come = profile.map(|profile| ProfileToCome { id_tag, profile });
    }

    /// The profile of a remote start is that of the transaction which begins (5.16.2).
    pub(super) fn adopt_profile(&mut self, index: usize) {
        let session = &mut self.sessions[index];
        let Some(ProfileToCome { id_tag, profile }) = session.profile_to_come.take() else { return };
        let own = session.id_tag.as_ref().is_some_and(|tag| super::same_tag(tag, &id_tag));
        let Some(transaction) = session.transaction.as_ref().filter(|_| own) else { return };
        let connector = i64::try_from(transaction.connector + 1).unwrap_or_default();
        let transaction = Some(transaction.number);
        self.install_profile(Installed { connector, transaction, profile });
    }

    fn install_profile(&mut self, installed: Installed) {
        self.charging_profiles.retain(|known| !known.is_replaced_by(&installed));
        self.charging_profiles.push(installed);
    }

    /// 3.13.1: the profiles of a transaction end with it.
    pub(super) fn forget_profiles_of(&mut self, transaction: u64) {
        self.charging_profiles.retain(|known| known.transaction != Some(transaction));
    }

    pub(super) fn clear_charging_profile(&mut self, payload: &Value) -> &'static str {
        let before = self.charging_profiles.len();
        self.charging_profiles.retain(|known| !known.is_meant(payload));
        if self.charging_profiles.len() == before { "Unknown" } else { "Accepted" }
    }

    /// The profile as it would be installed, if the charge point can follow it.
    fn judge_profile(&self, connector: i64, message: &Value, way: Way) -> Option<Installed> {
        let profile = Profile::read(&translated(message)).ok()?;
        let wanted = message.get("transactionId");
        let at = self.connector(connector);
        let running = at.and_then(|at| self.sessions[self.connectors[at].evse].transaction.as_ref());
        let running = running.filter(|running| Some(running.connector) == at).map(|running| running.number);
        let transaction = running.filter(|_| way == Way::Set && profile.purpose == Purpose::Tx);
        let fits = match (way, profile.purpose) {
            // 5.16.2.
            (Way::RemoteStart, purpose) => purpose == Purpose::Tx && wanted.is_none(),
            // 3.13.1, 5.16.4: it needs a transaction, and this one where it names one.
            (Way::Set, Purpose::Tx) => running.is_some_and(|running| {
                let id = self.transaction_ids.get(&running).copied().map(Value::from);
                wanted.is_none() || wanted == id.as_ref()
            }),
            // 3.13.1, 7.8.
            (Way::Set, Purpose::StationMax) => connector == 0 && wanted.is_none(),
            (Way::Set, Purpose::TxDefault) => wanted.is_none(),
            (Way::Set, Purpose::ExternalConstraints | Purpose::Priority | Purpose::LocalGeneration) => false,
        };
        // Errata 3.56.
        let recurs = message["chargingProfileKind"] == "Recurring" || message.get("recurrencyKind").is_none();
        let level = u64::try_from(profile.stack_level)
            .is_ok_and(|level| level <= self.configuration.number("ChargeProfileMaxStackLevel"));
        let short = profile.periods.len() as u64 <= self.configuration.number("ChargingScheduleMaxPeriods");
        let installed = Installed { connector, transaction, profile };
        let sound = fits && recurs && level && short && self.knows_unit(installed.profile.unit);
        (sound && self.has_room_for(&installed, way)).then_some(installed)
    }

    /// MaxChargingProfilesInstalled, of which those of remote starts have their part before their transactions begin.
    fn has_room_for(&self, installed: &Installed, way: Way) -> bool {
        let replaced = |known: &Installed| match way {
            Way::Set => known.is_replaced_by(installed),
            Way::RemoteStart => known.profile.id == installed.profile.id,
        };
        let others = self.charging_profiles.iter().filter(|known| !replaced(known)).count();
        let to_come = self.sessions.iter().filter(|session| session.profile_to_come.is_some()).count();
        ((others + to_come) as u64) < self.configuration.number("MaxChargingProfilesInstalled")
    }
}
