//! The names that expressions see: what holds for the whole test case, what is so at the moment, what a test case keeps, and a
//! scope's own. The later hide the earlier. Nothing is put together before an expression asks for it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::World;
use crate::{
    clock::ocpp_time,
    engine::Scope,
    protocol::session::Place,
    template::{Lookup, convert},
    testcase::model::BUILT_IN,
};

/// What expressions in a scope see.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'w> {
    world: &'w World,
    scope: &'w Scope,
}

impl World {
    /// The names that an expression in `scope` sees.
    pub(crate) fn names<'w>(&'w self, scope: &'w Scope) -> Seen<'w> {
        Seen { world: self, scope }
    }

    /// The names that an expression outside of any state sees.
    pub(crate) fn names_outside(&self) -> Seen<'_> {
        self.names(&self.root)
    }

    /// What a name stands for at the moment.
    fn at_the_moment(&self, name: &str, scope: &Scope) -> Option<Value> {
        let of_evse = |member: &str| scope.get("evse").and_then(|evse| evse[member].as_u64()).unwrap_or(1);
        let evse = || of_evse("id");
        let value: Value = match name {
            "now" => ocpp_time(self.now.wall).into(),
            "instant" => self.now.wall.to_string().into(),
            "elapsed" => self.now.seconds().into(),
            "connected" => self.connected().into(),
            "connected_since" => self.open.as_ref().map(|open| open.at.seconds()).into(),
            "endpoint" => self.open.as_ref().map_or(0, |open| open.endpoint.0).into(),
            "next_id" => (i64::from(self.memory.last_id) + 1000).into(),
            "refused_attempts" => json!({ "first": self.refused(1), "second": self.refused(2) }),
            "security_profile" => self.memory.security_profile.into(),
            "state" => self.facts(evse()).get("state").cloned().unwrap_or_else(|| "Idle".into()),
            "facts" => Value::Object(self.facts(evse())),
            _ => {
                let place = Place { evse: evse(), connector: of_evse("connector") };
                self.memory.session.name(&self.moment(), name, place)?
            }
        };
        debug_assert!(BUILT_IN.contains(&name), "`{name}` is missing among the names that a test case must not take");
        Some(value)
    }

    /// How many attempts to connect to an end-point were refused.
    fn refused(&self, endpoint: u8) -> usize {
        self.attempts.iter().filter(|attempt| attempt.endpoint.0 == endpoint && attempt.outcome.is_err()).count()
    }

    fn facts(&self, evse: u64) -> Map<String, Value> {
        let evse = evse.to_string();
        let mut facts = self.memory.evses.get(&evse).cloned().unwrap_or_default();
        if let Some(anticipated) = self.anticipated.get(&evse) {
            facts.extend(anticipated.clone());
        }
        facts
    }
}

impl Lookup for Seen<'_> {
    fn lookup(&self, name: &str) -> Option<Cow<'_, Value>> {
        let Self { world, scope } = *self;
        // What holds for the whole test case and what is so at the moment have no name in common.
        (scope.lookup(name).or_else(|| world.variables.lookup(name)).or_else(|| world.base.lookup(name)))
            .or_else(|| world.at_the_moment(name, scope).map(Cow::Owned))
    }

    fn prepared(&self, name: &str) -> Option<minijinja::Value> {
        let Self { world, scope } = *self;
        (scope.prepared(name).or_else(|| world.variables.prepared(name)).or_else(|| world.base.prepared(name)))
            .or_else(|| world.at_the_moment(name, scope).map(|value| convert(&value)))
    }
}
