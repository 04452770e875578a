//! What we answer when a test case does not say: as a central system to a charge point, as a charge point to a central system.

use serde_json::{Value, json};

use super::{Asked, Call, Conversation, Moment, registration::BOOT};
use crate::clock::ocpp_time;

/// The ids of transactions begin at the seconds since this moment (2024-01-01T00:00:00Z), so that no run gives those of an
/// earlier one. They are positive (errata 3.54) and fit into 31 bits.
const IDS_SINCE: i64 = 1_704_067_200;

impl Conversation {
    /// What our charge point answers, with what follows from it.
    pub(super) fn reply_as_station(&mut self, moment: &Moment, call: &Call, asked: Asked) -> Value {
        let around = self.around(moment);
        let station = &mut self.station;
        let reply = station.reply(&around, &call.action, &call.payload, asked);
        station.apply(&around, &call.action, &call.payload, &reply);
        let follow_ups = station.follow_ups(&around, &call.action, &call.payload, &reply);
        self.promise(follow_ups);
        reply
    }

    /// Fills in what a reply needs and a test case did not say.
    pub(super) fn completed(&mut self, moment: &Moment, call: &Call, reply: Value) -> Value {
        let Value::Object(mut reply) = reply else { return reply };
        let around = (!moment.tests_station).then(|| self.around(moment));
        let defaults = match &around {
            None => self.as_central_system(moment, call),
            Some(around) => self.station.reply(around, &call.action, &call.payload, Asked::ByStep),
        };
        if let Value::Object(defaults) = defaults {
            for (name, value) in defaults {
                // What belongs to another answer than the test case's must not stand beside it.
                if around.is_none() || self.protocol.messages().requires_in(&call.action, false, &name) {
                    reply.entry(name).or_insert(value);
                }
            }
        }
        if around.is_none() && call.action == BOOT {
            let status = reply.get("status").and_then(Value::as_str).unwrap_or_default();
            self.registration.answered(status);
            self.contact_s = Some(moment.now.seconds());
        }
        let reply = Value::Object(reply);
        if let Some(around) = around {
            self.station.apply(&around, &call.action, &call.payload, &reply);
        }
        reply
    }

    fn as_central_system(&mut self, moment: &Moment, call: &Call) -> Value {
        let now = ocpp_time(moment.now.wall);
        let payload = &call.payload;
        match call.action.as_str() {
            "BootNotification" => {
                let interval = moment.bench("heartbeat_interval").cloned().unwrap_or(json!(300));
                json!({ "status": "Accepted", "currentTime": now, "interval": interval })
            }
            "Heartbeat" => json!({ "currentTime": now }),
            "Authorize" => json!({ "idTagInfo": token_info(moment, &payload["idTag"]) }),
            "StartTransaction" => {
                // One that comes again is the same transaction (3.7.1).
                let known = self.of_test.transactions.id_of(payload);
                let id = known.unwrap_or_else(|| self.next_transaction_id(moment));
                json!({ "idTagInfo": token_info(moment, &payload["idTag"]), "transactionId": id })
            }
            "StopTransaction" => match payload.get("idTag") {
                Some(token) => json!({ "idTagInfo": token_info(moment, token) }),
                None => json!({}),
            },
            "SignCertificate" => json!({ "status": "Accepted" }),
            "DataTransfer" => json!({ "status": "UnknownVendorId" }),
            _ => json!({}),
        }
    }

    fn next_transaction_id(&mut self, moment: &Moment) -> i64 {
        let by_clock = (moment.now.wall.as_second() - IDS_SINCE).clamp(1, i64::from(i32::MAX) / 2);
        self.last_transaction = by_clock.max(self.last_transaction + 1);
        self.last_transaction
    }

    /// A CALL of the product was answered with this.
    pub(super) fn note_replied(&mut self, call: &Call, payload: &Value) {
        let status = &payload["idTagInfo"]["status"];
        match call.action.as_str() {
            "Authorize" if status != "Accepted" => self.leftovers.driver_is_refused(),
            "StartTransaction" if self.of_test.left_starts.contains(&call.payload.to_string()) => {
                let id = payload["transactionId"].to_string();
                let left = crate::protocol::leftovers::LeftTransaction {
                    started: call.payload["timestamp"].clone(),
                    by: self.leftovers.by.clone(),
                    evse: call.payload["connectorId"].as_u64(),
                    running: true,
                };
                self.leftovers.leave(id, left);
            }
            "StartTransaction" => self.of_test.transactions.given(&call.payload, payload, call.at.seconds()),
            _ => {}
        }
    }
}

/// What the bench says of a token, unless the test case has said otherwise (`token_status`); one that the bench does not
/// know is invalid, for 1.6 has no other word for it (7.2).
fn token_info(moment: &Moment, token: &Value) -> Value {
    let text = token.as_str().unwrap_or_default();
    let tokens = moment.bench("tokens").cloned().unwrap_or_default();
    let known = tokens
        .as_object()
        .into_iter()
        .flatten()
        .find(|(_, known)| known["idToken"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(text)));
    let said = known.and_then(|(name, _)| moment.kept.get("token_status")?.get(name)?.as_str());
    let status = match known.map(|(name, _)| name.as_str()) {
        Some(_) if said.is_some() => said.unwrap_or_default(),
        Some("blocked") => "Blocked",
        Some("expired") => "Expired",
        None | Some("invalid" | "unknown") => "Invalid",
        Some(_) => "Accepted",
    };
    let mut info = json!({ "status": status });
    if let Some(group) = known.and_then(|(_, known)| known.get("group")) {
        info["parentIdTag"] = group.clone();
    }
    info
}
