//! Variables of the device model that are about the grid: the inverters of a station with DER control.

use super::{
    der,
    device::{Device, Domain, Mutability, Variable},
};
use crate::{
    pics::{Pics, Profile},
    simulator::station::{composite::Unit, physical::Evse as Hardware},
};

/// What the product has of its own for DER control.
pub fn add(device: &mut Device, pics: &Pics) {
    if pics.has_profile(Profile::DER_CONTROL) {
        add_inverters(device, pics);
    }
}

fn variable(component: &'static str, name: &'static str, value: impl Into<String>, domain: Domain) -> Variable {
    Variable {
        component,
        component_instance: None,
        place: None,
        name,
        instance: None,
        value: value.into(),
        mutability: Mutability::ReadOnly,
        domain,
        reboot: false,
        persistent: true,
    }
}

/// The nameplate of the inverter of each EVSE (R01.FR.01).
fn add_inverters(device: &mut Device, pics: &Pics) {
    let modes: Vec<String> = der::MODES.iter().map(|mode| (*mode).to_owned()).collect();
    for evse in &pics.evses {
        let power = Hardware::new(evse).rated(Unit::Watt).number();
        let mut put = |name, value: String, domain| {
            let place = Some((evse.id, None));
            device.variables.push(Variable { place, ..variable(der::INVERTER, name, value, domain) });
        };
        for (name, value) in [
            ("MaxW", power),
            ("OverExcitedW", power * 0.9),
            ("OverExcitedPF", 0.9),
            ("UnderExcitedW", power * 0.9),
            ("UnderExcitedPF", 0.9),
            ("MaxVA", power),
            ("MaxVar", power * 0.4),
            ("MaxVarNeg", power * 0.4),
            ("MaxChargeRateW", power),
            ("MaxChargeRateVA", power),
            ("ReactiveSusceptance", 0.0),
        ] {
            put(name, value.to_string(), Domain::Decimal(0.0, 1_000_000.0));
        }
        put("ModesSupported", modes.join(","), Domain::MemberList(modes.clone()));
        let made_by = pics.product.vendor.chars().take(50).collect();
        put("InverterManufacturer", made_by, Domain::Text(50));
        for (name, value) in [("InverterModel", "INV-1"), ("InverterSwVersion", "1.0"), ("InverterHwVersion", "A")] {
            put(name, value.to_owned(), Domain::Text(50));
        }
    }
}
