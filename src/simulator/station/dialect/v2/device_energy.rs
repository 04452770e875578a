//! Variables of the device model that are about energy to and from the grid: inverters, bidirectional transfer.

use super::{
    der,
    device::{Device, Domain, Mutability, Variable},
};
use crate::{
    pics::{Pics, Profile},
    simulator::station::{composite::Unit, physical::Evse as Hardware},
};

/// What the product has of them.
pub fn add(device: &mut Device, pics: &Pics) {
    if pics.has_profile(Profile::DER_CONTROL) {
        add_inverters(device, pics);
    }
    if pics.is_yes("ISO-1.2") {
        let renegotiates = pics.is_yes("ISO-6").to_string();
        let controller = "ISO15118Ctrlr";
        device.variables.push(variable(controller, "ServiceRenegotiationSupport", renegotiates, Domain::Boolean));
        let enabled = variable(controller, "Enabled", "true", Domain::Boolean);
        device.variables.push(Variable { mutability: Mutability::ReadWrite, ..enabled });
    }
    if pics.has_profile(Profile::BIDIRECTIONAL_POWER_TRANSFER) {
        add_v2x(device, pics);
    }
}

/// The controller for bidirectional transfer, which each EVSE has for itself (Part 2, 2.18).
const V2X: &str = "V2XChargingCtrlr";

impl Device {
    /// A variable of the controller for bidirectional transfer of an EVSE, for EVSE 0 of the first one; empty where there is none.
    pub fn v2x(&self, evse: u32, name: &str, instance: Option<&str>) -> &str {
        let is_of = |variable: &&Variable| {
            let at = variable.place.map_or(0, |(evse, _)| evse);
            variable.component == V2X
                && variable.name == name
                && variable.instance == instance
                && (evse == 0 || evse == at)
        };
        self.variables.iter().find(is_of).map_or("", |variable| variable.value.as_str())
    }
}

/// What the station can do with bidirectional transfer (Q01.FR.30 to Q01.FR.35).
fn add_v2x(device: &mut Device, pics: &Pics) {
    let strings = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    // Q01.FR.31
    let mut modes = strings(&["ChargingOnly", "CentralSetpoint", "CentralFrequency"]);
    for (id, more) in [
        ("SC-9", &["Idle"][..]),
        ("SC-10", &["ExternalSetpoint", "ExternalLimits"]),
        ("BPT-1", &["LocalFrequency"]),
        ("BPT-2", &["LocalLoadBalancing"]),
    ] {
        if pics.is_yes(id) {
            modes.extend(strings(more));
        }
    }
    let measurands = strings(&["Power.Active.Setpoint", "Power.Active.Residual", "Power.Active.Import", "SoC"]);
    let (read, write) = (Mutability::ReadOnly, Mutability::ReadWrite);
    for evse in &pics.evses {
        let dc = evse.current == "DC";
        let transfers = strings(if dc { &["DC", "DC_BPT"] } else { &["AC_single_phase", "AC_three_phase", "AC_BPT"] });
        let mut add = |name, instance, mutability, value: String, domain| {
            let made = variable(V2X, name, value, domain);
            device.variables.push(Variable { place: Some((evse.id, None)), instance, mutability, ..made });
        };
        add("Available", None, read, "true".into(), Domain::Boolean);
        add("Enabled", None, write, "true".into(), Domain::Boolean);
        add("SupportedOperationModes", None, read, modes.join(","), Domain::MemberList(modes.clone()));
        add("SupportedEnergyTransferModes", None, read, transfers.join(","), Domain::MemberList(transfers));
        for name in ["TxStartedMeasurands", "TxUpdatedMeasurands", "TxEndedMeasurands"] {
            add(name, Some("CentralSetpoint"), write, String::new(), Domain::MemberList(measurands.clone()));
        }
        for name in ["TxUpdatedInterval", "TxEndedInterval"] {
            add(name, Some("CentralSetpoint"), write, "0".into(), Domain::Integer(0, 86_400));
        }
        if pics.is_yes("BPT-1") {
            add("LocalFrequencyUpdateThreshold", None, write, "10".into(), Domain::Integer(0, 1000));
        }
        if pics.is_yes("BPT-2") {
            for bound in ["UpperThreshold", "LowerThreshold", "UpperOffset", "LowerOffset"] {
                let domain = Domain::Decimal(-100_000.0, 100_000.0);
                add("LocalLoadBalancing", Some(bound), write, String::new(), domain);
            }
        }
    }
}

fn variable(component: &'static str, name: &'static str, value: impl Into<String>, domain: Domain) -> Variable {
    Variable::new(component, name, Mutability::ReadOnly, (value.into(), domain))
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
