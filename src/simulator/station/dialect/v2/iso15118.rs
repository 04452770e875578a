//! EVs that speak ISO 15118: Plug and Charge (C07), contract certificates (M01, M02), and what OCSP says of the station's own
//! certificate (M06).

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Station, Timer};
use crate::{
    certificate::Certificate,
    pics::Profile,
    simulator::station::physical::{Contract, ContractRequest, EvSession},
};

/// The schema of ISO 15118-2:2014, which the station speaks.
const SCHEMA: &str = "urn:iso:15118:2:2013:MsgDef";
/// That of ISO 15118-20, for EVs that take several contracts.
const SCHEMA_20: &str = "urn:iso:std:iso:15118:-20:CommonMessages";
/// Most certificates that an Authorize names.
const MAX_HASHES: usize = 4;

/// Most contracts that the station remembers.
const MAX_CONTRACTS: usize = 100;

impl Station {
    /// An EV was plugged in. One that has a contract shows it, where the station offers that.
    pub(super) fn vehicle_connected(&mut self, index: usize) {
        if self.evses[index].authorized.is_some() || !self.usable(index) || !self.offers_contract(index) {
            return;
        }
        match self.physical.evses[index].ev.request {
            None => self.contract_presented(index),
            Some(request) => self.request_contract(index, request),
        }
    }

    /// Whether EV and station agree on Plug and Charge. Offline that is offered where contracts are validated offline
    /// (C07.FR.07, C07.FR.08).
    fn offers_contract(&self, index: usize) -> bool {
        let offered = self.pics.has_profile(Profile::ISO_15118) && self.device.is("ISO15118Ctrlr", "PnCEnabled");
        let can_judge = self.online() || self.device.is("ISO15118Ctrlr", "ContractValidationOffline");
        offered && can_judge && self.physical.vehicle_with_contract(index, self.physical.now()).is_some()
    }

    // ---- contract certificates (M01, M02) ----

    fn request_contract(&mut self, index: usize, request: ContractRequest) {
        if !self.online() || !self.device.is("ISO15118Ctrlr", "ContractCertificateInstallationEnabled") {
            return;
        }
        let exi = base64::engine::general_purpose::STANDARD.encode(EvSession::exi(request));
        let action = match request {
            ContractRequest::Install => "Install",
            ContractRequest::Update => "Update",
        };
        let mut payload = json!({ "iso15118SchemaVersion": SCHEMA, "action": action, "exiRequest": exi });
        // M01.FR.02, M01.FR.03
        let several = self.physical.evses[index].ev.contracts.filter(|_| self.pics.is_yes("ISO-1.2"));
        if let Some(most) = several {
            payload["iso15118SchemaVersion"] = SCHEMA_20.into();
            payload["maximumContractCertificateChains"] = most.into();
        }
        self.call("Get15118EVCertificate", payload);
        self.requesting_contracts.push_back(index);
    }

    /// The contract pool has answered an EV: with a contract it goes on, with a failure it ends its session.
    pub(super) fn contract_answered(&mut self, response: &Value) {
        let Some(index) = self.requesting_contracts.pop_front() else { return };
        let exi = response["exiResponse"].as_str().unwrap_or_default();
        let readable = base64::engine::general_purpose::STANDARD.decode(exi).is_ok_and(|exi| !exi.is_empty());
        let more = response["remainingContracts"].as_u64().is_some_and(|more| more > 0);
        if let Some(request) = self.physical.evses[index].ev.request.filter(|_| more && readable) {
            self.request_contract(index, request); // M01.FR.06
        } else if response["status"] == "Accepted" && readable && self.offers_contract(index) {
            self.physical.evses[index].ev.request = None;
            self.contract_presented(index);
        }
    }

    pub(super) fn contract_not_answered(&mut self) {
        self.requesting_contracts.pop_front();
    }

    // ---- Plug and Charge (C07) ----

    fn contract_presented(&mut self, index: usize) {
        let now = self.physical.now();
        let Some(vehicle) = self.physical.vehicle_with_contract(index, now) else { return };
        let pem = vehicle.contract.clone();
        let chain = Certificate::chain(&pem);
        let emaid = chain.first().map(Certificate::common_name).unwrap_or_default();
        let token = json!({ "idToken": emaid, "type": "eMAID" });
        self.remember_contract(&pem);
        if !self.device.is("AuthCtrlr", "Enabled") {
            self.authorize(index, token, None);
            return;
        }
        let contract = self.physical.certificates.judge_contract(&chain, now);
        if !self.online() || self.device.is("AuthCtrlr", "DisableRemoteAuthorization") {
            if matches!(contract, Contract::Valid(_)) {
                self.request_offline(index, &token); // C07.FR.09 to 12
            }
            return;
        }
        let mut payload = json!({ "idToken": token });
        match contract {
            Contract::Valid(mut requests) => {
                requests.truncate(MAX_HASHES);
                payload["iso15118CertificateHashData"] = requests.into();
            }
            // C07.FR.06
            Contract::Unknown if self.device.is("ISO15118Ctrlr", "CentralContractValidationAllowed") => {
                payload["certificate"] = pem.into();
            }
            Contract::Unknown | Contract::Invalid => return,
        }
        self.call("Authorize", payload);
        self.authorizing.push_back((index, token, false));
    }

    /// What drivers may be asked about later (N09, N10), where the product keeps that (ISO-4).
    fn remember_contract(&mut self, pem: &str) {
        if self.pics.is_yes("ISO-4") {
            self.contracts.retain(|known| known != pem);
            self.contracts.push_front(pem.to_owned());
            self.contracts.truncate(MAX_CONTRACTS);
        }
    }

    // ---- the status of the station's own certificate (M06) ----

    /// Asks for the status of each certificate that EVs see, where it is not known or too old.
    pub(super) fn refresh_statuses(&mut self) {
        self.cancel(|timer| *timer == Timer::CertificateStatus);
        let Some(wait) = self.physical.certificates.secc.refresh_in() else { return };
        if wait.is_zero() && self.online() {
            self.physical.certificates.secc.asks_for_statuses();
            for request in self.physical.certificates.vehicle_status_requests() {
                self.call("GetCertificateStatus", json!({ "ocspRequestData": request }));
            }
        }
        if let Some(wait) = self.physical.certificates.secc.refresh_in().filter(|wait| !wait.is_zero()) {
            self.schedule(wait, Timer::CertificateStatus);
        }
    }

    /// What the CSMS found out; a failure leaves what was known (M06.FR.04).
    pub(super) fn status_answered(&mut self, request: &Value, response: &Value) {
        if let (Some("Accepted"), Some(result)) = (response["status"].as_str(), response["ocspResult"].as_str()) {
            self.physical.certificates.secc.keep_status(&request["ocspRequestData"], result);
        }
    }
}
