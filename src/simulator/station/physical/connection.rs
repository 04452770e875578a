//! The connection to the CSMS.

use super::{Event, Physical};
use crate::{
    link::{AttemptFailure, ClientPolicy, ClientTls, ConnId, LinkCommand, LinkEvent, TlsVersion},
    simulator::station::NetworkProfile,
};

impl Physical {
    /// Dials a CSMS, unless there is a connection or no network.
    pub fn dial(&mut self, profile: Option<&NetworkProfile>) {
        if self.conn.is_some() || !self.network_up {
            return;
        }
        let Some(profile) = profile else { return };
        let suites = self.equipment.suites.clone();
        let tls = (profile.security_profile >= 2).then(|| ClientTls {
            roots: Some(self.certificates.trusted()),
            identity: self.certificates.own.shown().cloned().filter(|_| profile.security_profile == 3),
            // A product that names no suite of TLS 1.3 speaks TLS 1.2.
            versions: if suites
                .iter()
                .any(|suite| suite.starts_with("TLS_AES") || suite.starts_with("TLS_CHACHA20_POLY1305_SHA256"))
            {
                vec![TlsVersion::V1_2, TlsVersion::V1_3]
            } else {
                vec![TlsVersion::V1_2]
            },
            suites,
        });
        let credentials =
            (1..3).contains(&profile.security_profile).then(|| (self.identity.clone(), self.password.clone()));
        self.next_conn += 1;
        let policy = ClientPolicy {
            url: profile.url.clone(),
            identity: self.identity.clone(),
            credentials,
            subprotocols: vec![self.protocol.subprotocol.into()],
            tls,
            max_frame: 1 << 20,
        };
        self.link.send(LinkCommand::Connect(ConnId(self.next_conn), policy));
    }

    /// Takes in what the link delivers.
    pub fn linked(&mut self, event: LinkEvent) -> Option<Event> {
        match event {
            LinkEvent::Opened { conn, .. } => {
                self.conn = Some(conn);
                Some(Event::Connected)
            }
            LinkEvent::AttemptFailed { failure, .. } => {
                let why = match failure {
                    AttemptFailure::TlsRefusedByUs(why) => why.to_lowercase(),
                    _ => String::new(),
                };
                Some(Event::ConnectionFailed { certificate: why.contains("certificate") })
            }
            LinkEvent::Text { text, .. } => Some(Event::Received(text)),
            LinkEvent::Closed { conn, .. } if self.conn == Some(conn) => {
                self.conn = None;
                Some(Event::Disconnected)
            }
            _ => None,
        }
    }
}
