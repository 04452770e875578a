//! Who may charge: what cache, local list and CSMS say of a token, and what follows from it (block C, E05).

use std::time::Duration;

use serde_json::{Value, json};

use super::{Station, Timer, evse::Token, key, payment::is_payment};
use crate::simulator::station::physical::CachedToken;

/// How long the master pass screen stays, in seconds.
const MASTER_PASS_SCREEN: u64 = 60;

/// What is kept with a token: the tariff of its driver.
const DRIVER_TARIFF: &str = "driverTariff";

/// What the station knows of a token without asking.
struct Known {
    info: Value,
    /// The component whose data it is.
    source: &'static str,
}

impl Known {
    fn accepted(&self) -> bool {
        self.info["status"] == "Accepted"
    }
}

pub(super) fn same(one: &Value, other: &Value) -> bool {
    key(one) == key(other)
}

fn group_of(info: &Value) -> Option<Value> {
    info.get("groupIdToken").cloned()
}

impl Station {
    /// A driver presents a token (C01, C09, C12 to C16, E07).
    pub(super) fn present(&mut self, index: usize, token: Token) {
        if self.is_being_paid(index) {
            return;
        }
        // E09.FR.03: whose cable it is may have it.
        if self.evses[index].locked_for.as_ref().is_some_and(|owner| same(owner, &token)) {
            self.hold_cable(index, None);
            if self.evses[index].authorized.is_none() {
                self.reset_if_idle();
                return;
            }
        }
        if let Some(current) = self.evses[index].authorized.clone() {
            if same(&current, &token) {
                // Whoever began may always end (E07.FR.01).
                self.stop_authorization(index, Some(token), false);
            } else {
                self.present_other(index, token);
            }
        } else {
            self.request(index, token);
        }
    }

    /// Another token than the one that charges: one of its group ends the session (C09).
    fn present_other(&mut self, index: usize, token: Token) {
        match self.known(&token) {
            Some(known) if known.accepted() => self.judge(index, &token, &known.info, true),
            Some(known) if self.takes_for_final(&known) => {}
            _ if self.online() && !self.device.is("AuthCtrlr", "DisableRemoteAuthorization") => {
                self.ask(index, token, true);
            }
            _ => {}
        }
    }

    /// A token asks for energy, presented here or named by a remote start (F01.FR.01).
    fn request(&mut self, index: usize, token: Token) {
        if !self.usable(index) {
            self.refused(index);
            return;
        }
        // H03.FR.09; who is not known by the token may still be of the right group.
        self.claim(index, &token, None);
        if token["type"] == "NoAuthorization" || !self.device.is("AuthCtrlr", "Enabled") {
            self.authorize(index, token, None);
            return;
        }
        if !self.online() {
            self.request_offline(index, &token);
            return;
        }
        let known = self.known(&token);
        let asks = !self.device.is("AuthCtrlr", "DisableRemoteAuthorization");
        match known {
            Some(known) if self.device.is("AuthCtrlr", "LocalPreAuthorize") || !asks => {
                if known.accepted() {
                    self.judge_known(index, &token, &known.info);
                } else if asks && !self.takes_for_final(&known) {
                    self.ask(index, token, false);
                } else {
                    self.refused(index);
                }
            }
            _ if asks => self.ask(index, token, false),
            _ => self.refused(index),
        }
    }

    /// C13, C15: the CSMS can't be asked.
    pub(super) fn request_offline(&mut self, index: usize, token: &Token) {
        match self.known(token) {
            Some(known) if known.accepted() && self.device.is("AuthCtrlr", "LocalAuthorizeOffline") => {
                self.judge_known(index, token, &known.info);
            }
            None if self.device.is("AuthCtrlr", "OfflineTxForUnknownIdEnabled") => {
                self.authorize(index, token.clone(), None);
            }
            _ => self.refused(index),
        }
    }

    pub(super) fn refused(&mut self, index: usize) {
        self.give_up_payment(index, true);
        self.evses[index].remote_start = None;
        self.evses[index].claimed = None;
        self.evses[index].profile_to_come = None;
    }

    /// What list and cache know of a token; the list goes first (C13.FR.01).
    fn known(&mut self, token: &Token) -> Option<Known> {
        if self.device.is("LocalAuthListCtrlr", "Enabled") {
            if let Some(info) = self.local_list.look_up(&key(token)) {
                return Some(Known { info, source: "LocalAuthListCtrlr" });
            }
        }
        if !self.device.is("AuthCacheCtrlr", "Enabled") {
            return None;
        }
        let life_time = self.device.get("AuthCacheCtrlr", "LifeTime").parse().ok().map(Duration::from_secs);
        let info = self.cache.look_up(&key(token), life_time, self.physical.now())?.info;
        Some(Known { info, source: "AuthCacheCtrlr" })
    }

