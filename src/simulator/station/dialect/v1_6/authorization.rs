//! Who may charge: what the local list, the cache and the central system say of an idTag (3.5, 4.1).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{ChargePoint, Timer, same_tag};
use crate::simulator::station::physical::CachedToken;

/// An Authorize that is not answered yet.
#[derive(Debug)]
pub(super) struct Question {
    index: usize,
    id_tag: String,
    /// The token is to stop the transaction that runs.
    stops: bool,
}

/// What is known of an idTag without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
    accepted: bool,
    pub(super) parent: Option<String>,
}

/// The key of an idTag in list and cache.
pub(super) fn key(id_tag: &str) -> String {
    id_tag.to_lowercase()
}

fn expiry(info: &Value) -> Option<Timestamp> {
    info["expiryDate"].as_str().and_then(|time| time.parse().ok())
}

fn parent(info: &Value) -> Option<String> {
    info["parentIdTag"].as_str().map(str::to_owned)
}

impl ChargePoint {
    /// A driver presents a token.
    pub(super) fn present(&mut self, index: usize, id_tag: String) {
        if self.release_cable(index, &id_tag) {
            return;
        }
        let session = &self.sessions[index];
        let own = session.id_tag.as_ref().is_some_and(|known| same_tag(known, &id_tag));
        match (&session.transaction, own) {
            (Some(_), true) => self.stop(index, "Local", Some(id_tag)),
            (Some(_), false) => self.present_other(index, id_tag),
            // B1: a second presentation ends what the first one began.
            (None, true) => self.give_up(index),
            (None, false) => self.request(index, id_tag),
        }
    }

    /// Another token than the one that started the transaction: one of the same parent stops it.
    fn present_other(&mut self, index: usize, id_tag: String) {
        match self.known(&id_tag) {
            Some(known) if known.accepted && (!self.online() || self.configuration.is("LocalPreAuthorize")) => {
                self.stop_with_parent(index, id_tag, known.parent);
            }
            _ if self.online() => self.ask(index, id_tag, true),
            _ => {}
        }
    }

    fn stop_with_parent(&mut self, index: usize, id_tag: String, parent: Option<String>) {
        let session = &self.sessions[index];
        let same = match (&session.parent, &parent) {
            (Some(one), Some(other)) => same_tag(one, other),
            _ => false,
        };
        if same && session.transaction.is_some() {
            self.stop(index, "Local", Some(id_tag));
        }
    }

    /// A token asks for energy, presented here or named by a RemoteStartTransaction.
    pub(super) fn request(&mut self, index: usize, id_tag: String) {
        if !self.can_begin(index) {
            return;
        }
        let known = self.known(&id_tag);
        if self.online() {
            match known {
                Some(known) if known.accepted && self.configuration.is("LocalPreAuthorize") => {
                    self.authorize(index, id_tag, known.parent);
                }
                // One that is known and not valid is asked about, too (3.5.1).
                _ => self.ask(index, id_tag, false),
            }
            return;
        }
        match known {
            Some(known) if known.accepted && self.configuration.is("LocalAuthorizeOffline") => {
                self.authorize(index, id_tag, known.parent);
            }
            // 3.5.4: only tokens of which nothing is known.
            None if self.configuration.is("AllowOfflineTxForUnknownId") => self.authorize(index, id_tag, None),
            _ => {}
        }
    }

    /// Whether anybody may begin at an EVSE now. Without ever having been accepted, nobody may (4.2.1).
    pub(super) fn can_begin(&self, index: usize) -> bool {
        let at = self.connector_in_use(index);
        let registered = self.online() || (self.was_accepted && self.physical.conn.is_none());
        let idle = self.sessions[index].transaction.is_none();
        registered && self.connectors[at].operative && !self.is_faulted(at) && idle
    }

    /// What list and cache know of an idTag. The list goes first (3.5.3), and what has expired is not valid.
    pub(super) fn known(&mut self, id_tag: &str) -> Option<Known> {
        let now = self.physical.now();
        if self.configuration.is("LocalAuthListEnabled") {
            if let Some(info) = self.local_list.look_up(&key(id_tag)) {
                let expired = expiry(&info).is_some_and(|expiry| expiry <= now);
                return Some(Known { accepted: info["status"] == "Accepted" && !expired, parent: parent(&info) });
            }
        }
        if !self.configuration.is("AuthorizationCacheEnabled") {
            return None;
        }
        let CachedToken { info, accepted, .. } = self.cache.look_up(&key(id_tag), None, now)?;
        // An entry whose validity ends stays, as one that has expired (3.5.1).
        let expired = expiry(&info).is_some_and(|expiry| expiry <= now);
        Some(Known { accepted: accepted && !expired, parent: parent(&info) })
    }

    /// Keeps what the central system says of an idTag that the local list does not have (3.5.1, 3.5.3).
    pub(super) fn remember(&mut self, id_tag: &str, info: &Value) {
        let listed = self.configuration.is("LocalAuthListEnabled") && self.local_list.look_up(&key(id_tag)).is_some();
        if self.configuration.is("AuthorizationCacheEnabled") && !listed && info.is_object() {
            let accepted = info["status"] == "Accepted";
            self.cache.remember(key(id_tag), CachedToken { info: info.clone(), accepted, expiry: None });
        }
    }

    fn ask(&mut self, index: usize, id_tag: String, stops: bool) {
        self.call("Authorize", json!({ "idTag": id_tag }));
        self.authorizing.push_back(Question { index, id_tag, stops });
    }

    pub(super) fn authorize_answered(&mut self, response: &Value) {
        let Some(Question { index, id_tag, stops }) = self.authorizing.pop_front() else { return };
        let info = &response["idTagInfo"];
        self.remember(&id_tag, info);
        if info["status"] != "Accepted" {
            self.sessions[index].profile_to_come = None;
            return;
        }
        if stops {
            self.stop_with_parent(index, id_tag, parent(info));
        } else if self.can_begin(index) {
            self.authorize(index, id_tag, parent(info));
        }
    }

    /// The central system did not answer an Authorize properly: nobody is authorised by that.
    pub(super) fn authorize_failed(&mut self) {
        self.authorizing.pop_front();
    }

    /// A token may charge: at once, or as soon as an EV is connected.
    pub(super) fn authorize(&mut self, index: usize, id_tag: String, parent: Option<String>) {
        let at = self.connector_in_use(index);
        if !self.reservations_admit(at, &id_tag, parent.as_deref()) {
            return;
        }
        let session = &mut self.sessions[index];
        session.id_tag = Some(id_tag);
        session.parent = parent;
        session.finishing = false;
        self.report_evse(index);
        if self.physical.evses[index].connected() {
            self.try_starting(index);
        } else {
            let seconds = self.configuration.number("ConnectionTimeOut");
            self.cancel(|timer| *timer == Timer::ConnectionTimeout(index));
            self.schedule(Duration::from_secs(seconds), Timer::ConnectionTimeout(index));
        }
    }

    /// The EV was not connected in time (9.1.6).
    pub(super) fn connection_timed_out(&mut self, index: usize) {
        if self.sessions[index].transaction.is_none() {
            self.give_up(index);
        }
    }

    fn give_up(&mut self, index: usize) {
        self.cancel(|timer| *timer == Timer::ConnectionTimeout(index));
        let session = &mut self.sessions[index];
        session.id_tag = None;
        session.parent = None;
        session.profile_to_come = None;
        self.report_evse(index);
    }
}
