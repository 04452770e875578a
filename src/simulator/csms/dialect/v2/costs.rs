//! What a transaction costs (I02, I03): a price for the energy, from the readings that the station sends.

use serde_json::Value;

/// The price of a kilowatt-hour, in the station's currency.
const PRICE: f64 = 0.3;

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