    /// True when a refusal that is known is not asked about again.
    fn takes_for_final(&self, known: &Known) -> bool {
        !known.accepted() && self.device.is(known.source, "DisablePostAuthorize")
    }

    pub(super) fn ask(&mut self, index: usize, token: Token, stopping: bool) {
        self.call("Authorize", json!({ "idToken": token }));
        self.authorizing.push_back((index, token, stopping));
    }

    /// The CSMS answered an Authorize.
    pub(super) fn authorize_answered(&mut self, response: &Value) {
        let Some((index, token, stopping)) = self.authorizing.pop_front() else { return };
        let info = response["idTokenInfo"].clone();
        self.remember(&token, &info);
        self.keep_tariff(&token, response.get("tariff"));
        self.allow_transfers(index, &response["allowedEnergyTransfer"]);
        if !stopping {
            self.learn_language(index, &info);
        }
        // C07.FR.13 to 17: of a contract certificate both are told, and both must be right.
        if response.get("certificateStatus").is_some_and(|status| status != "Accepted") {
            self.refused(index);
            return;
        }
        let tariff = response.get("tariff").filter(|_| !stopping && info["status"] == "Accepted");
        if tariff.is_some_and(|tariff| !self.tariff_brought(index, &token, tariff)) {
            self.refused(index);
            return;
        }
        self.judge(index, &token, &info, stopping);
    }

    /// The CSMS did not answer an Authorize properly.
    pub(super) fn authorize_failed(&mut self) {
        if let Some((index, ..)) = self.authorizing.pop_front() {
            self.refused(index);
        }
    }

    /// Keeps what the CSMS said of a token (C10.FR.04, C10.FR.05).
    fn remember(&mut self, token: &Value, info: &Value) {
        let kept = token["type"] != "NoAuthorization" && !is_payment(token);
        if self.device.is("AuthCacheCtrlr", "Enabled") && kept {
            let token = key(token);
            let expiry = info["cacheExpiryDateTime"].as_str().and_then(|time| time.parse().ok());
            let accepted = info["status"] == "Accepted";
            let mut info = info.clone();
            let before = self.cache.look_up(&token, None, self.physical.now());
            if let Some(tariff) = before.and_then(|known| known.info.get(DRIVER_TARIFF).cloned()) {
                info[DRIVER_TARIFF] = tariff;
            }
            self.cache.remember(token, CachedToken { info, accepted, expiry });
        }
    }

    /// I08.FR.05: the tariff of a driver is kept with the token, until the CSMS sends another one, or none.
    fn keep_tariff(&mut self, token: &Value, tariff: Option<&Value>) {
        let token = key(token);
        let Some(mut known) = self.cache.look_up(&token, None, self.physical.now()) else { return };
        let Some(info) = known.info.as_object_mut() else { return };
        match tariff.filter(|_| self.device.is("AuthCacheCtrlr", "Enabled") && self.has_tariffs()) {
            Some(tariff) => info.insert(DRIVER_TARIFF.into(), tariff.clone()),
            None => info.shift_remove(DRIVER_TARIFF),
        };
        self.cache.remember(token, known);
    }

    /// A token that the station knows to be accepted, and its tariff.
    fn judge_known(&mut self, index: usize, token: &Token, info: &Value) {
        let tariff = info.get(DRIVER_TARIFF);
        if tariff.is_some_and(|tariff| !self.tariff_brought(index, token, tariff)) {
            self.refused(index);
        } else {
            self.judge(index, token, info, false);
        }
    }

    fn judge(&mut self, index: usize, token: &Token, info: &Value, stopping: bool) {
        if info["status"] != "Accepted" {
            self.refused(index);
            return;
        }
        let group = group_of(info);
        if self.is_master(group.as_ref()) {
            self.refused(index);
            self.master_pass_presented(token.clone());
            return;
        }
        if stopping {
            let ours = self.evses[index].group.clone();
            if ours.is_some() && ours == group {
                self.stop_authorization(index, Some(token.clone()), false);
            }
            return;
        }
        // C01.FR.21: the CSMS may name the EVSEs where the token holds.
        let places = info["evseId"].as_array().map(Vec::as_slice).unwrap_or_default();
        if places.is_empty() || places.iter().any(|place| *place == self.evses[index].id) {
            self.authorize(index, token.clone(), group);
        } else {
            self.refused(index);
        }
    }

