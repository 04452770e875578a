//! The data collector of OCPP 2.1, whose log the CSMS can ask for (N01.FR.24).

use super::device::{Device, Domain, Mutability, Variable};
use crate::{pics::Pics, protocol::Version};

/// What it can sample.
const MEASURANDS: [&str; 3] = ["Energy.Active.Import.Register", "Power.Active.Import", "Voltage"];

impl Device {
    /// Adds the collector where the product has one (C-65).
    pub fn add_data_collector(&mut self, pics: &Pics, version: Version) {
        if version != Version::V2_1 || !pics.is_yes("C-65") {
            return;
        }
        let measurands: Vec<String> = MEASURANDS.iter().map(|name| (*name).to_owned()).collect();
        let (read, write) = (Mutability::ReadOnly, Mutability::ReadWrite);
        let never = "1970-01-01T00:00:00Z".to_owned();
        for (name, instance, mutability, value, domain) in [
            ("Available", None, read, "true".to_owned(), Domain::Boolean),
            ("Enabled", None, write, "false".to_owned(), Domain::Boolean),
            ("DateTime", Some("Start"), write, never.clone(), Domain::DateTime),
            ("DateTime", Some("End"), write, never, Domain::DateTime),
            ("SamplingInterval", None, write, "1".to_owned(), Domain::Decimal(0.1, 3600.0)),
            ("SampledMeasurands", None, write, measurands[0].clone(), Domain::MemberList(measurands.clone())),
        ] {
            self.variables
                .push(Variable { instance, ..Variable::new("DataCollector", name, mutability, (value, domain)) });
        }
    }
}
