//! What OCSP responders say of the certificates in a CALL, asked for before the CALL is answered.

use serde_json::Value;

use crate::{
    certificate::ocsp::client::{self, Standing},
    clock::Clock,
    link::{ConnId, Network},
    services::transfer::Client,
};

/// A CALL that is answered when the responders have been asked.
pub(super) struct Inquiry {
    pub(super) conn: ConnId,
    pub(super) id: String,
    pub(super) action: String,
    pub(super) payload: Value,
    /// The certificates (OCSPRequestDataType).
    pub(super) asked: Vec<Value>,
}

/// What is known of one certificate.
pub(super) struct CertificateStatus {
    /// The `OCSPResponse`, DER, where it says something of the certificate.
    pub(super) response: Vec<u8>,
    pub(super) standing: Standing,
}

impl Inquiry {
    /// Asks about each certificate; `None` for one about which no responder says anything that holds.
    pub(super) async fn ask(&self, network: &Network, clock: Clock) -> Vec<Option<CertificateStatus>> {
        // What responders say is signed, so that it does not matter who they are.
        let client = Client { network: network.clone(), roots: None, clock };
        let mut found = Vec::new();
        for one in &self.asked {
            found.push(ask(&client, one).await);
        }
        found
    }
}

async fn ask(client: &Client, asked: &Value) -> Option<CertificateStatus> {
    let response = client.ask_status(asked["responderURL"].as_str()?, client::request(asked)?).await.ok()?;
    let standing = client::judge(&response, asked, Some(client.clock.now().wall)).ok()?;
    Some(CertificateStatus { response, standing })
}
