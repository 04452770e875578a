//! What charging costs: the price that a driver is told (I01), and what a transaction costs by it (I02, I03), from the readings that the
//! station sends.

use serde_json::{Value, json};

use super::variables::Variables;

/// The price of a kilowatt-hour, in the station's currency.
const PRICE: f64 = 0.3;

/// The price in words for the driver (I01.FR.01), for a station that is known to show tariffs or messages (I01.FR.02), in a format and of a
/// size that it takes.
pub(super) fn told(variables: &Variables) -> Option<Value> {
    let is_true = |name: &str| variables.value(name) == Some("true");
    let shows = is_true("TariffCostCtrlr.Available[Tariff]") || is_true("DisplayMessageCtrlr.Available");
    let formats = variables.value("DisplayMessageCtrlr.SupportedFormats").unwrap_or("UTF8");
    let format =
        ["UTF8", "ASCII"].into_iter().find(|format| formats.split(',').any(|known| known.trim() == *format))?;
    let content = format!("{PRICE:.2} {} per kWh", variables.value("TariffCostCtrlr.Currency").unwrap_or("EUR"));
    let size = variables.value("DisplayMessageCtrlr.PersonalMessageSize").and_then(|size| size.parse().ok());
    let fits = size.is_none_or(|size: usize| content.len() <= size);
    (shows && fits).then(|| json!({ "format": format, "language": "en", "content": content }))
}

/// The energy of a transaction: the lowest and the highest reading of its meter, Wh. Events may come in any order.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Energy(Option<(f64, f64)>);

impl Energy {
    /// Takes the readings of an event in.
    pub(super) fn learn(&mut self, event: &Value) {
        let values = event["meterValue"].as_array().into_iter().flatten();
        let samples = values.flat_map(|value| value["sampledValue"].as_array().into_iter().flatten());
        for sample in samples {
            let whole = sample.get("phase").is_none() && sample.get("location").is_none_or(|place| place == "Outlet");
            let energy = sample.get("measurand").is_none_or(|measurand| measurand == "Energy.Active.Import.Register");
            let Some(value) = sample["value"].as_f64().filter(|_| whole && energy) else { continue };
            let power = sample["unitOfMeasure"]["multiplier"].as_i64().and_then(|power| i32::try_from(power).ok());
            let kilo = if sample["unitOfMeasure"]["unit"] == "kWh" { 1000.0 } else { 1.0 };
            let reading = value * kilo * 10f64.powi(power.unwrap_or(0));
            let (low, high) = self.0.unwrap_or((reading, reading));
            self.0 = Some((low.min(reading), high.max(reading)));
        }
    }

    /// What it costs so far, in whole cents; none without a reading.
    pub(super) fn cost(self) -> Option<f64> {
        self.0.map(|(low, high)| ((high - low) / 1000.0 * PRICE * 100.0).round() / 100.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_price_is_told_to_who_can_show_it() {
        let mut variables = Variables::default();
        let mut report = |component: &str, variable: &str, value: &str| {
            variables.reported(&json!({ "reportData": [{
                "component": { "name": component },
                "variable": { "name": variable },
                "variableAttribute": [{ "value": value }],
            }] }));
            told(&variables)
        };
        assert_eq!(report("TariffCostCtrlr", "Currency", "NOK"), None); // I01.FR.02
        let price = json!({ "format": "UTF8", "language": "en", "content": "0.30 NOK per kWh" });
        assert_eq!(report("DisplayMessageCtrlr", "Available", "true"), Some(price));
        assert_eq!(report("DisplayMessageCtrlr", "SupportedFormats", "URI,ASCII").unwrap()["format"], "ASCII");
        assert_eq!(report("DisplayMessageCtrlr", "PersonalMessageSize", "15"), None);
        assert!(report("DisplayMessageCtrlr", "PersonalMessageSize", "16").is_some());
        assert_eq!(report("DisplayMessageCtrlr", "SupportedFormats", "HTML"), None);
    }

    #[test]
    fn energy_costs_what_the_readings_say() {
        let mut energy = Energy::default();
        assert_eq!(energy.cost(), None);
        let event = |samples: Value| json!({ "meterValue": [{ "sampledValue": samples }] });
        energy.learn(&event(json!([{ "value": 6.0, "unitOfMeasure": { "unit": "kWh" } }])));
        assert_eq!(energy.cost(), Some(0.0)); // I03.FR.04: free is said, not left out
        energy.learn(&event(json!([
            { "value": 1000.0 },
            { "value": 90_000.0, "phase": "L1" },
            { "value": 90_000.0, "measurand": "Voltage" },
        ])));
        assert_eq!(energy.cost(), Some(1.5));
    }
}
