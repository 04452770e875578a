//! Reservations, and the local authorization list.

use serde_json::{Value, json};

use super::{ChargePoint, accepted, act, ask, at};

/// A ReserveNow for ten minutes.
fn reservation(station: &ChargePoint, id: i64, connector: i64, id_tag: &str) -> Value {
    let until = station.physical.now().checked_add(jiff::SignedDuration::from_mins(10)).unwrap().to_string();
    json!({ "reservationId": id, "connectorId": connector, "idTag": id_tag, "expiryDate": until })
}

#[tokio::test(start_paused = true)]
async fn a_reservation_for_a_group_is_used_from_afar_once_the_parent_is_known() {
    for asks in ["true", "false"] {
        let mut station = accepted().await;
        station.configuration.put("AuthorizeRemoteTxRequests", asks);
        let mut reserve = reservation(&station, 5, 1, "OTHER");
        reserve["parentIdTag"] = "family".into();
        assert_eq!(ask(&mut station, "ReserveNow", reserve).1, ["1 Reserved"]);
        act(&mut station, "connect-ev", at()).unwrap();
        let start = json!({ "connectorId": 1, "idTag": "GOOD" });
        let (response, sent) = ask(&mut station, "RemoteStartTransaction", start);
        assert_eq!(response["status"], "Accepted");
        assert_eq!(sent[0], "Authorize GOOD");
        assert!(sent.iter().any(|told| told == "StartTransaction GOOD"), "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_evse_in_use_leaves_nothing_to_reserve() {
    let mut station = accepted().await;
    station.configuration.put("ReserveConnectorZeroSupported", "true");
    let evses = station.sessions.len();
    for evse in 1..evses {
        act(&mut station, "connect-ev", json!({ "evse": evse, "connector": 1 })).unwrap();
    }
    let any = reservation(&station, 1, 0, "GOOD");
    assert_eq!(station.reserve(&any), "Accepted");
    assert_eq!(station.reserve(&reservation(&station, 2, 0, "OTHER")), "Occupied");
    let out = json!({ "connectorId": 0, "type": "Inoperative" });
    assert_eq!(ask(&mut station, "ChangeAvailability", out).0["status"], "Accepted");
    assert_eq!(station.cancel_reservation(&any), "Rejected");
    assert_eq!(station.reserve(&any), "Unavailable");
}

#[tokio::test(start_paused = true)]
async fn an_update_of_the_local_list_fails_that_does_not_fit() {
    let mut station = accepted().await;
    station.configuration.put("LocalAuthListMaxLength", "1");
    let update = |id_tag: &str, version: i64, info: Option<Value>| {
        let mut entry = json!({ "idTag": id_tag });
        if let Some(info) = info {
            entry["idTagInfo"] = info;
        }
        json!({ "listVersion": version, "updateType": "Differential", "localAuthorizationList": [entry] })
    };
    let accepted = || Some(json!({ "status": "Accepted" }));
    let version = |station: &ChargePoint| station.local_list_version()["listVersion"].as_i64().unwrap();
    assert_eq!(station.send_local_list(&update("GOOD", 1, accepted())), "Accepted");
    assert_eq!(station.send_local_list(&update("OTHER", 2, accepted())), "Failed");
    assert_eq!(station.send_local_list(&update("good", 2, accepted())), "Accepted");
    act(&mut station, "break-local-list", json!({})).unwrap();
    assert_eq!(station.send_local_list(&update("good", 3, None)), "Failed");
    assert_eq!(version(&station), 2);
    act(&mut station, "repair-local-list", json!({})).unwrap();
    assert_eq!(station.send_local_list(&update("good", 3, None)), "Accepted");
    assert_eq!(version(&station), 0, "it is empty");
    station.configuration.put("LocalAuthListEnabled", "false");
    assert_eq!(version(&station), -1);
}
