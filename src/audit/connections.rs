//! Connections of a faulty product: granted where they are to be refused, with another handshake or another upgrade request.

use super::values;
use crate::{
    engine::Input,
    link::{AttemptFailure, ClosedBy, LinkEvent, UpgradeRequest},
};

/// Granted what was refused, refused what was granted.
pub(super) fn turned_round(event: &LinkEvent) -> Input {
    Input::Link(match event {
        LinkEvent::Opened { conn, endpoint, request, .. } => LinkEvent::AttemptFailed {
            conn: *conn,
            endpoint: *endpoint,
            failure: AttemptFailure::UpgradeRefusedBySut(401),
            request: Some(request.clone()),
            hello: None,
            head: None,
        },
        LinkEvent::AttemptFailed { conn, endpoint, request, .. } => LinkEvent::Opened {
            conn: *conn,
            endpoint: *endpoint,
            request: request.clone().unwrap_or(UpgradeRequest {
                path: "/ocpp/CS001".into(),
                identity: Some("CS001".into()),
                user: Some("CS001".into()),
                password: None,
                subprotocols: vec!["ocpp0.1".into()],
                tls: None,
            }),
            subprotocol: Some("ocpp0.1".into()),
        },
        LinkEvent::Closed { conn, .. } => LinkEvent::Closed { conn: *conn, code: None, by: ClosedBy::Broken },
        other => other.clone(),
    })
}

/// The same attempt with other suites, another version or another certificate.
pub(super) fn other_handshakes(event: &LinkEvent, other: Option<&str>) -> Vec<LinkEvent> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut crate::link::HelloInfo), chain: Option<&str>| {
        let mut event = event.clone();
        let (request, mut hello) = match &mut event {
            LinkEvent::Opened { request, .. } => (Some(request), None),
            LinkEvent::AttemptFailed { request, hello, .. } => (request.as_mut(), hello.as_mut()),
            _ => return,
        };
        if let Some(hello) = &mut hello {
            change(hello);
        }
        if let Some(tls) = request.and_then(|request| request.tls.as_mut()) {
            if let Some(hello) = &mut tls.hello {
                change(hello);
            }
            if let Some(chain) = chain.filter(|_| !tls.peer_chain.is_empty()) {
                tls.peer_chain = vec![chain.to_owned()];
            }
        }
        all.push(event);
    };
    with(&|hello| hello.suites = vec!["TLS_RSA_WITH_NULL_SHA256".into()], None);
    with(&|hello| hello.versions = vec![crate::link::TlsVersion::V1_0], None);
    with(&|_| {}, Some(values::CERTIFICATE));
    with(&|_| {}, other);
    all
}

/// Requests that differ in what a check looks at.
pub(super) fn other_requests(request: &UpgradeRequest, check: &str) -> Vec<UpgradeRequest> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut UpgradeRequest)| {
        let mut changed = request.clone();
        change(&mut changed);
        all.push(changed);
    };
    match check.split(['.', '[']).next().unwrap_or_default() {
        "identity" => with(&|request| request.identity = Some("somebody-else".into())),
        "path" => with(&|request| request.path = "/".into()),
        "user" => {
            with(&|request| request.user = Some("somebody-else".into()));
            with(&|request| request.user = None);
        }
        "password" => {
            with(&|request| request.password = Some(crate::link::Secret::new("short")));
            with(&|request| request.password = None);
        }
        "subprotocols" => with(&|request| request.subprotocols = vec!["ocpp0.1".into()]),
        "subprotocol" => with(&|_| {}),
        "tls" | "hello" | "certificate" => {
            with(&|request| request.tls = None);
            with(&|request| {
                if let Some(tls) = &mut request.tls {
                    tls.version = crate::link::TlsVersion::V1_1;
                    tls.suite = "TLS_NULL_WITH_NULL_NULL".into();
                    tls.peer_chain.clear();
                    if let Some(hello) = &mut tls.hello {
                        hello.suites.clear();
                        hello.versions = vec![crate::link::TlsVersion::V1_0];
                    }
                }
            });
        }
        _ => {}
    }
    all
}
