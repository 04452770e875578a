//! The requirements that a file names, and where.

use super::Reader;
use crate::{
    testcase::{catalogue, model::Citation, requirements::Requirements},
    yaml::{Key, Kind, Node},
};

impl Reader<'_> {
    /// A value, or `{ is: value, requirement: id }`.
    pub(super) fn citing<'n>(&mut self, node: &'n Node) -> (&'n Node, Requirements) {
        let Some(is) = node.get("is") else { return (node, Requirements::default()) };
        (is, self.requirements(node.get("requirement")))
    }

    /// What a breach breaks: one id or a list; an entry may be `{ when: condition, is: ids }`.
    pub(super) fn requirements(&mut self, node: Option<&Node>) -> Requirements {
        let mut found = Requirements::default();
        for item in node.map(|node| node.list().unwrap_or(std::slice::from_ref(node))).unwrap_or_default() {
            let (mut is, mut when) = (item, None);
            if item.map().is_some() {
                self.known_keys(item, &["when", "is"]);
                when = item.get("when").map(|when| self.expression(when));
                match item.get("is").filter(|_| when.is_some()) {
                    Some(ids) => is = ids,
                    None => {
                        let help = "write both, or the id alone";
                        self.defect(item.at, "a requirement under a condition needs `when` and `is`", help);
                        continue;
                    }
                }
            }
            for citation in self.listed(Some(is)) {
                found.add(citation.id.clone(), when.clone());
                self.citations.push(citation);
            }
        }
        found
    }

    /// Requirement ids, one or a list; each must exist.
    pub(super) fn listed(&mut self, node: Option<&Node>) -> Vec<Citation> {
        let Some(node) = node else { return Vec::new() };
        catalogue::check_requirements(node, self.dialect.protocol, &mut self.defects);
        let items = node.list().unwrap_or(std::slice::from_ref(node)).iter();
        items.filter_map(|item| Some(Citation { id: item.scalar()?, at: item.at })).collect()
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
            catalogue::check_requirements(
                &Node { kind: Kind::Text(id.clone()), at },
                self.dialect.protocol,
                &mut self.defects,
            );
            if reason.text().is_none_or(|reason| reason.trim().is_empty()) {
                let message = format!("{id} is named beyond the list of Part 6 without a reason");
                self.defect(reason.at, message, "say which check proves it");
            }
            further.push(Citation { id, at });
        }
        further
    }
}
