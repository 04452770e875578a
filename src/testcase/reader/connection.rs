//! Steps on the connection: what they offer, and what they say must come of it, is known when they are read.

use super::{Reader, flag};
use crate::{
    testcase::{
        connection::{ConnectionAct, FACTS, Outcome},
        model::Connection,
    },
    vocabulary::{self, Owner},
    yaml::Node,
};

impl Reader<'_> {
    pub(super) fn connection(&mut self, value: &Node, node: &Node) -> Option<Connection> {
        let word = value.text()?;
        let act = ConnectionAct::named(word)?;
        if let Some(offer) = node.get("offer") {
            if act.offers().is_empty() {
                let message = format!("nothing is offered with `connection: {word}`");
                self.defect(offer.at, message, "leave `offer` out; it is for refuse, accept, handshake and connect");
            } else {
                let owner = Owner { name: word, noun: "offer", place: "", scope: Some(self.dialect.protocol) };
                self.defects.extend(vocabulary::check(owner, act.offers(), Some(offer), node));
            }
        }
        Some(Connection {
            act,
            endpoint: node.get("endpoint").map(|node| self.template(node)),
            offer: node.get("offer").map(|node| self.template(node)),
            outcome: node.get("outcome").and_then(|outcome| self.outcome(act, outcome)),
            checks: self.checks(node.get("check"), Some(self.messages().beside(&FACTS, "a connection"))),
            within: node.get("within").map(|node| self.template(node)),
            since: node.get("since").map(|node| self.template(node)),
            optional: flag(node.get("optional")),
        })
    }

    /// What must come of it: a word, never an expression.
    fn outcome(&mut self, act: ConnectionAct, node: &Node) -> Option<Outcome> {
        let known = act.outcomes();
        if known.is_empty() {
            let message = format!("nothing is to come of `connection: {}`", act.word());
            self.defect(node.at, message, "leave `outcome` out; it is for handshake and connect");
            return None;
        }
        let outcome = Outcome::named(node.text()?)?;
        if !known.contains(&outcome.word()) {
            let message = format!("`{}` can't come of `connection: {}`", outcome.word(), act.word());
            self.defect(node.at, message, format!("known: {}", known.join(", ")));
        }
        Some(outcome)
    }
}
