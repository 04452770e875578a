//! The requirements that a file names, and where.

use super::{Reader, words};
use crate::{
    testcase::{catalogue, model::Citation},
    yaml::{Key, Kind, Node},
};

impl Reader<'_> {
    /// A value, or `{ is: value, requirement: id }`.
    pub(super) fn citing<'n>(&mut self, node: &'n Node) -> (&'n Node, Vec<String>) {
        let Some(is) = node.get("is") else { return (node, Vec::new()) };
        self.known_keys(node, &["is", "requirement"]);
        (is, self.requirements(node.get("requirement")))
    }

    /// Requirement ids that a breach breaks; each must exist.
    pub(super) fn requirements(&mut self, node: Option<&Node>) -> Vec<String> {
        let Some(node) = node else { return Vec::new() };
        catalogue::check_requirements(node, &mut self.defects);
        let items = node.list().unwrap_or(std::slice::from_ref(node)).iter();
        let cited = items.filter_map(|item| Some(Citation { id: item.scalar()?, at: item.at }));
        self.citations.extend(cited);
        words(Some(node))
    }

    /// `further-requirements` says of each why it is named though Part 6 does not list it.
    pub(super) fn further(&mut self, node: Option<&Node>) -> Vec<Citation> {
        let Some(node) = node else { return Vec::new() };
        let Some(entries) = node.map() else {
            let message = format!("`further-requirements` is a mapping, found {}", node.describe());
            self.defect(node.at, message, "write `B01.FR.01: why it is named here` lines");
            return Vec::new();
        };
        let mut further = Vec::new();
        for (Key { name: id, at }, reason) in entries {
            let (id, at) = (id.clone(), *at);
            catalogue::check_requirements(&Node { kind: Kind::Text(id.clone()), at }, &mut self.defects);
            if reason.text().is_none_or(|reason| reason.trim().is_empty()) {
                let message = format!("{id} is named beyond the list of Part 6 without a reason");
                self.defect(reason.at, message, "say which check proves it");
            }
            further.push(Citation { id, at });
        }
        further
    }
}
