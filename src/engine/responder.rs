//! What we answer when a test case does not say: as a CSMS to a station, as a station to a CSMS.

use serde_json::{Map, Value, json};

use super::{exchange::Call, own_station::Asked, world::World};
use crate::{clock::ocpp_time, protocol::ids};

impl World {
    /// Answers as the specification suggests.
    pub(crate) fn default_reply(&mut self, call: &Call, asked: Asked) {
        if self.is_station_test() {
            let payload = completed(self, call, Value::Object(Map::new()));
            self.reply(call, payload);
            return;
        }
        let around = self.around();
        let station = &mut self.memory.station;
        let reply = station.reply(&around, &call.action, &call.payload, asked);
        station.apply(&around, &call.action, &call.payload, &reply, true);
        let follow_ups = station.follow_ups(&around, &call.action, &call.payload, &reply);
        self.reply(call, reply);
        self.promise(follow_ups);
    }
}

/// Fills in what a reply needs and a test case did not say.
pub(crate) fn completed(world: &mut World, call: &Call, reply: Value) -> Value {
    let Value::Object(mut reply) = reply else { return reply };
    let around = (!world.is_station_test()).then(|| world.around());
    let defaults = match &around {
        None => as_csms(world, call),
        Some(around) => world.memory.station.reply(around, &call.action, &call.payload, Asked::ByStep),
    };
    if let Value::Object(defaults) = defaults {
        for (name, value) in defaults {
            // What belongs to another answer than the test case's must not stand beside it.
            if around.is_none() || world.messages().requires_in(&call.action, false, &name) {
                reply.entry(name).or_insert(value);
            }
        }
    }
    if call.action == "BootNotification" {
        let status = reply.get("status").and_then(Value::as_str).unwrap_or_default().to_owned();
        world.boot_answered(&status);
    }
    let reply = Value::Object(reply);
    if let Some(around) = around {
        world.memory.station.apply(&around, &call.action, &call.payload, &reply, false);
    }
    reply
}

fn as_csms(world: &World, call: &Call) -> Value {
    let now = ocpp_time(world.now.wall);
    match call.action.as_str() {
        "BootNotification" => {
            let interval = world.bench("heartbeat_interval").unwrap_or(json!(300));
            json!({ "currentTime": now, "interval": interval, "status": "Accepted" })
        }
        "Heartbeat" => json!({ "currentTime": now }),
        "Authorize" => json!({ "idTokenInfo": token_info(world, &call.payload["idToken"]) }),
        "TransactionEvent" => match call.payload.get("idToken") {
            Some(token) => json!({ "idTokenInfo": token_info(world, token) }),
            None => json!({}),
        },
        "SignCertificate" => json!({ "status": "Accepted" }),
        "DataTransfer" => json!({ "status": "UnknownVendorId" }),
        "NotifyEVChargingNeeds" => json!({ "status": "Rejected" }),
        "NotifyEVChargingSchedule" => json!({ "status": "Accepted" }),
        "GetCertificateStatus" => json!({ "status": "Failed" }),
        "Get15118EVCertificate" => json!({ "status": "Failed", "exiResponse": "" }),
        _ => json!({}),
    }
}

/// What the bench says of a token, unless the test case has said otherwise (`token_status`); one that the bench does not
/// know is unknown.
fn token_info(world: &World, token: &Value) -> Value {
    let text = token["idToken"].as_str().unwrap_or_default();
    let tokens = world.bench("tokens").unwrap_or_default();
    let known = tokens.as_object().into_iter().flatten().find(|(_, known)| {
        known["idToken"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(text))
            && known["type"] == token["type"]
    });
    let said = known.and_then(|(name, _)| world.kept("token_status")?.get(name)?.as_str());
    let status = match known.map(|(name, _)| name.as_str()) {
        Some(_) if said.is_some() => said.unwrap_or_default(),
        Some("invalid") => "Invalid",
        Some("blocked") => "Blocked",
        Some("expired") => "Expired",
        Some("unknown") => "Unknown",
        Some(_) => "Accepted",
        None if token["type"] == "NoAuthorization" => "Accepted",
        None => "Unknown",
    };
    let mut info = json!({ "status": status });
    if let Some(group) = known.and_then(|(_, known)| known.get("group")) {
        info["groupIdToken"] = json!({ "idToken": group, "type": "Central" });
    }
    info
}

/// Fills in what every request of a kind needs: ids and times that only the engine knows.
pub(crate) fn complete_request(world: &mut World, action: &str, payload: &mut Value) {
    let Value::Object(payload) = payload else { return };
    ids::fill(world.messages(), action, payload, || world.fresh_id());
    for name in ["timestamp", "generatedAt"] {
        if world.messages().requires(action, name) && !payload.contains_key(name) {
            payload.insert(name.into(), ocpp_time(world.now.wall).into());
        }
    }
}
