//! Tariffs that the CSMS gives to a station which calculates costs with them (I08).

use serde_json::{Value, json};

use super::variables::Variables;
use crate::simulator::csms::tokens::Tokens;

/// The tariff of a driver, if the token has one of its own and the station uses tariffs (I08.FR.01). It has no validFrom (I08.FR.09), and
/// its id is that of its contents (I08.FR.08).
pub(super) fn of_driver(tokens: &Tokens, variables: &Variables, token: &Value) -> Option<Value> {
    let uses = variables.value("TariffCostCtrlr.Enabled[Tariff]") == Some("true");
    (uses && tokens.is("driver_tariff", token)).then(|| {
        let vat = json!([{ "type": "VAT", "tax": 20 }]);
        json!({
            "tariffId": "driver-25-10-50-vat-20",
            "currency": variables.value("TariffCostCtrlr.Currency").unwrap_or("EUR"),
            "energy": { "prices": [{ "priceKwh": 0.25 }], "taxRates": vat },
            "idleTime": { "prices": [{ "priceMinute": 0.1 }], "taxRates": vat },
            "fixedFee": { "prices": [{ "priceFixed": 0.5 }], "taxRates": vat },
        })
    })
}
