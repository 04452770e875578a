//! Payments at the station, network profiles by their variables, and resets after which transactions go on.

use super::*;
use crate::simulator::station::{dialect::v2::Boot, physical::Settling};

async fn online() -> Station {
    let mut station = station(pics("reference-station-2.1.yaml")).await;
    station.physical.conn = Some(crate::link::ConnId(1));
    station.boot = Boot::Accepted;
    station.device.put("TxCtrlr", "TxStartPoint", "EVConnected");
    station.device.put("TxCtrlr", "TxStopPoint", "Authorized");
    station
}

/// What the CSMS was told of settlements since.
fn settlements(station: &mut Station) -> Vec<Value> {
    let told = std::mem::take(&mut station.queue);
    told.into_iter().filter(|told| told.action == "NotifySettlement").map(|told| told.payload).collect()
}

fn events(station: &mut Station) -> Vec<Value> {
    std::mem::take(&mut station.transaction_queue).into_iter().map(|event| event.payload).collect()
}

fn pay(station: &mut Station) {
    station.happened(Event::CardPresented(0)).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_card_authorises_and_the_amount_is_told_with_the_token() {
    let mut station = online().await;
    pay(&mut station);
    plug(&mut station);
    let first = events(&mut station).remove(0);
    assert_eq!(first["idToken"]["type"], "DirectPayment");
    assert_eq!(first["idToken"]["additionalInfo"][0]["type"], "CardLast4Digits");
    assert_eq!(first["transactionInfo"]["transactionLimit"], json!({ "maxCost": 50.0 }));
    station.stop_authorization(0, None, true);
    let ended = events(&mut station).pop().unwrap();
    // What the CSMS says that it cost counts where the station does not say.
    station.settle(&ended, &json!({ "totalCost": 18.15 }));
    let told = settlements(&mut station);
    assert_eq!((&told[0]["status"], &told[0]["settlementAmount"]), (&json!("Settled"), &json!(18.15)));
    assert_eq!(told[0]["pspRef"], first["idToken"]["idToken"]);
    assert!(told[0]["receiptUrl"].is_string());
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_nobody_uses_is_cancelled_and_told_only_where_the_csms_knows_it() {
    for asks in [false, true] {
        let mut station = online().await;
        station.device.put("PaymentCtrlr", "AuthorizeDirectPayment", asks.to_string());
        pay(&mut station);
        if asks {
            station.authorize_answered(&json!({ "idTokenInfo": { "status": "Accepted" } }));
        }
        station.queue.clear();
        station.happened(Event::StopPressed(0)).unwrap();
        let told = settlements(&mut station);
        assert_eq!(told.len(), usize::from(asks));
        assert!(told.iter().all(|told| told["status"] == "Canceled" && told.get("transactionId").is_none()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_settlement_that_fails_has_no_receipt() {
    for (settling, status) in [(Settling::Fails, "Failed"), (Settling::Rejects, "Rejected")] {
        let mut station = online().await;
        pay(&mut station);
        plug(&mut station);
        station.physical.terminal.as_mut().unwrap().settling = settling;
        station.stop_authorization(0, None, true);
        let ended = events(&mut station).pop().unwrap();
        station.settle(&ended, &json!({ "totalCost": 18.15 }));
        let told = settlements(&mut station);
        assert_eq!((&told[0]["status"], told[0].get("receiptUrl")), (&json!(status), None));
    }
}

#[tokio::test(start_paused = true)]
async fn a_reset_lets_transactions_go_on_with_energy_or_without() {
    for (resumes, state) in [("true", "Charging"), ("false", "SuspendedEVSE")] {
        let mut station = online().await;
        let reset = json!({ "type": "ImmediateAndResume" });
        station.device.put("TxCtrlr", "ResumptionTimeout", "0");
        assert_eq!(station.reset(&reset), "Rejected");
        station.device.put("TxCtrlr", "ResumptionTimeout", "60");
        station.device.put("TxCtrlr", "AllowEnergyTransferResumption", resumes);
        plug(&mut station);
        station.authorize(0, json!({ "idToken": "AA", "type": "ISO14443" }), None);
        let id = events(&mut station)[0]["transactionInfo"]["transactionId"].clone();
        assert_eq!(station.reset(&reset), "Accepted");
        station.begin_reset(&reset);
        station.restart("RemoteReset");
        station.physical.conn = Some(crate::link::ConnId(2));
        station.boot_answered(&json!({ "status": "Accepted", "interval": 0 }));
        let told: Vec<_> = events(&mut station)
            .into_iter()
            .map(|event| {
                assert_eq!(event["transactionInfo"]["transactionId"], id);
                (event["triggerReason"].clone(), event["transactionInfo"]["chargingState"].clone())
            })
            .collect();
        assert_eq!(told.last().unwrap(), &(json!("TxResumed"), json!(state)));
        assert_eq!(told[0].0, "ResetCommand");
    }
}

fn of_slot(slot: &str, name: &str) -> Value {
    json!({ "component": { "name": "NetworkConfiguration", "instance": slot }, "variable": { "name": name } })
}

#[tokio::test(start_paused = true)]
async fn a_slot_is_set_by_its_variables_and_taken_into_use_only_if_it_is_valid() {
    let mut station = online().await;
    let priority = || variable("OCPPCommCtrlr", "NetworkConfigurationPriority");
    for (item, value, status) in [
        (of_slot("1", "MessageTimeout"), "20", "Rejected"), // in use (B09.FR.22)
        (of_slot("2", "SecurityProfile"), "1", "Rejected"), // B09.FR.32
        (of_slot("2", "SecurityProfile"), "2", "Accepted"),
        (of_slot("2", "OcppCsmsUrl"), "http://other.test/", "Rejected"),
        (of_slot("2", "OcppCsmsUrl"), "ws://other.test/", "Accepted"),
        (of_slot("2", "BasicAuthPassword"), "short", "Rejected"),
        (of_slot("2", "VpnEnabled"), "false", "Rejected"),
        (priority(), "1,2", "Rejected"), // B09.FR.34
        (of_slot("2", "OcppCsmsUrl"), "wss://other.test:443/", "Accepted"),
        (priority(), "1,2", "Accepted"),       // B09.FR.33
        (priority(), "2,1", "RebootRequired"), // B10.FR.01
        (priority(), "1", "Accepted"),         // B09.FR.20
    ] {
        assert_eq!(set(&mut station, item.clone(), value), status, "{item} = {value}");
    }
    assert_eq!(get(&mut station, of_slot("1", "Identity"))["attributeValue"], "CS001");
    assert_eq!(set(&mut station, variable("SecurityCtrlr", "Identity"), "CS001"), "Accepted");
    assert_eq!(get(&mut station, of_slot("1", "Identity"))["attributeValue"], ""); // B09.FR.26
}
