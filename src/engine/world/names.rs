//! The names that expressions see: what holds for the whole test case, what is so at the moment, what a test case keeps, and a
//! scope's own. The later hide the earlier. Nothing is put together before an expression asks for it.

use std::borrow::Cow;

use serde_json::{Map, Value, json};

use super::World;
use crate::{
    clock::ocpp_time,
    engine::{
        Scope,
        own_station::{self, Around},
        sut_state::SutTransactions,
    },
    template::{Lookup, Names},
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

    /// What our station sees of the bench and of the moment.
    pub(crate) fn around(&self) -> Around {
        let seen = self.names_outside();
        let mut names = Names::default();
        for name in own_station::names() {
            if self.is_fixed(name) {
                names.share(name, &self.base);
            } else if let Some(value) = seen.lookup(name) {
                names.insert(name, value.into_owned());
            }
        }
        Around::of(names, self.now, self.outbox.has_room())
    }

    /// True for a name that only the whole test case gives.
    fn is_fixed(&self, name: &str) -> bool {
        self.base.contains(name) && !self.variables.contains(name)
    }

    /// What a name stands for at the moment.
    fn at_the_moment<'w>(&'w self, name: &str, scope: &Scope) -> Option<Cow<'w, Value>> {
        let station = self.is_station_test();
        let evse = || scope.get("evse").and_then(|evse| evse["id"].as_u64()).unwrap_or(1);
        let value: Value = match name {
            "now" => ocpp_time(self.now.wall).into(),
            "elapsed" => self.now.seconds().into(),
            "connected" => self.connected().into(),
            "connected_since" => self.open.as_ref().map(|open| open.at.seconds()).into(),
            "endpoint" => self.open.as_ref().map_or(0, |open| open.endpoint.0).into(),
            "accepted" if station => self.memory.registration.is_accepted().into(),
            "accepted" => self.memory.station.registration.is_accepted().into(),
            "registration" if !station => self.memory.station.registration.describe(),
            "variables" if station => Value::Object(self.memory.variables.clone()),
            "variables" => self.memory.station.set_values().collect(),
            "next_id" => (i64::from(self.memory.last_id) + 1000).into(),
            "tx_start_point" => self.point("TxCtrlr.TxStartPoint", name),
            "tx_stop_point" => self.point("TxCtrlr.TxStopPoint", name),
            "refused_attempts" => json!({ "first": self.refused(1), "second": self.refused(2) }),
            "connector_statuses" => {
                let statuses = self.memory.connectors.iter();
                let describe = |((evse, connector), status): (&(u64, u64), &String)| json!({ "evse": evse, "connector": connector, "status": status });
                statuses.map(describe).collect()
            }
            "left" => {
                let (left, now) = (&self.memory.leftovers, self.now.seconds());
                left.describe(&self.memory.connectors, self.driver_patience(), now)
            }
            "security_profile" => self.memory.security_profile.into(),
            "transaction" => self.transactions().describe(evse()),
            "transactions" => self.transactions().describe_all(),
            "state" => self.facts(evse()).get("state").cloned().unwrap_or_else(|| "Idle".into()),
            "facts" => Value::Object(self.facts(evse())),
            _ => return None,
        };
        debug_assert!(BUILT_IN.contains(&name), "`{name}` is missing among the names that a test case must not take");
        Some(Cow::Owned(value))
    }

    /// A point of transactions: as the station told it, or as the bench says.
    fn point(&self, variable: &str, bench: &str) -> Value {
        let value = self.memory.variables.get(variable).cloned().or_else(|| self.bench(bench));
        value.unwrap_or_else(|| Value::String(String::new()))
    }

    /// How many attempts to connect to an end-point were refused.
    fn refused(&self, endpoint: u8) -> usize {
        self.attempts.iter().filter(|attempt| attempt.endpoint.0 == endpoint && attempt.outcome.is_err()).count()
    }

    /// The transactions that expressions speak of: the station's, or those that we told of.
    fn transactions(&self) -> &SutTransactions {
        if self.is_station_test() { &self.transactions } else { &self.told }
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
        let known = scope.get(name).or_else(|| world.variables.get(name)).map(Cow::Borrowed);
        known.or_else(|| world.at_the_moment(name, scope)).or_else(|| world.base.lookup(name))
    }

    fn prepared(&self, name: &str) -> Option<minijinja::Value> {
        let Self { world, scope } = *self;
        (scope.prepared(name).or_else(|| world.variables.prepared(name)))
            .or_else(|| world.at_the_moment(name, scope).map(|value| crate::template::convert(&value)))
            .or_else(|| world.base.prepared(name))
    }
}
