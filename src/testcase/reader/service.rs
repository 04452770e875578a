//! Services of the harness: their names and parameters are known when a file is read.

use super::Reader;
use crate::{
    testcase::service::{SERVICES, ServiceInfo},
    vocabulary,
    yaml::Node,
};

impl Reader<'_> {
    pub(super) fn service(&mut self, value: &Node, node: &Node) -> Option<&'static ServiceInfo> {
        let name = value.text().unwrap_or_default();
        let Some(info) = ServiceInfo::named(name) else {
            let help = vocabulary::help(name, SERVICES.iter().map(|service| service.name), "known");
            self.defect(value.at, format!("the harness has no service `{name}`"), help);
            return None;
        };
        self.defects.extend(vocabulary::check(info.owner(), info.parameters, node.get("with"), node));
        Some(info)
    }
}
