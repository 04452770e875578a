//! What the CSMS manages at our station: profiles, messages, the local list, certificates.

use serde_json::{Value, json};

use super::{
    Play, QUIET, accepted,
    monitors::{monitor, set},
};
use crate::{
    certificate,
    protocol::{session::Cover, v2::own_station::OwnStation},
    services::pki::{KeyKind, Pki},
    verdict::Verdict,
};

/// A transaction goes on at EVSE 1, and is charging after a second; at 10 it ends.
pub(super) const CHARGING: &str = "steps:\n  - send: TransactionEvent\n    payload: { eventType: Started, triggerReason: Authorized, seqNo: 0, transactionInfo: { transactionId: T }, evse: { id: 1 }, idToken: { idToken: A, type: Local } }\n  - wait: 1\n  - send: TransactionEvent\n    payload: { eventType: Updated, triggerReason: ChargingStateChanged, seqNo: 1, transactionInfo: { transactionId: T, chargingState: Charging } }\n  - wait: 9\n  - send: TransactionEvent\n    payload: { eventType: Ended, triggerReason: EVDeparted, seqNo: 2, transactionInfo: { transactionId: T } }\n  - wait: 500\n";

/// A transaction goes on at EVSE 1.
const ONGOING: &str = "steps:\n  - send: TransactionEvent\n    payload: { eventType: Started, triggerReason: Authorized, seqNo: 0, transactionInfo: { transactionId: T }, evse: { id: 1 }, idToken: { idToken: A, type: Local } }\n  - wait: 500\n";

fn profile(id: i64, purpose: &str, level: i64, limit: f64) -> Value {
    json!({
        "id": id, "stackLevel": level, "chargingProfilePurpose": purpose, "chargingProfileKind": "Absolute",
        "chargingSchedule": [{
            "id": id, "startSchedule": "1970-01-01T00:00:00Z", "chargingRateUnit": "A",
            "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": limit }],
        }],
    })
}

fn charge(play: &mut Play, evse: u64, profile: &Value) -> String {
    let answer = play.ask("SetChargingProfile", &json!({ "evseId": evse, "chargingProfile": profile }));
    let reason = answer["statusInfo"]["reasonCode"].as_str().map(|reason| format!(" {reason}"));
    format!("{}{}", answer["status"].as_str().unwrap(), reason.unwrap_or_default())
}

fn limits(play: &mut Play, request: &Value) -> Vec<(i64, f64)> {
    let answer = play.ask("GetCompositeSchedule", request);
    let periods = answer["schedule"]["chargingSchedulePeriod"].as_array().unwrap();
    periods.iter().map(|one| (one["startPeriod"].as_i64().unwrap(), one["limit"].as_f64().unwrap())).collect()
}