    /// A remote start (F01, F02).
    pub(super) fn remote_start(&mut self, index: usize, token: Token, group: Option<Value>, remote_start: i64) {
        self.web_payment_over(index);
        self.evses[index].remote_start = Some(remote_start);
        self.claim(index, &token, group.as_ref());
        // C18.FR.03: at the station itself, the payment would suffice.
        let suffices = is_payment(&token) && self.device.get("PaymentCtrlr", "AuthorizeDirectPayment") == "false";
        if self.device.is("AuthCtrlr", "AuthorizeRemoteStart") && !suffices {
            self.request(index, token);
        } else {
            self.authorize(index, token, group);
        }
    }

    /// The CSMS answered a TransactionEvent that named a token (C15, E05: it may be invalid by now).
    pub(super) fn transaction_answered(&mut self, request: &Value, response: &Value) {
        let (Some(token), Some(info)) = (request.get("idToken"), response.get("idTokenInfo")) else { return };
        self.remember(token, info);
        let id = request["transactionInfo"]["transactionId"].as_str().unwrap_or_default();
        let Some(index) =
            self.evses.iter().position(|evse| evse.transaction.as_ref().is_some_and(|running| running.id == id))
        else {
            return;
        };
        // What is said of another token than the one that charges changes nothing.
        if !self.evses[index].authorized.as_ref().is_some_and(|authorized| same(authorized, token)) {
            return;
        }
        if info["status"] == "Accepted" {
            if let Some(group) = group_of(info) {
                self.evses[index].group = Some(group);
            }
        } else if self.device.is("TxCtrlr", "StopTxOnInvalidId") {
            self.deauthorize(index, None, "Deauthorized", "DeAuthorized");
        } else {
            let allowance = u32::try_from(self.device.number("TxCtrlr", "MaxEnergyOnInvalidId")).unwrap_or(u32::MAX);
            let meter = self.physical.evses[index].meter;
            let evse = &mut self.evses[index];
            let started = evse.transaction.as_ref().map_or(meter, |running| running.meter_start);
            evse.energy_limit = Some(started + f64::from(allowance));
            self.check_energy_limit(index);
        }
    }

    /// C15.FR.06, C15.FR.07: a token that proved invalid gets the energy that MaxEnergyOnInvalidId grants, and no more.
    pub(super) fn check_energy_limit(&mut self, index: usize) {
        let evse = &mut self.physical.evses[index];
        if evse.supply_suspended || !self.evses[index].energy_limit.is_some_and(|limit| evse.meter >= limit) {
            return;
        }
        evse.supply_suspended = true;
        if !evse.charging {
            return;
        }
        if self.stops_at("EnergyTransfer") {
            self.end(index, "ChargingStateChanged", Some("DeAuthorized"));
        } else {
            self.update(index, "ChargingStateChanged");
        }
    }

    // ---- master pass (C16) ----

    fn is_master(&self, group: Option<&Value>) -> bool {
        let master = self.device.get("AuthCtrlr", "MasterPassGroupId");
        let group = group.and_then(|group| group["idToken"].as_str());
        !master.is_empty() && group.is_some_and(|group| group.eq_ignore_ascii_case(master))
    }

    fn master_pass_presented(&mut self, token: Token) {
        if self.pics.is_yes("C-07") {
            self.master_pass = Some(token);
            self.cancel(|timer| *timer == Timer::MasterPass);
            self.schedule(Duration::from_secs(MASTER_PASS_SCREEN), Timer::MasterPass);
        } else {
            self.stop_with_master_pass(&token, None);
        }
    }

    /// Somebody selects on the master pass screen what to stop; false when there is no such screen.
    pub(super) fn master_pass_selected(&mut self, only: Option<usize>) -> bool {
        let Some(token) = self.master_pass.take() else { return false };
        self.cancel(|timer| *timer == Timer::MasterPass);
        self.stop_with_master_pass(&token, only);
        true
    }

    fn stop_with_master_pass(&mut self, token: &Token, only: Option<usize>) {
        for index in 0..self.evses.len() {
            if self.evses[index].transaction.is_some() && only.is_none_or(|only| only == index) {
                self.deauthorize(index, Some(token.clone()), "StopAuthorized", "MasterPass");
            }
        }
    }
}
