//! Who may charge.

use serde_json::{Value, json};

/// The tokens that the CSMS knows.
pub(super) struct Tokens {
    known: Value,
    /// Version of the local list that the station has, as far as we know.
    local_list: i64,
}

impl Tokens {
    pub(super) fn new(known: Value) -> Self {
        Self { known, local_list: 0 }
    }

    /// What is to be said of a token, with its group (C01.FR.06, C01.FR.07).
    pub(super) fn judge(&self, token: &Value) -> Value {
        let text = token["idToken"].as_str().unwrap_or_default();
        let known = self.known.as_object().into_iter().flatten().find(|(_, known)| {
            known["idToken"].as_str().is_some_and(|known| known.eq_ignore_ascii_case(text))
                && known["type"] == token["type"]
        });
        let status = match known.map(|(name, _)| name.as_str()) {
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

    pub(super) fn answered(&mut self, action: &str, request: &Value, response: &Value) {
        match action {
            "SendLocalList" if response["status"] == "Accepted" => {
                self.local_list = request["versionNumber"].as_i64().unwrap_or(self.local_list);
            }
            "GetLocalListVersion" => {
                self.local_list = response["versionNumber"].as_i64().unwrap_or(self.local_list);
            }
            _ => {}
        }
    }
}
