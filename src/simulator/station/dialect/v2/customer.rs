//! What the station knows of a customer, told and cleared (N09, N10).

use serde_json::{Value, json};

use super::{Station, key};
use crate::{
    certificate::{self, Certificate},
    simulator::station::physical::CachedToken,
};

/// Most characters of one part of a report.
const PART: usize = 512;

impl Station {
    /// The answer to a CustomerInformation.
    pub(super) fn customer_information(payload: &Value) -> &'static str {
        let named = ["idToken", "customerCertificate", "customerIdentifier"]
            .into_iter()
            .filter(|name| payload.get(name).is_some())
            .count();
        // N09.FR.09: one customer, named in one way. N09.FR.07: there must be something to do.
        match (named, payload["report"] == true || payload["clear"] == true) {
            (1, true) => "Accepted",
            (1, false) => "Rejected",
            _ => "Invalid",
        }
    }

    /// Tells what is known of the customer, and clears it, the local list excepted (N10.FR.03, N10.FR.06).
    pub(super) fn tell_customer_information(&mut self, payload: &Value) {
        if Self::customer_information(payload) != "Accepted" {
            return;
        }
        let clear = payload["clear"] == true;
        let mut known = Vec::new();
        if let Some(token) = payload.get("idToken") {
            let text = token["idToken"].as_str().unwrap_or_default();
            let key = key(token);
            if let Some(CachedToken { info, .. }) = self.cache.look_up(&key, None, self.physical.now()) {
                known.push(format!("authorization cache: idToken {text} is {}", info["status"]));
            }
            if let Some(info) = self.local_list.look_up(&key) {
                known.push(format!("local authorization list: idToken {text} is {}", info["status"]));
            }
            if clear {
                self.cache.forget(&key);
            }
        }
        if let Some(identifier) = payload["customerIdentifier"].as_str() {
            if self.physical.customers.iter().any(|stored| stored == identifier) {
                known.push(format!("stored by hand: customer {identifier}"));
            }
            if clear {
                self.physical.customers.retain(|stored| stored != identifier);
            }
        }
        if let Some(hash) = payload.get("customerCertificate") {
            for pem in self.contracts.iter().filter(|pem| certificate::is_hash_of(hash, pem)) {
                let emaid = Certificate::first(pem).map(|first| first.common_name()).unwrap_or_default();
                known.push(format!("Plug and Charge: contract {emaid}"));
                if clear {
                    self.cache.forget(&key(&json!({ "idToken": emaid, "type": "eMAID" })));
                }
            }
            if clear {
                self.contracts.retain(|pem| !certificate::is_hash_of(hash, pem));
            }
        }
        let data = if payload["report"] == true { known.join("\n") } else { String::new() };
        let letters: Vec<char> = data.chars().collect();
        let mut parts: Vec<String> = letters.chunks(PART).map(|part| part.iter().collect()).collect();
        if parts.is_empty() {
            parts.push(String::new());
        }
        let generated = self.physical.wall();
        let last = parts.len() - 1;
        for (number, part) in parts.into_iter().enumerate() {
            let report = json!({
                "data": part,
                "seqNo": number,
                "tbc": number < last,
                "generatedAt": generated,
                "requestId": payload["requestId"],
            });
            self.call("NotifyCustomerInformation", report);
        }
    }
}