#[test]
fn charging_profiles_are_checked_kept_reported_and_cleared() {
    let mut play = Play::begin(CHARGING, accepted());
    play.answer(&json!({}));
    let with = |mut profile: Value, member: &str, value: Value| {
        profile[member] = value;
        profile
    };
    let tx = |id: i64| with(profile(id, "TxProfile", 0, 10.0), "transactionId", "T".into());
    for (evse, profile, expected) in [
        (0, profile(1, "ChargingStationMaxProfile", 0, 30.0), "Accepted"),
        (1, profile(2, "TxDefaultProfile", 0, 16.0), "Accepted"),
        (1, tx(3), "Accepted"),
        (2, profile(4, "TxDefaultProfile", 0, 8.0), "Accepted"),
        (2, with(tx(5), "transactionId", "U".into()), "Rejected TxNotFound"),
        (7, profile(5, "TxDefaultProfile", 0, 10.0), "Rejected UnknownEvse"),
        (0, profile(5, "TxDefaultProfile", 0, 10.0), "Rejected DuplicateProfile"),
        (1, profile(5, "TxDefaultProfile", 9, 10.0), "Rejected InvalidStackLevel"),
        // It replaces the one of its id.
        (1, profile(2, "TxDefaultProfile", 0, 12.0), "Accepted"),
    ] {
        assert_eq!(charge(&mut play, evse, &profile), expected, "{evse}: {profile}");
    }
    let report = |play: &mut Play, request: Value| -> Vec<String> {
        let answer = play.ask("GetChargingProfiles", &request);
        if answer["status"] == "NoProfiles" {
            return vec!["NoProfiles".into()];
        }
        let parts = play.follow_ups();
        let one = |(action, part): (String, Value)| {
            assert_eq!((action.as_str(), &part["requestId"]), ("ReportChargingProfiles", &json!(6)));
            let ids: Vec<&Value> = part["chargingProfile"].as_array().unwrap().iter().map(|one| &one["id"]).collect();
            format!("{} {ids:?} {}", part["evseId"], part["tbc"])
        };
        parts.into_iter().map(one).collect::<Vec<_>>()
    };
    let short = |text: &str| text.replace("Number(", "").replace("),", ",").replace(")]", "]");
    let all = report(&mut play, json!({ "requestId": 6, "chargingProfile": { "chargingLimitSource": ["CSO"] } }));
    assert_eq!(all.iter().map(|one| short(one)).collect::<Vec<_>>(), ["0 [1] true", "1 [3, 2] true", "2 [4] false"]);
    let of = |more: Value| {
        let mut request = json!({ "requestId": 6, "chargingProfile": { "chargingLimitSource": ["CSO"] } });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    for (request, expected) in [
        (of(json!({ "evseId": 2 })), "2 [4] false"),
        (of(json!({ "chargingProfile": { "chargingProfileId": [1] } })), "0 [1] false"),
        (of(json!({ "chargingProfile": { "chargingProfilePurpose": "TxProfile" } })), "1 [3] false"),
        (of(json!({ "chargingProfile": { "stackLevel": 4 } })), "NoProfiles"),
        (of(json!({ "chargingProfile": { "chargingLimitSource": ["EMS"] } })), "NoProfiles"),
    ] {
        assert_eq!(
            report(&mut play, request.clone()).iter().map(|one| short(one)).collect::<Vec<_>>(),
            [expected],
            "{request}"
        );
    }
    // The profile of the transaction stands in for the default, below what the station may draw.
    let schedule = |evse: u64| json!({ "evseId": evse, "duration": 3600 });
    assert_eq!(limits(&mut play, &schedule(1)), [(0, 10.0)]);
    assert_eq!(limits(&mut play, &schedule(2)), [(0, 8.0)]);
    // With the transaction its profile goes.
    play.pass(1);
    play.answer(&json!({}));
    play.pass(9);
    play.answer(&json!({}));
    assert_eq!(limits(&mut play, &schedule(1)), [(0, 12.0)]);
    for (request, expected) in [
        (json!({ "chargingProfileId": 3 }), "Unknown"),
        (json!({ "chargingProfileId": 2 }), "Accepted"),
        (
            json!({ "chargingProfileCriteria": { "evseId": 2, "chargingProfilePurpose": "TxDefaultProfile" } }),
            "Accepted",
        ),
        (json!({ "chargingProfileCriteria": { "evseId": 2 } }), "Unknown"),
    ] {
        assert_eq!(play.ask("ClearChargingProfile", &request)["status"], expected, "{request}");
    }
    assert_eq!(limits(&mut play, &schedule(1)), [(0, 30.0)]);
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn a_limit_by_another_system_is_reported_and_not_the_csms_s_to_change() {
    let limit = "steps:\n  - send: NotifyChargingLimit\n    payload: { evseId: 1, chargingLimit: { chargingLimitSource: EMS }, chargingSchedule: [{ id: 1, chargingRateUnit: A, chargingSchedulePeriod: [{ startPeriod: 0, limit: 9 }] }] }\n  - wait: 10\n  - send: ClearedChargingLimit\n    payload: { chargingLimitSource: EMS }\n  - wait: 500\n";
    let mut play = Play::begin(limit, accepted());
    play.answer(&json!({}));
    assert_eq!(charge(&mut play, 1, &profile(1, "TxDefaultProfile", 0, 16.0)), "Accepted");
    let asked = |source: &str| json!({ "requestId": 6, "chargingProfile": { "chargingLimitSource": [source] } });
    assert_eq!(play.ask("GetChargingProfiles", &asked("EMS"))["status"], "Accepted");
    let told = play.follow_ups();
    let (report, id) = (&told[0].1, told[0].1["chargingProfile"][0]["id"].as_i64().unwrap());
    assert_eq!((told.len(), &report["chargingLimitSource"], &report["evseId"]), (1, &json!("EMS"), &json!(1)));
    assert_eq!(report["chargingProfile"][0]["chargingProfilePurpose"], "ChargingStationExternalConstraints");
    assert!(id < 0);
    let schedule = json!({ "evseId": 1, "duration": 60, "chargingRateUnit": "A" });
    assert_eq!(limits(&mut play, &schedule), [(0, 9.0)]);
    for request in
        [json!({ "chargingProfileId": id }), json!({ "chargingProfileCriteria": { "evseId": 1, "stackLevel": 0 } })]
    {
        let expected = if request.get("chargingProfileId").is_some() { "Unknown" } else { "Accepted" };
        assert_eq!(play.ask("ClearChargingProfile", &request)["status"], expected, "{request}");
    }
    assert_eq!(charge(&mut play, 1, &profile(id, "TxDefaultProfile", 0, 16.0)), "Rejected InvalidProfile");
    assert_eq!(limits(&mut play, &schedule), [(0, 9.0)]);
    play.pass(10);
    play.answer(&json!({}));
    assert_eq!(play.ask("GetChargingProfiles", &asked("EMS"))["status"], "NoProfiles");
    assert_eq!(limits(&mut play, &schedule), [(0, 32.0)]);
}

#[test]
fn the_profile_of_a_remote_start_is_for_its_transaction() {
    let steps = "steps:\n  - expect: RequestStartTransaction\n    as: start\n  - send: TransactionEvent\n    payload: { eventType: Started, triggerReason: RemoteStart, seqNo: 0, transactionInfo: { transactionId: T, remoteStartId: 5 }, evse: { id: 2 } }\n  - wait: 500\n";
    let mut play = Play::begin(steps, accepted());
    let asked = json!({
        "remoteStartId": 5, "evseId": 2, "idToken": { "idToken": "A", "type": "Local" },
        "chargingProfile": profile(4, "TxProfile", 0, 7.0),
    });
    assert_eq!(play.ask("RequestStartTransaction", &asked)["status"], "Accepted");
    play.answer(&json!({}));
    let request = json!({ "requestId": 6, "chargingProfile": { "chargingProfilePurpose": "TxProfile" } });
    assert_eq!(play.ask("GetChargingProfiles", &request)["status"], "Accepted");
    let (_, report) = play.follow_ups().remove(0);
    assert_eq!((&report["evseId"], &report["chargingProfile"][0]["transactionId"]), (&json!(2), &json!("T")));
    assert_eq!(limits(&mut play, &json!({ "evseId": 2, "duration": 60 })), [(0, 7.0)]);
}

#[test]
fn a_composite_schedule_follows_the_profiles_through_time() {
    let mut play = Play::begin(QUIET, accepted());
    let mut night = profile(1, "TxDefaultProfile", 1, 20.0);
    night["chargingProfileKind"] = "Recurring".into();
    night["recurrencyKind"] = "Daily".into();
    night["validTo"] = "1970-01-02T00:30:00Z".into();
    night["chargingSchedule"][0]["duration"] = 7200.into();
    night["chargingSchedule"][0]["chargingSchedulePeriod"] =
        json!([{ "startPeriod": 0, "limit": 20 }, { "startPeriod": 3600, "limit": 10 }]);
    let mut relative = profile(2, "TxDefaultProfile", 0, 6.0);
    relative["chargingProfileKind"] = "Relative".into();
    relative["chargingSchedule"][0].as_object_mut().unwrap().remove("startSchedule");
    relative["chargingSchedule"][0]["chargingRateUnit"] = "W".into();
    relative["chargingSchedule"][0]["chargingSchedulePeriod"][0]["limit"] = 6900.into();
    assert_eq!(charge(&mut play, 1, &night), "Accepted");
    assert_eq!(charge(&mut play, 1, &relative), "Accepted");
    // 20 A, then 10 A, then the one below it (6900 W on three phases); a day later again, until it is not valid any more.
    let day = json!({ "evseId": 1, "duration": 90_000, "chargingRateUnit": "A" });
    assert_eq!(limits(&mut play, &day), [(0, 20.0), (3600, 10.0), (86_400, 20.0), (88_200, 10.0)]);
    let watts = json!({ "evseId": 1, "duration": 60, "chargingRateUnit": "W" });
    assert_eq!(limits(&mut play, &watts), [(0, 13_800.0)]);
    // Without a profile it is what an EVSE delivers.
    assert_eq!(limits(&mut play, &json!({ "evseId": 2, "duration": 60 })), [(0, 32.0)]);
    for refused in [json!({ "evseId": 5, "duration": 60 }), json!({ "evseId": 1, "duration": -1 })] {
        assert_eq!(play.ask("GetCompositeSchedule", &refused)["status"], "Rejected", "{refused}");
    }
}

#[test]
fn messages_are_shown_asked_for_and_taken_off_the_display() {
    let message = |id: i64, priority: &str, more: Value| {
        let mut message =
            json!({ "id": id, "priority": priority, "message": { "format": "UTF8", "content": "Hello" } });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "message": message })
    };
    let mut play = Play::begin(CHARGING, accepted());
    play.answer(&json!({}));
    for (request, expected) in [
        (message(1, "NormalCycle", json!({})), "Accepted"),
        (message(2, "AlwaysFront", json!({})), "Accepted"),
        (message(3, "AlwaysFront", json!({ "transactionId": "T" })), "Accepted"), // O01.FR.16
        (message(4, "NormalCycle", json!({ "transactionId": "U" })), "UnknownTransaction"),
        (
            message(4, "NormalCycle", json!({ "message": { "format": "HTML", "content": "<b>" } })),
            "NotSupportedMessageFormat",
        ),
        (message(4, "NormalCycle", json!({ "display": { "name": "Display" } })), "Rejected"),
        (message(5, "InFront", json!({ "endDateTime": "1970-01-01T00:00:05Z" })), "Accepted"),
    ] {
        assert_eq!(play.ask("SetDisplayMessage", &request)["status"], expected, "{request}");
    }
    let shown = |play: &mut Play, request: Value| -> Vec<i64> {
        if play.ask("GetDisplayMessages", &request)["status"] != "Accepted" {
            return Vec::new();
        }
        let (_, part) = play.follow_ups().remove(0);
        assert_eq!((&part["requestId"], &part["tbc"]), (&json!(8), &json!(false)));
        part["messageInfo"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    assert_eq!(shown(&mut play, json!({ "requestId": 8 })), [1, 3, 5]);
    assert_eq!(shown(&mut play, json!({ "requestId": 8, "priority": "NormalCycle" })), [1]);
    assert_eq!(shown(&mut play, json!({ "requestId": 8, "id": [2, 3] })), [3]);
    play.pass(1);
    play.answer(&json!({}));
    play.pass(9);
    play.answer(&json!({}));
    assert_eq!(shown(&mut play, json!({ "requestId": 8 })), [1], "one has had its time, one its transaction");
    let mut next = Play::begin(QUIET, play.end().memory);
    next.pass(10);
    assert_eq!(shown(&mut next, json!({ "requestId": 8 })), [1]);
    for (id, expected) in [(3, "Unknown"), (1, "Accepted"), (1, "Unknown")] {
        assert_eq!(next.ask("ClearDisplayMessage", &json!({ "id": id }))["status"], expected);
    }
    for id in 0..21 {
        let status = next.ask("SetDisplayMessage", &message(id, "NormalCycle", json!({})))["status"].clone();
        assert_eq!(status, if id < 20 { "Accepted" } else { "Rejected" }, "{id}");
    }
    // One that displaces another needs no room of its own.
    for (id, expected) in [(3, "Accepted"), (30, "Accepted"), (31, "Accepted")] {
        assert_eq!(next.ask("SetDisplayMessage", &message(id, "AlwaysFront", json!({})))["status"], expected, "{id}");
    }
    // Twenty messages are told in two parts.
    assert_eq!(next.ask("GetDisplayMessages", &json!({ "requestId": 9 }))["status"], "Accepted");
    let parts = next.follow_ups();
    assert_eq!(parts.iter().map(|(_, part)| &part["tbc"]).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn the_local_list_follows_its_updates() {
    let entry = |token: &str, there: bool| {
        let mut entry = json!({ "idToken": { "idToken": token, "type": "Central" } });
        if there {
            entry["idTokenInfo"] = json!({ "status": "Accepted" });
        }
        entry
    };
    let update = |kind: &str, version: i64, entries: Vec<Value>| {
        let mut update = json!({ "versionNumber": version, "updateType": kind });
        if !entries.is_empty() {
            update["localAuthorizationList"] = entries.into();
        }
        update
    };
    let mut play = Play::begin(QUIET, accepted());
    assert_eq!(play.ask("GetLocalListVersion", &json!({}))["versionNumber"], 0);
    let entries = |play: &mut Play| {
        let item = json!({ "component": { "name": "LocalAuthListCtrlr" }, "variable": { "name": "Entries" } });
        play.ask("GetVariables", &json!({ "getVariableData": [item] }))["getVariableResult"][0]["attributeValue"]
            .clone()
    };
    for (request, expected, count) in [
        (update("Full", 3, vec![entry("A", true), entry("B", true)]), "Accepted", "2"),
        (update("Differential", 3, vec![entry("C", true)]), "VersionMismatch", "2"),
        (update("Differential", 4, vec![entry("C", true), entry("a", false)]), "Accepted", "2"),
        (update("Full", 0, vec![entry("A", true)]), "Failed", "2"),
        (update("Full", 9, vec![entry("A", true), entry("A", true)]), "Failed", "2"),
        (update("Full", 9, vec![]), "Accepted", "0"),
    ] {
        assert_eq!(play.ask("SendLocalList", &request)["status"], expected, "{request}");
        assert_eq!(entries(&mut play), count, "{request}");
    }
    let mut next = Play::begin(QUIET, play.end().memory);
    assert_eq!(next.ask("GetLocalListVersion", &json!({}))["versionNumber"], 9);
    let off = json!({ "setVariableData": [{ "component": { "name": "LocalAuthListCtrlr" }, "variable": { "name": "Enabled" }, "attributeValue": "false" }] });
    next.ask("SetVariables", &off);
    assert_eq!(next.ask("GetLocalListVersion", &json!({}))["versionNumber"], 0, "D02.FR.03");
}

#[test]
fn certificates_are_installed_listed_and_deleted() {
    // The clock of these tests begins in 1970; a certificate of that time is valid then.
    let pki = Pki::new(KeyKind::Ecdsa, jiff::Timestamp::UNIX_EPOCH).unwrap();
    let install = |pem: &str| json!({ "certificateType": "CSMSRootCertificate", "certificate": pem });
    let mut play = Play::begin(QUIET, accepted());
    assert_eq!(play.ask("GetInstalledCertificateIds", &json!({}))["status"], "NotFound");
    assert_eq!(play.ask("InstallCertificate", &install("no certificate"))["status"], "Rejected");
    assert_eq!(play.ask("InstallCertificate", &install(pki.root_pem()))["status"], "Accepted");
    assert_eq!(play.ask("InstallCertificate", &install(pki.root_pem()))["status"], "Accepted");
    let hash = certificate::hash_data(pki.root_pem(), "SHA256").unwrap();
    let mut next = Play::begin(QUIET, play.end().memory);
    let listed = next.ask("GetInstalledCertificateIds", &json!({ "certificateType": ["CSMSRootCertificate"] }));
    let chain = json!([{ "certificateType": "CSMSRootCertificate", "certificateHashData": hash }]);
    assert_eq!(listed["certificateHashDataChain"], chain);
    let other = json!({ "certificateType": ["V2GRootCertificate"] });
    assert_eq!(next.ask("GetInstalledCertificateIds", &other)["status"], "NotFound");
    for expected in ["Accepted", "NotFound"] {
        assert_eq!(next.ask("DeleteCertificate", &json!({ "certificateHashData": hash }))["status"], expected);
    }
}

#[test]
fn the_rest_is_answered_as_a_station_would() {
    let mut play = Play::begin(ONGOING, accepted());
    play.answer(&json!({}));
    let customer = |more: Value| {
        let mut request = json!({ "requestId": 1, "report": true, "clear": false });
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        request
    };
    let network = |slot: i64, profile: u8| {
        json!({ "configurationSlot": slot, "connectionData": {
            "ocppVersion": "OCPP20", "ocppTransport": "JSON", "ocppCsmsUrl": "wss://csms.example/ocpp", "messageTimeout": 30,
            "securityProfile": profile, "ocppInterface": "Wired0",
        } })
    };
    let token = json!({ "idToken": "A", "type": "Central" });
    for (action, request, expected) in [
        ("CostUpdated", json!({ "totalCost": 1.5, "transactionId": "T" }), json!({})),
        ("ClearCache", json!({}), json!({ "status": "Accepted" })),
        ("DataTransfer", json!({ "vendorId": "V" }), json!({ "status": "UnknownVendorId" })),
        ("GetTransactionStatus", json!({}), json!({ "messagesInQueue": false })),
        (
            "GetTransactionStatus",
            json!({ "transactionId": "T" }),
            json!({ "messagesInQueue": false, "ongoingIndicator": true }),
        ),
        (
            "GetTransactionStatus",
            json!({ "transactionId": "U" }),
            json!({ "messagesInQueue": false, "ongoingIndicator": false }),
        ),
        (
            "UnlockConnector",
            json!({ "evseId": 1, "connectorId": 1 }),
            json!({ "status": "OngoingAuthorizedTransaction" }),
        ),
        ("UnlockConnector", json!({ "evseId": 2, "connectorId": 1 }), json!({ "status": "Unlocked" })),
        ("UnlockConnector", json!({ "evseId": 2, "connectorId": 2 }), json!({ "status": "UnknownConnector" })),
        ("CustomerInformation", customer(json!({})), json!({ "status": "Invalid" })),
        (
            "CustomerInformation",
            customer(json!({ "customerIdentifier": "C", "report": false })),
            json!({ "status": "Rejected" }),
        ),
        ("SetNetworkProfile", network(2, 2), json!({ "status": "Accepted" })),
        (
            "SetNetworkProfile",
            network(2, 1),
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "NoSecurityDowngrade" } }),
        ),
        (
            "SetNetworkProfile",
            network(5, 2),
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "InvalidConfSlot" } }),
        ),
        (
            "ReserveNow",
            json!({ "id": 1, "expiryDateTime": "1970-01-02T00:00:00Z", "idToken": token }),
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "Unspecified" } }),
        ),
        (
            "CancelReservation",
            json!({ "reservationId": 1 }),
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "NotFound" } }),
        ),
        ("UnpublishFirmware", json!({ "checksum": "0" }), json!({ "status": "NoFirmware" })),
    ] {
        assert_eq!(play.ask(action, &request), expected, "{action} {request}");
        assert_eq!(play.call(), None, "{action}");
    }
    // The slot that has got a profile may be put in the order now.
    let order = json!({ "setVariableData": [{ "component": { "name": "OCPPCommCtrlr" }, "variable": { "name": "NetworkConfigurationPriority" }, "attributeValue": "2,1" }] });
    assert_eq!(play.ask("SetVariables", &order)["setVariableResult"][0]["attributeStatus"], "Accepted");
    let asked = customer(json!({ "idToken": token, "clear": true }));
    assert_eq!(play.ask("CustomerInformation", &asked)["status"], "Accepted");
    let (action, told) = play.follow_ups().remove(0);
    assert_eq!((action.as_str(), &told["data"]), ("NotifyCustomerInformation", &json!("No data found.")));
    assert_eq!(play.verdict().0, Verdict::Pass);
}

#[test]
fn what_it_remembers_can_be_written_and_read_back() {
    let mut play = Play::begin(QUIET, accepted());
    charge(&mut play, 1, &profile(1, "TxDefaultProfile", 0, 16.0));
    set(&mut play, &[monitor(json!({ "name": "EVSE", "evse": { "id": 1 } }), "Power", "Delta", 1.0, None)]);
    play.ask(
        "SetDisplayMessage",
        &json!({ "message": { "id": 1, "priority": "InFront", "message": { "format": "ASCII", "content": "x" } } }),
    );
    play.ask("SendLocalList", &json!({ "versionNumber": 3, "updateType": "Full" }));
    let kept = play.end().memory.session.keep(&Cover { text: &str::to_owned, value: &Value::clone });
    let station: OwnStation = serde_json::from_value(kept["station"].clone()).unwrap();
    assert_ne!(station, OwnStation::default());
    assert_eq!(serde_json::to_value(&station).unwrap(), kept["station"]);
    assert_eq!(serde_json::from_value::<OwnStation>(json!({})).unwrap(), OwnStation::default());
}
