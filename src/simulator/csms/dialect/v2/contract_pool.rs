//! The contracts of EVs, as the contract pools behind the CSMS have them (M01, M02).

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// Contracts that a pool has for an EV that asks for several.
const CONTRACTS: u64 = 3;
/// Most EVs that are in the middle of their contracts; the oldest goes.
const MAX_KEPT: usize = 1000;

/// How many contracts each EV has had, by its request.
#[derive(Default)]
pub(super) struct ContractPool {
    given: BTreeMap<String, u64>,
}

impl ContractPool {
    /// The answer to an EV's request for contract certificates: EXI, which nobody but the EV reads. One with ISO 15118-20 asks
    /// again until it has them all (M01.FR.04, M01.FR.07).
    pub(super) fn answer(&mut self, payload: &Value) -> Value {
        let exi = payload["exiRequest"].as_str().unwrap_or_default();
        // A document without options begins with this header.
        if STANDARD.decode(exi).unwrap_or_default().first() != Some(&0x80) {
            return json!({ "status": "Failed", "exiResponse": "" });
        }
        let name: &[u8] =
            if payload["action"] == "Update" { b"CertificateUpdateRes" } else { b"CertificateInstallationRes" };
        let mut response = json!({ "status": "Accepted", "exiResponse": STANDARD.encode([&[0x80], name].concat()) });
        if let Some(most) = payload["maximumContractCertificateChains"].as_u64() {
            let total = CONTRACTS.min(most).max(1);
            if self.given.len() >= MAX_KEPT && !self.given.contains_key(exi) {
                self.given.pop_first();
            }
            let given = self.given.entry(exi.to_owned()).or_default();
            *given += 1;
            let remaining = total.saturating_sub(*given);
            if remaining == 0 {
                self.given.remove(exi);
            }
            response["remainingContracts"] = remaining.into();
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ev_gets_one_contract_after_the_other() {
        let mut pool = ContractPool::default();
        let mut remaining = |exi: &[u8], most: Option<u64>| {
            let mut request = json!({ "action": "Install", "exiRequest": STANDARD.encode(exi) });
            if let Some(most) = most {
                request["maximumContractCertificateChains"] = most.into();
            }
            pool.answer(&request)["remainingContracts"].as_u64()
        };
        assert_eq!(remaining(b"\x80a", None), None);
        assert_eq!([remaining(b"\x80a", Some(10)), remaining(b"\x80a", Some(10))], [Some(2), Some(1)]);
        assert_eq!(remaining(b"\x80b", Some(1)), Some(0));
        assert_eq!([remaining(b"\x80a", Some(10)), remaining(b"\x80a", Some(10))], [Some(0), Some(2)]);
        assert_eq!(remaining(b"?", Some(10)), None);
    }
}
