//! What a CSMS must not send, in view of what our station has and has told: the requirements of OCPP 2.0.1 and 2.1 that bind the CSMS
//! in each message, whatever the test case is about. Both have them under the same ids.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Around, OwnStation, device::Device, is_same, items, profiles::overlap};
use crate::protocol::rules::Rule;

/// A requirement that a request breaks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Objection {
    pub(crate) rule: Rule,
    pub(crate) requirement: &'static str,
    /// What is wrong.
    pub(crate) message: String,
    /// JSON pointer to it.
    pub(crate) pointer: String,
}

/// A message, its list, the variable with the most elements that the list may have, and the requirement.
const LIMITED: [(&str, &str, &str, &str); 7] = [
    ("SetVariables", "setVariableData", "DeviceDataCtrlr.ItemsPerMessage[SetVariables]", "B05.FR.11"),
    ("GetVariables", "getVariableData", "DeviceDataCtrlr.ItemsPerMessage[GetVariables]", "B06.FR.05"),
    ("GetReport", "componentVariable", "DeviceDataCtrlr.ItemsPerMessage[GetReport]", "B08.FR.06"),
    ("GetMonitoringReport", "componentVariable", "DeviceDataCtrlr.ItemsPerMessage[GetReport]", "N02.FR.07"),
    ("SendLocalList", "localAuthorizationList", "LocalAuthListCtrlr.ItemsPerMessage", "D01.FR.11"),
    (
        "SetVariableMonitoring",
        "setMonitoringData",
        "MonitoringCtrlr.ItemsPerMessage[SetVariableMonitoring]",
        "N04.FR.09",
    ),
    ("ClearVariableMonitoring", "id", "MonitoringCtrlr.ItemsPerMessage[ClearVariableMonitoring]", "N06.FR.04"),
];

/// The purpose of a profile that comes from another system than the CSMS.
pub(super) const EXTERNAL: &str = "ChargingStationExternalConstraints";

/// The EVSEs for whose transaction our station has sent the charging needs of an EV (K01.FR.34), with the most periods that the EV
/// takes in a schedule, where it has told that.
pub(super) type ChargingNeeds = BTreeMap<u64, Option<u64>>;

