//! Customer information (N09, N10): our station stores none.

use serde_json::{Value, json};

use super::{
    Around,
    follow_up::{FollowUp, Message},
    status,
};

/// The members of which exactly one identifies the customer.
const REFERENCES: [&str; 3] = ["idToken", "customerIdentifier", "customerCertificate"];

pub(super) fn answer(payload: &Value) -> Value {
    let references = REFERENCES.iter().filter(|name| !payload[**name].is_null()).count();
    status(match (references, payload["report"] == true || payload["clear"] == true) {
        (1, true) => "Accepted",
        (1, false) => "Rejected", // N09.FR.07, N10.FR.07
        _ => "Invalid",           // N09.FR.09
    })
}

/// N09.FR.06, N10.FR.04, N10.FR.06
pub(super) fn notified(around: &Around, payload: &Value) -> FollowUp {
    let data = if payload["report"] == true { "No data found." } else { "No data found; nothing is stored." };
    let information = json!({
        "requestId": payload["requestId"], "seqNo": 0, "tbc": false, "generatedAt": around.time(), "data": data,
    });
    FollowUp::new("CustomerInformation", Message::Whole("NotifyCustomerInformation", information))
}
