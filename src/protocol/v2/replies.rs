//! What we answer when a test case does not say: as a CSMS to a station, as a station to a CSMS.

use serde_json::{Value, json};

use super::{Asked, Call, Conversation, Moment, registration::BOOT};
use crate::clock::ocpp_time;

impl Conversation {
    /// What our station answers, with what follows from it.
    pub(super) fn reply_as_station(&mut self, moment: &Moment, call: &Call, asked: Asked) -> Value {
        let around = self.around(moment);
        let station = &mut self.station;
        let reply = station.reply(&around, &call.action, &call.payload, asked);
        station.apply(&around, &call.action, &call.payload, &reply, true);
        let follow_ups = station.follow_ups(&around, &call.action, &call.payload, &reply);
        self.promise(follow_ups);
        reply
    }

    /// Fills in what a reply needs and a test case did not say.
    pub(super) fn completed(&mut self, moment: &Moment, call: &Call, reply: Value) -> Value {
        let Value::Object(mut reply) = reply else { return reply };
        let around = (!moment.tests_station).then(|| self.around(moment));
        let defaults = match &around {
            None => as_csms(moment, call),
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
        // E16.FR.02: the test case sets a limit, once, in the next answer about a transaction that goes on.
        let goes_on = call.action == "TransactionEvent" && call.payload["eventType"] != "Ended";
        let limit = moment.kept.get("transaction_limit").filter(|limit| goes_on && limit.is_object());
        if let Some(limit) = limit.filter(|_| moment.tests_station) {
            let told = (call.payload["transactionInfo"]["transactionId"].clone(), limit.clone());
            if self.of_test.limit_told.as_ref() != Some(&told) {
                reply.entry("transactionLimit").or_insert_with(|| limit.clone());
                self.of_test.limit_told = Some(told);
            }
        }
        if call.action == BOOT {
            let status = reply.get("status").and_then(Value::as_str).unwrap_or_default();
            self.registration.answered(status);
            self.contact_s = Some(moment.now.seconds());
        }
        let reply = Value::Object(reply);
        if let Some(around) = around {
            self.station.apply(&around, &call.action, &call.payload, &reply, false);
        }
        reply
    }
}

fn as_csms(moment: &Moment, call: &Call) -> Value {
    let now = ocpp_time(moment.now.wall);
    match call.action.as_str() {
        "BootNotification" => {
            let interval = moment.bench("heartbeat_interval").cloned().unwrap_or(json!(300));
            json!({ "currentTime": now, "interval": interval, "status": "Accepted" })
        }
        "Heartbeat" => json!({ "currentTime": now }),
        "Authorize" => json!({ "idTokenInfo": token_info(moment, &call.payload["idToken"]) }),
        "TransactionEvent" => {
            let mut answer = json!({});
            if let Some(token) = call.payload.get("idToken") {
                answer["idTokenInfo"] = token_info(moment, token);
            }
            // I03.FR.02: the test case says what the transaction has cost.
            let ended = call.payload["eventType"] == "Ended";
            if let Some(cost) = moment.kept.get("total_cost").filter(|cost| ended && cost.is_number()) {
                answer["totalCost"] = cost.clone();
            }
            answer
        }
        "SignCertificate" => json!({ "status": "Accepted" }),
        "DataTransfer" => json!({ "status": "UnknownVendorId" }),
        "NotifyEVChargingNeeds" => json!({ "status": "Rejected" }),
        "NotifyEVChargingSchedule" => json!({ "status": "Accepted" }),
        "GetCertificateStatus" => json!({ "status": "Failed" }),
        "Get15118EVCertificate" => json!({ "status": "Failed", "exiResponse": "" }),
        "GetCertificateChainStatus" => json!({ "certificateStatus": unchecked(call, &now) }),
        "OpenPeriodicEventStream" => json!({ "status": "Rejected" }),
        "PullDynamicScheduleUpdate" => {
            json!({ "status": "Rejected", "statusInfo": { "reasonCode": "InvalidProfile" } })
        }
        "VatNumberValidation" => {
            let mut answer = json!({ "vatNumber": call.payload["vatNumber"], "status": "Rejected" });
            // C18.FR.10
            if let Some(evse) = call.payload.get("evseId") {
                answer["evseId"] = evse.clone();
            }
            answer
        }
        _ => json!({}),
    }
}

/// Certificates whose status nobody could check (M07.FR.08).
fn unchecked(call: &Call, now: &str) -> Value {
    let asked = call.payload["certificateStatusRequests"].as_array().into_iter().flatten();
    let status = |one: &Value| {
        json!({
            "certificateHashData": one["certificateHashData"], "source": one["source"], "status": "Failed", "nextUpdate": now,
        })
    };
    asked.map(status).collect()
}

/// What the bench says of a token, unless the test case has said otherwise (`token_status`); one that the bench does not
/// know is unknown.
fn token_info(moment: &Moment, token: &Value) -> Value {
    let text = token["idToken"].as_str().unwrap_or_default();
    let tokens = moment.bench("tokens").cloned().unwrap_or_default();
    let known = tokens.as_object().into_iter().flatten().find(|(_, known)| {
        known["idToken"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(text))
            && known["type"] == token["type"]
    });
    let said = known.and_then(|(name, _)| moment.kept.get("token_status")?.get(name)?.as_str());
    let status = match known.map(|(name, _)| name.as_str()) {
        Some(_) if said.is_some() => said.unwrap_or_default(),
        Some("invalid") => "Invalid",
        Some("blocked") => "Blocked",
        Some("expired") => "Expired",
        Some("unknown") => "Unknown",
        Some("no_credit") => "NoCredit",
        Some(_) => "Accepted",
        None if token["type"] == "NoAuthorization" => "Accepted",
        // The payment service provider has authorised it.
        None if token["type"] == "DirectPayment" => "Accepted",
        None => "Unknown",
    };
    let mut info = json!({ "status": status });
    // C17.FR.01 and 02: what is on a prepaid card changes with every use.
    if known.is_some_and(|(name, _)| name == "prepaid") {
        info["cacheExpiryDateTime"] = ocpp_time(moment.now.wall).into();
    }
    if let Some(group) = known.and_then(|(_, known)| known.get("group")) {
        info["groupIdToken"] = json!({ "idToken": group, "type": "Central" });
    }
    info
}
