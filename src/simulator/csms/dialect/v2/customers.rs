//! What stations hold of customers, and what has to follow when they are to forget it.

use serde_json::{Value, json};

/// Most idTokens of a local list that are kept.
const MAX_LISTED: usize = 100_000;

/// The local authorization list of the station, as far as customers stand in it.
#[derive(Default)]
pub(super) struct Customers {
    listed: Vec<Value>,
    version: i64,
}

fn same(one: &Value, other: &Value) -> bool {
    let text = |token: &Value| token["idToken"].as_str().map(str::to_lowercase);
    text(one) == text(other) && one["type"] == other["type"]
}

impl Customers {
    /// Learns from an answer of the station. One that forgets a customer keeps its local list, from which the CSMS has to
    /// take it (N10.FR.02): the answer is that SendLocalListRequest.
    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) -> Option<Value> {
        match action {
            "SendLocalList" if response["status"] == "Accepted" => self.list(request),
            "GetLocalListVersion" => self.version = response["versionNumber"].as_i64().unwrap_or(self.version),
            "CustomerInformation" if response["status"] == "Accepted" && request["clear"] == true => {
                let token = self.listed.iter().find(|listed| same(listed, &request["idToken"]))?;
                return Some(json!({
                    "versionNumber": self.version + 1,
                    "updateType": "Differential",
                    "localAuthorizationList": [{ "idToken": token }],
                }));
            }
            _ => {}
        }
        None
    }

    fn list(&mut self, request: &Value) {
        if request["updateType"] == "Full" {
            self.listed.clear();
        }
        self.version = request["versionNumber"].as_i64().unwrap_or(self.version);
        for entry in request["localAuthorizationList"].as_array().into_iter().flatten() {
            self.listed.retain(|listed| !same(listed, &entry["idToken"]));
            if entry.get("idTokenInfo").is_some() && self.listed.len() < MAX_LISTED {
                self.listed.push(json!({ "idToken": entry["idToken"]["idToken"], "type": entry["idToken"]["type"] }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_that_is_forgotten_leaves_the_local_list() {
        let mut customers = Customers::default();
        let token = json!({ "idToken": "AB12", "type": "ISO14443" });
        let accepted = json!({ "status": "Accepted" });
        let list = json!({
            "versionNumber": 7, "updateType": "Full",
            "localAuthorizationList": [{ "idToken": token, "idTokenInfo": { "status": "Accepted" } }],
        });
        assert_eq!(customers.answered("SendLocalList", &list, &accepted), None);
        let asked = json!({ "report": true, "clear": false, "idToken": { "idToken": "ab12", "type": "ISO14443" } });
        assert_eq!(customers.answered("CustomerInformation", &asked, &accepted), None);
        let asked = json!({ "report": true, "clear": true, "idToken": { "idToken": "ab12", "type": "ISO14443" } });
        assert_eq!(customers.answered("CustomerInformation", &asked, &json!({ "status": "Rejected" })), None);
        let update = customers.answered("CustomerInformation", &asked, &accepted).unwrap();
        assert_eq!(update["versionNumber"], 8);
        assert_eq!(update["localAuthorizationList"], json!([{ "idToken": token }]));
        // Once the station has taken that, there is nothing left to do.
        assert_eq!(customers.answered("SendLocalList", &update, &accepted), None);
        assert_eq!(customers.answered("CustomerInformation", &asked, &accepted), None);
    }
}
