//! Swaps of batteries that the CSMS requests (S02).

use serde_json::Value;

use super::token_info;
use crate::simulator::csms::tokens::Tokens;

/// Why the CSMS does not send this, if that is so (S02.FR.03).
pub(super) fn forbids(tokens: &Tokens, action: &str, payload: &Value) -> Option<&'static str> {
    (action == "RequestBatterySwap" && token_info(tokens, &payload["idToken"])["status"] != "Accepted")
        .then_some("the idToken is not authorized (S02.FR.03)")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn batteries_are_swapped_for_authorized_drivers_only() {
        let tokens = Tokens::new(json!({
            "valid": { "idToken": "GOOD", "type": "Central" }, "blocked": { "idToken": "BAD", "type": "Central" },
        }));
        let of = |token: &str| {
            forbids(&tokens, "RequestBatterySwap", &json!({ "idToken": { "idToken": token, "type": "Central" } }))
        };
        assert!(of("GOOD").is_none() && of("BAD").is_some() && of("?").is_some());
    }
}
