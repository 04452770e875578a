//! Payment on a web page that a QR code leads to (C25).

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::Station;

/// The EVSEs that are being paid for on a web page, and until when they are kept.
pub(super) type BeingPaid = HashMap<usize, Instant>;

impl Station {
    /// Somebody pays for an EVSE on a web page; nothing where the station shows no QR codes (C25.FR.27).
    pub(super) fn web_payment_started(&mut self, payload: &Value) -> Option<Value> {
        if !self.device.is("WebPaymentsCtrlr", "Enabled") {
            return None;
        }
        let evse = payload["evseId"].as_u64().and_then(|evse| self.physical.index_of(u32::try_from(evse).ok()?));
        if let (Some(index), Some(seconds)) = (evse, payload["timeout"].as_u64()) {
            // C25.FR.22
            let kept = Instant::now() + Duration::from_secs(seconds.min(3600));
            self.being_paid.insert(index, kept);
        }
        Some(json!({}))
    }

    /// Nobody may start at the EVSE itself meanwhile (C25.FR.22).
    pub(super) fn is_being_paid(&self, index: usize) -> bool {
        self.being_paid.get(&index).is_some_and(|until| *until > Instant::now())
    }

    /// The payment is authorised, and the CSMS starts.
    pub(super) fn web_payment_over(&mut self, index: usize) {
        self.being_paid.remove(&index);
    }
}
