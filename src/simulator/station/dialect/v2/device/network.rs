//! NetworkConfiguration, a component with an instance for every slot (Part 2, 2.1.8).

use super::{Device, Domain, Mutability, NETWORK_SLOTS, Variable, boolean, integer, options, text};
use crate::pics::Pics;

/// The interfaces of a network profile (OCPPInterfaceEnumType).
const INTERFACES: [&str; 9] =
    ["Any", "Wired0", "Wired1", "Wired2", "Wired3", "Wireless0", "Wireless1", "Wireless2", "Wireless3"];

/// The versions of a network profile (OCPPVersionEnumType).
const VERSIONS: [&str; 6] = ["OCPP12", "OCPP15", "OCPP16", "OCPP20", "OCPP201", "OCPP21"];

impl Device {
    /// A NetworkConfiguration for every slot (B09.FR.08). There is neither a VPN nor an APN (B09.FR.13); nobody reads the password
    /// (B09.FR.10).
    pub(super) fn add_network_configuration(&mut self) {
        for slot in 1..=NETWORK_SLOTS {
            let mut add = |name, mutability, (value, domain): (String, Domain)| {
                self.variables.push(Variable {
                    component_instance: Some(slot.to_string()),
                    ..Variable::new("NetworkConfiguration", name, mutability, (value, domain))
                });
            };
            add("OcppCsmsUrl", Mutability::ReadWrite, text("", 2000));
            add("OcppInterface", Mutability::ReadWrite, options("Any", &INTERFACES));
            add("OcppTransport", Mutability::ReadWrite, options("JSON", &["JSON"]));
            add("OcppVersion", Mutability::ReadWrite, options("OCPP21", &VERSIONS));
            add("MessageTimeout", Mutability::ReadWrite, integer(30, 1, 3600));
            add("SecurityProfile", Mutability::ReadWrite, integer(1, 0, 3));
            add("Identity", Mutability::ReadWrite, text("", 48));
            add("BasicAuthPassword", Mutability::WriteOnly, text("", 64));
            add("VpnEnabled", Mutability::ReadOnly, boolean(false));
            add("ApnEnabled", Mutability::ReadOnly, boolean(false));
        }
    }

    /// Whether the security profile may go down from 3 to 2, and whether that can be changed.
    pub fn add_security_downgrade(&mut self, pics: &Pics) {
        let (refuses, allows) = (pics.is_yes("AS-4.1"), pics.is_yes("AS-4.2"));
        if !refuses && !allows {
            return;
        }
        let (value, domain) = boolean(!refuses);
        self.variables.push(Variable::new(
            "SecurityCtrlr",
            "AllowSecurityProfileDowngrade",
            if refuses && allows { Mutability::ReadWrite } else { Mutability::ReadOnly },
            (value, domain),
        ));
    }

    /// Sets a value of a NetworkConfiguration from within.
    pub fn put_slot(&mut self, slot: i64, name: &str, value: impl Into<String>) {
        let slot = slot.to_string();
        let of =
            |variable: &&mut Variable| variable.component_instance.as_ref() == Some(&slot) && variable.name == name;
        if let Some(variable) = self.variables.iter_mut().find(of) {
            variable.value = value.into();
        }
    }

    /// A value of a NetworkConfiguration; empty where there is none.
    pub fn of_slot(&self, slot: i64, name: &str) -> &str {
        let slot = slot.to_string();
        let of = |variable: &&Variable| {
            variable.component == "NetworkConfiguration"
                && variable.component_instance.as_ref() == Some(&slot)
                && variable.name == name
        };
        self.variables.iter().find(of).map_or("", |variable| variable.value.as_str())
    }
}