impl OwnStation {
    /// What is wrong with a request of the CSMS.
    pub(crate) fn objections(&self, around: &Around, action: &str, payload: &Value) -> Vec<Objection> {
        let mut found = Vec::new();
        if let Some((_, list, limit, requirement)) = LIMITED.iter().find(|(limited, ..)| *limited == action) {
            let (most, count) = (Device::new(self, around).number(limit), items(payload, list).count());
            if count > most {
                found.push(Objection {
                    rule: Rule::ItemsPerMessage,
                    requirement,
                    message: format!(
                        "{action}Request has {count} elements in {list}; {limit} of the station is {most}"
                    ),
                    pointer: format!("/{list}"),
                });
            }
        }
        let mut object = |requirement: &'static str, pointer: String, message: &str| {
            found.push(Objection { rule: Rule::ChargingProfiles, requirement, message: message.to_owned(), pointer });
        };
        let profile = &payload["chargingProfile"];
        match action {
            "SetChargingProfile" => {
                self.judge_place(payload, &mut object);
                self.judge_schedules(around, payload["evseId"].as_u64(), profile, &mut object);
            }
            "RequestStartTransaction" if profile.is_object() => {
                if profile["chargingProfilePurpose"] != "TxProfile" {
                    let message = "the profile of a RequestStartTransactionRequest is no TxProfile";
                    object("F01.FR.09", "/chargingProfile/chargingProfilePurpose".into(), message);
                }
                if !profile["transactionId"].is_null() {
                    let message = "the profile of a RequestStartTransactionRequest names a transaction";
                    object("F01.FR.11", "/chargingProfile/transactionId".into(), message);
                }
                self.judge_schedules(around, None, profile, &mut object);
            }
            "GetChargingProfiles" if is_empty(profile) => {
                object("K09.FR.03", "/chargingProfile".into(), "GetChargingProfilesRequest has no criterion");
            }
            "ClearChargingProfile" => {
                let criteria = &payload["chargingProfileCriteria"];
                if payload["chargingProfileId"].is_null() && is_empty(criteria) {
                    let message = "ClearChargingProfileRequest has neither an id nor a criterion";
                    object("K10.FR.02", String::new(), message);
                }
                if criteria["chargingProfilePurpose"] == EXTERNAL {
                    let message = "the CSMS clears limits that another system has set";
                    object("K10.FR.06", "/chargingProfileCriteria/chargingProfilePurpose".into(), message);
                }
            }
            _ => {}
        }
        found
    }

    /// Purpose, EVSE, transaction and stack level of a profile.
    fn judge_place(&self, payload: &Value, object: &mut dyn FnMut(&'static str, String, &str)) {
        let (profile, evse) = (&payload["chargingProfile"], payload["evseId"].as_u64().unwrap_or_default());
        let purpose = profile["chargingProfilePurpose"].as_str().unwrap_or_default();
        let member = |name: &str| format!("/chargingProfile/{name}");
        match purpose {
            EXTERNAL => {
                object("K01.FR.22", member("chargingProfilePurpose"), "the CSMS sets a limit as if another system had");
            }
            "TxProfile" => {
                if evse == 0 {
                    object("K01.FR.16", "/evseId".into(), "a TxProfile is for the whole station");
                }
                if profile["transactionId"].is_null() {
                    object("K01.FR.03", member("transactionId"), "a TxProfile names no transaction");
                }
            }
            "ChargingStationMaxProfile" => {
                if evse != 0 {
                    object("K04.FR.03", "/evseId".into(), "a ChargingStationMaxProfile is for an EVSE");
                }
                if profile["chargingProfileKind"] == "Relative" {
                    object("K01.FR.38", member("chargingProfileKind"), "a ChargingStationMaxProfile is Relative");
                }
            }
            _ => {}
        }
        let transaction = &profile["transactionId"];
        let twin = self.profiles.iter().filter(|one| !one.left_behind).find(|one| {
            let place = if purpose == "TxProfile" {
                transaction.as_str().is_some_and(|id| is_same(&one.profile["transactionId"], id))
            } else {
                one.evse == evse && overlap(&one.profile, profile)
            };
            let same = |name: &str| one.profile[name] == profile[name];
            place && same("chargingProfilePurpose") && same("stackLevel") && !same("id")
        });
        if let Some(twin) = twin {
            let message = format!(
                "the profile {} is at the place (purpose, stack level, EVSE or transaction, time) of the profile {}, which the station has",
                profile["id"], twin.profile["id"]
            );
            let requirement = if purpose == "TxProfile" { "K01.FR.39" } else { "K01.FR.06" };
            object(requirement, member("stackLevel"), &message);
        }
    }

    /// The schedules of a profile, for the EVSE if it is known.
    fn judge_schedules(
        &self,
        around: &Around,
        evse: Option<u64>,
        profile: &Value,
        object: &mut dyn FnMut(&'static str, String, &str),
    ) {
        let needs = evse.and_then(|evse| self.reported_state.charging_needs.get(&evse));
        if items(profile, "chargingSchedule").count() > 1 && needs.is_none() {
            let message = "the profile has several schedules, and no EV has told its charging needs";
            object("K01.FR.34", "/chargingProfile/chargingSchedule/1".into(), message);
        }
        let device = Device::new(self, around);
        let switches = device.value_of("SmartChargingCtrlr.ACPhaseSwitchingSupported");
        // What the EV takes counts for its own profile, a TxProfile, where it has told its needs.
        let of_the_ev = needs.copied().flatten().filter(|_| profile["chargingProfilePurpose"] == "TxProfile");
        let of_the_ev = of_the_ev.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        let most = of_the_ev.min(device.number("SmartChargingCtrlr.PeriodsPerSchedule"));
        for (number, schedule) in items(profile, "chargingSchedule").enumerate() {
            let place = |rest: &str| format!("/chargingProfile/chargingSchedule/{number}{rest}");
            let begins = !schedule["startSchedule"].is_null();
            match (profile["chargingProfileKind"].as_str(), begins) {
                (Some("Relative"), true) => {
                    object("K01.FR.41", place("/startSchedule"), "a Relative profile has a startSchedule");
                }
                // A Dynamic one begins when it comes.
                (Some("Absolute" | "Recurring"), false) => {
                    object("K01.FR.40", place("/startSchedule"), "a profile that is not Relative has no startSchedule");
                }
                _ => {}
            }
            let periods = || items(schedule, "chargingSchedulePeriod");
            let starts: Vec<i64> = periods().filter_map(|period| period["startPeriod"].as_i64()).collect();
            let count = periods().count();
            if needs.is_some() && count > most {
                let message = format!("a schedule has {count} periods, and the EV and the station take {most}");
                object("K15.FR.07", place("/chargingSchedulePeriod"), &message);
            }
            if starts.first().is_some_and(|first| *first != 0) {
                let pointer = place("/chargingSchedulePeriod/0/startPeriod");
                object("K01.FR.31", pointer, "the first period of a schedule does not begin at 0");
            }
            if let Some(at) = starts.windows(2).position(|two| two[0] >= two[1]) {
                let pointer = place(&format!("/chargingSchedulePeriod/{}/startPeriod", at + 1));
                object("K01.FR.35", pointer, "the periods of a schedule are not in order");
            }
            for (at, period) in periods().enumerate().filter(|(_, period)| !period["phaseToUse"].is_null()) {
                let pointer = || place(&format!("/chargingSchedulePeriod/{at}/phaseToUse"));
                if period["numberPhases"] != 1 {
                    object("K01.FR.19", pointer(), "a period has phaseToUse, and numberPhases is not 1");
                }
                if switches.as_deref() != Some("true") {
                    object("K01.FR.20", pointer(), "a period has phaseToUse, and the station does not switch phases");
                }
            }
        }
    }
}

/// True if there is nothing in it that chooses.
fn is_empty(criteria: &Value) -> bool {
    criteria.as_object().is_none_or(|criteria| criteria.keys().all(|name| name == "customData"))
}
