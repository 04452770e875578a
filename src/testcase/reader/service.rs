//! Services of the harness: their names and parameters are known when a file is read.

use super::Reader;
use crate::{testcase::service::ServiceInfo, vocabulary, yaml::Node};

impl Reader<'_> {
    pub(super) fn service(&mut self, value: &Node, node: &Node) -> Option<&'static ServiceInfo> {
        let info = ServiceInfo::named(value.text()?)?;
        self.defects.extend(vocabulary::check(
            info.owner(Some(self.dialect.protocol)),
            info.parameters,
            node.get("with"),
            node,
        ));
        Some(info)
    }
}
