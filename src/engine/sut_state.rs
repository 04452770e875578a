//! What is known of the SUT and outlasts a test case.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::silence::Silence;
use crate::{
    link::{ClientPolicy, ConnId, DialledConns, EndpointId, Secret, ServerPolicy},
    protocol::{Protocol, Version, session::Session},
};

/// What outlasts a test case.
#[derive(Debug, Clone)]
pub struct SutMemory {
    /// What is known of the conversation with it.
    pub session: Box<dyn Session>,
    /// The connection that is open.
    pub open: Option<(ConnId, EndpointId)>,
    /// It was opened as the bench says, with the sub-protocol agreed on, and not as a test case wanted it.
    pub(crate) ordinary: bool,
    /// Pings in a row that were not answered, though messages came.
    pub(crate) unanswered_pings: u32,
    /// The end-point that it was connected to last.
    pub endpoint: Option<EndpointId>,
    /// Facts per EVSE: the state reached, whether an EV is connected, who is authorised.
    pub evses: BTreeMap<String, Map<String, Value>>,
    /// The security profile in use.
    pub security_profile: u8,
    /// Passwords that were set by a test case, newest last.
    pub passwords: Vec<Secret>,
    /// How we knock at a CSMS, where a test case changed it for good.
    pub client: Option<ClientPolicy>,
    /// Calls of ours that were not answered in their test case; an answer may still come.
    pub(crate) unanswered: HashSet<String>,
    /// The last id that was given out: no id is used twice, in a run or in two.
    pub(crate) last_id: u32,
    /// The connections that our station has opened.
    pub connections: DialledConns,
    /// How soon it is silent.
    pub silence: Silence,
}

/// Ids of a run begin at the tenths of a second since 2024, so that no run gives out those of an earlier one. They go round
/// after six years, and fit into 31 bits with all that one run may add.
const IDS_GO_ROUND: i64 = 2_000_000_000;
/// 2024-01-01T00:00:00Z, tenths of a second.
const IDS_SINCE: i64 = 17_040_672_000;

impl Default for SutMemory {
    fn default() -> Self {
        Self {
            session: Version::default().protocol().session(),
            open: None,
            ordinary: false,
            unanswered_pings: 0,
            endpoint: None,
            evses: BTreeMap::new(),
            security_profile: 0,
            passwords: Vec::new(),
            client: None,
            unanswered: HashSet::new(),
            last_id: 0,
            connections: DialledConns::default(),
            silence: Silence::default(),
        }
    }
}

/// The next id after the last that was given out.
pub(crate) fn next_id(last: &mut u32) -> u32 {
    *last += 1;
    *last
}

impl SutMemory {
    /// Lets the SUT in with every password that it may have: one that a test case set may not have been taken, may count from
    /// the next restart, or be lost with it. Which one it used is for a check to say.
    pub(crate) fn admit(&self, policy: &mut ServerPolicy) {
        if policy.passwords.is_empty() {
            return;
        }
        for password in &self.passwords {
            if !policy.passwords.iter().any(|known| known.expose() == password.expose()) {
                policy.passwords.push(password.clone());
            }
        }
    }

    /// What is known when a run begins: the security profile that the bench begins with.
    pub fn begin(protocol: &'static Protocol, security_profile: u8, now: jiff::Timestamp) -> Self {
        let tenths = now.as_millisecond() / 100 - IDS_SINCE;
        let last_id = u32::try_from(tenths.rem_euclid(IDS_GO_ROUND)).unwrap_or_default();
        Self { session: protocol.session(), security_profile, last_id, ..Self::default() }
    }
}
