//! What OCPP 2.1 demands of the charging profiles that a CSMS sends, and the ids that it gives them (K01, K28, Q03 to Q10).

use serde_json::Value;

use super::variables::Variables;

/// The highest id of the profiles that a station makes itself.
const EXTERNAL_IDS: &str = "SmartChargingCtrlr.MaxExternalConstraintsId";
/// Limits of a period, and setpoints; each of them has a second and a third one for L2 and L3.
const LIMITS: [&str; 2] = ["limit", "dischargeLimit"];
const SETPOINTS: [&str; 2] = ["setpoint", "setpointReactive"];

fn items<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v Value> {
    value[name].as_array().into_iter().flatten()
}

/// Whether a period has one of these members.
fn has(period: &Value, members: &[&str]) -> bool {
    members.iter().any(|member| ["", "_L2", "_L3"].iter().any(|phase| period.get(format!("{member}{phase}")).is_some()))
}

/// Ids up to this one are the station's own (K01.FR.80).
fn own_ids(variables: &Variables) -> i64 {
    variables.value(EXTERNAL_IDS).and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// Whether a profile of the CSMS can't have this id (K01.FR.80).
pub(super) fn is_own_id(variables: &Variables, id: i64) -> bool {
    let own = own_ids(variables);
    own > 0 && id <= own
}

/// The id of a new profile, from a number on.
pub(super) fn free_id(variables: &Variables, number: i64) -> i64 {
    own_ids(variables).max(0).saturating_add(number)
}

/// Why the CSMS does not send this profile, if that is so.
pub(super) fn forbids(variables: &Variables, profile: &Value) -> Option<&'static str> {
    if profile["id"].as_i64().is_some_and(|id| is_own_id(variables, id)) {
        return Some("the id is one of those that the station gives itself (K01.FR.80)");
    }
    let purpose = profile["chargingProfilePurpose"].as_str().unwrap_or_default();
    let is_dynamic = profile["chargingProfileKind"] == "Dynamic";
    if is_dynamic && items(profile, "chargingSchedule").count() != 1 {
        return Some("a Dynamic profile has one schedule (K28.FR.01)");
    }
    items(profile, "chargingSchedule").find_map(|schedule| {
        if purpose == "PriorityCharging" && schedule.get("duration").is_some() {
            return Some("a PriorityCharging profile has no duration (K01.FR.73)");
        }
        if is_dynamic && items(schedule, "chargingSchedulePeriod").count() != 1 {
            return Some("a Dynamic profile has one period (K28.FR.01)");
        }
        items(schedule, "chargingSchedulePeriod").find_map(|period| wrong_period(purpose, is_dynamic, schedule, period))
    })
}

fn wrong_period(purpose: &str, is_dynamic: bool, schedule: &Value, period: &Value) -> Option<&'static str> {
    let mode = period["operationMode"].as_str().unwrap_or("ChargingOnly");
    let (limits, setpoints) = (has(period, &LIMITS), has(period, &SETPOINTS));
    if matches!(purpose, "PriorityCharging" | "ChargingStationMaxProfile") && mode != "ChargingOnly" {
        return Some("such a profile is for charging only (K01.FR.111)");
    }
    match mode {
        "CentralSetpoint" if limits => Some("a period with setpoints of the CSMS has no limits (Q03.FR.02)"),
        "CentralFrequency" if !is_dynamic => Some("central frequency support needs a Dynamic profile (Q07.FR.02)"),
        "CentralFrequency" if limits => Some("a period for frequency support has no limits (Q07.FR.03)"),
        "LocalFrequency" if limits || setpoints => {
            Some("a period with LocalFrequency has neither limits nor setpoints (Q08.FR.01)")
        }
        "LocalFrequency" if period.get("v2xBaseline").is_none() || items(period, "v2xFreqWattCurve").count() < 2 => {
            Some("a period with LocalFrequency has a baseline and a curve (Q08.FR.02)")
        }
        "LocalFrequency" if schedule["chargingRateUnit"] != "W" => Some("LocalFrequency is in W (Q08.FR.05)"),
        "Idle" if limits || setpoints => Some("a period with Idle has neither limits nor setpoints (Q10.FR.01)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(purpose: &str, kind: &str, unit: &str, periods: Value) -> String {
        let profile = json!({
            "id": 1, "chargingProfilePurpose": purpose, "chargingProfileKind": kind,
            "chargingSchedule": [{ "chargingRateUnit": unit, "chargingSchedulePeriod": periods }],
        });
        let told = forbids(&Variables::default(), &profile);
        told.and_then(|told| told.split_once('(')).map_or("", |(_, id)| id.trim_end_matches(')')).to_owned()
    }

    #[test]
    fn a_profile_that_breaks_a_requirement_of_ocpp_2_1_is_not_sent() {
        let one = |mode: &str, member: &str| json!([{ "startPeriod": 0, "operationMode": mode, (member): 1 }]);
        let of = |kind: &str, periods: Value| told("TxDefaultProfile", kind, "A", periods);
        let found = [
            of("Absolute", one("ChargingOnly", "limit")),
            of("Dynamic", json!([{ "startPeriod": 0, "limit": 1 }, { "startPeriod": 9, "limit": 2 }])),
            told("PriorityCharging", "Absolute", "A", one("CentralSetpoint", "setpoint")),
            of("Absolute", one("CentralSetpoint", "dischargeLimit_L3")),
            of("Absolute", one("CentralFrequency", "setpoint")),
            of("Dynamic", one("CentralFrequency", "limit")),
            of("Absolute", one("LocalFrequency", "setpointReactive")),
            of("Absolute", one("LocalFrequency", "v2xBaseline")),
            of("Absolute", one("Idle", "limit")),
            of("Absolute", one("Idle", "evseSleep")),
        ];
        let expected = [
            "",
            "K28.FR.01",
            "K01.FR.111",
            "Q03.FR.02",
            "Q07.FR.02",
            "Q07.FR.03",
            "Q08.FR.01",
            "Q08.FR.02",
            "Q10.FR.01",
            "",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn ids_are_above_those_of_the_station() {
        let mut variables = Variables::default();
        let profile = |id: i64| json!({ "id": id });
        assert_eq!((free_id(&variables, 7), forbids(&variables, &profile(7))), (7, None));
        variables.reported(&json!({ "reportData": [{
            "component": { "name": "SmartChargingCtrlr" }, "variable": { "name": "MaxExternalConstraintsId" },
            "variableAttribute": [{ "value": "100" }],
        }] }));
        assert_eq!(free_id(&variables, 7), 107);
        assert!(forbids(&variables, &profile(100)).is_some());
        assert_eq!(forbids(&variables, &profile(101)), None);
    }
}
