#!/bin/bash
# What one would guess: types for OCPP 2.0.1 take every message that its schemas allow, and write it again with the same content.
# What rust-ocpp 3.0.4 (crates.io) does, seen on 29 November 2026:
# - customData has no field in any type: it is lost on the way (Part 4, section 9: every class can have it);
# - data of DataTransfer must be a string (Part 2, messages: anyType);
# - of a salesTariff, startValue of ConsumptionCostType must be whole (Part 2, datatypes: decimal) and duration of
#   RelativeTimeIntervalType must be there (0..1), or the whole ChargingSchedule is refused;
# - the connector type sBS1361 is spelt SBS1361 (Part 2, ConnectorEnumType).
# Needs cargo and crates.io. Exit status: 0 as found, 1 changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR=$work/target
mkdir -p "$work/src"
cat > "$work/Cargo.toml" <<'TOML'
[package]
name = "finding"
version = "0.0.0"
edition = "2021"

[dependencies]
rust-ocpp = { version = "=3.0.4", default-features = false, features = ["v2_0_1"] }
serde_json = "=1.0.151"
serde = "1"

[workspace]
TOML
cat > "$work/src/main.rs" <<'RUST'
use rust_ocpp::v2_0_1::messages::{
    datatransfer::DataTransferRequest, heartbeat::HeartbeatRequest, notify_charging_limit::NotifyChargingLimitRequest,
    reserve_now::ReserveNowRequest,
};
use serde::{de::DeserializeOwned, Serialize};
use serde_json::{json, Value};

/// The message read and written again, or why it is refused.
fn again<T: Serialize + DeserializeOwned>(message: &Value) -> Result<Value, String> {
    let read: T = serde_json::from_str(&message.to_string()).map_err(|error| error.to_string())?;
    serde_json::to_value(read).map_err(|error| error.to_string())
}

fn tell(what: &str, message: &Value, outcome: &Result<Value, String>) {
    match outcome {
        Ok(written) if written == message => println!("{what}: the same again"),
        Ok(written) => println!("{what}: becomes {written}"),
        Err(why) => println!("{what}: refused, {}", why.chars().take(70).collect::<String>()),
    }
}

fn main() {
    let heartbeat = json!({ "customData": { "vendorId": "org.example" } });
    let text = json!({ "vendorId": "org.example", "data": "text" });
    let object = json!({ "vendorId": "org.example", "data": { "level": 3 } });
    let limit = |start: Value, interval: Value| {
        json!({ "chargingLimit": { "chargingLimitSource": "EMS" }, "chargingSchedule": [{
            "id": 1, "chargingRateUnit": "W", "chargingSchedulePeriod": [{ "startPeriod": 0, "limit": 7400.0 }],
            "salesTariff": { "id": 1, "salesTariffEntry": [{ "relativeTimeInterval": interval, "consumptionCost": [
                { "startValue": start, "cost": [{ "costKind": "CarbonDioxideEmission", "amount": 1 }] }] }] } }] })
    };
    let reservation = |connector: &str| {
        json!({ "id": 1, "expiryDateTime": "2026-11-29T12:00:00.000Z", "connectorType": connector,
            "idToken": { "idToken": "D001D001", "type": "Central" } })
    };
    let closed = json!({ "start": 0, "duration": 3600 });
    let (whole, half) = (limit(json!(1), closed.clone()), limit(json!(1.5), closed));
    let open = limit(json!(1), json!({ "start": 0 }));
    let (british, combined) = (reservation("sBS1361"), reservation("cCCS2"));

    let outcomes = [
        ("Heartbeat with customData", &heartbeat, again::<HeartbeatRequest>(&heartbeat)),
        ("DataTransfer of a text", &text, again::<DataTransferRequest>(&text)),
        ("DataTransfer of an object", &object, again::<DataTransferRequest>(&object)),
        ("NotifyChargingLimit, startValue 1", &whole, again::<NotifyChargingLimitRequest>(&whole)),
        ("NotifyChargingLimit, startValue 1.5", &half, again::<NotifyChargingLimitRequest>(&half)),
        ("NotifyChargingLimit without duration", &open, again::<NotifyChargingLimitRequest>(&open)),
        ("ReserveNow for cCCS2", &combined, again::<ReserveNowRequest>(&combined)),
        ("ReserveNow for sBS1361", &british, again::<ReserveNowRequest>(&british)),
    ];
    for (what, message, outcome) in &outcomes {
        tell(what, message, outcome);
    }
    let taken: Vec<bool> = outcomes.iter().map(|(_, _, outcome)| outcome.is_ok()).collect();
    let found = outcomes[0].2 == Ok(json!({})) && taken == [true, true, false, true, false, false, true, false];
    println!("{}", if found { "as found" } else { "changed: what is refused or lost is not the same" });
    std::process::exit(i32::from(!found));
}
RUST
cargo generate-lockfile --quiet --manifest-path "$work/Cargo.toml"
grep -q 'checksum = "1a1677b4a6dc3694ebef3428aefbe406dc935cc3f7a7c7463cd0554a6a07610a"' "$work/Cargo.lock" ||
    { echo "this is not the rust-ocpp 3.0.4 that was looked at" >&2; exit 2; }
echo "rust-ocpp 3.0.4"
cargo run --quiet --locked --manifest-path "$work/Cargo.toml"
