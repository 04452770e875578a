//! Whether transactions go on after a reset or an interruption (Part 2, 2.7.9 and 2.7.10).

use super::{Device, Mutability, Variable, boolean, integer};
use crate::pics::Pics;

impl Device {
    /// The variables of a station that can resume transactions, as long as nobody has added them before.
    pub fn add_resumption(&mut self, pics: &Pics) {
        if !(pics.is_yes("C-62") || pics.is_yes("C-64")) || self.variable("TxCtrlr", "ResumptionTimeout").is_some() {
            return;
        }
        for (name, (value, domain)) in
            [("ResumptionTimeout", integer(0, 0, 86_400)), ("AllowEnergyTransferResumption", boolean(true))]
        {
            self.variables.push(Variable {
                component: "TxCtrlr",
                component_instance: None,
                place: None,
                name,
                instance: None,
                value,
                mutability: Mutability::ReadWrite,
                domain,
                reboot: false,
                persistent: true,
            });
        }
    }
}
