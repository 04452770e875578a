//! Certificates and keys of a bench.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};

use super::{Findings, Subject};
use crate::{
    bench::Bench,
    certificate::{Certificate, Verification},
    clock::Clock,
    link::tls,
    pics::SutKind,
};

/// A certificate that expires sooner than this may do so while it is used.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

pub(super) fn look(subject: Subject<'_>, clock: Clock, findings: &mut Findings) {
    let (bench, now) = (subject.bench, clock.now().wall);
    let root = match bench.root.as_str() {
        "" => None,
        path => read(path, "root", findings).and_then(|text| chain(&text, path, "root", now, findings)),
    };
    if bench.certificate.is_empty() {
        if !bench.key.is_empty() {
            findings.warning("key", "`certificate` is missing", "name both, or neither");
        }
        authority(subject, now, findings);
    } else {
        own(subject, root.as_deref(), now, findings);
    }
    if subject.sut() == SutKind::Csms && bench.url.starts_with("wss:") && bench.root.is_empty() {
        findings.warning(
            "root",
            "not set: any certificate of the CSMS is accepted, and test cases that judge it are inconclusive",
            "name the PEM file of the root of the CSMS's certificate",
        );
    }
}

fn read(path: &str, item: &str, findings: &mut Findings) -> Option<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => {
            let help = "a relative path begins at the folder of the bench file";
            findings.problem(item, format!("{path} can't be read: {error}"), help);
            None
        }
    }
}

/// The certificates of a file, their dates looked at.
fn chain(text: &str, path: &str, item: &str, now: Timestamp, findings: &mut Findings) -> Option<Vec<Certificate>> {
    let chain = Certificate::bundle(text);
    let Some(first) = chain.first() else {
        findings.problem(
            item,
            format!("{path} contains no certificate"),
            "use a PEM file: -----BEGIN CERTIFICATE-----",
        );
        return None;
    };
    if item == "root" && chain.len() > 1 {
        bundle(path, &chain, now, findings);
        return Some(chain);
    }
    let facts = first.facts();
    let name = facts["subject"]["common_name"].as_str().unwrap_or("without a common name").to_owned();
    let until = facts["not_after"].as_str().unwrap_or_default().to_owned();
    if !first.is_valid_at(now) {
        let from = facts["not_before"].as_str().unwrap_or_default();
        let message = format!("{path} ({name}) is valid from {from} to {until}, and not now");
        findings.problem(item, message, "renew it, and check the clock of this machine");
    } else if now.checked_add(SOON).is_ok_and(|soon| !first.is_valid_at(soon)) {
        findings.warning(item, format!("{path} ({name}) is valid only to {until}"), "renew it before a long run");
    } else {
        findings.ok(item, format!("{path}: {name}, valid to {until}"));
    }
    for pair in chain.windows(2) {
        match pair[0].verify(&pair[1]) {
            Verification::Valid => {}
            Verification::Invalid => {
                let help = "a chain starts with the leaf, followed by each certificate's issuer";
                findings.problem(item, format!("{path}: one of its certificates is not signed by the next"), help);
                break;
            }
            Verification::Undecided(why) => findings.warning(item, format!("{path}: {why}"), UNDECIDED),
        }
    }
    Some(chain)
}

/// Several roots in one file, each of which is trusted: they need not be each other's, and an old one may stay.
fn bundle(path: &str, roots: &[Certificate], now: Timestamp, findings: &mut Findings) {
    let (valid, expired): (Vec<&Certificate>, Vec<&Certificate>) = roots.iter().partition(|root| root.is_valid_at(now));
    if valid.is_empty() {
        let message = format!("{path}: none of its {} roots is valid now", roots.len());
        return findings.problem("root", message, "renew them, and check the clock of this machine");
    }
    let names = |roots: &[&Certificate]| roots.iter().map(|root| root.common_name()).collect::<Vec<_>>().join(", ");
    findings.ok("root", format!("{path}: {} roots ({})", roots.len(), names(&valid)));
    if !expired.is_empty() {
        findings.warning(
            "root",
            format!("{path}: not valid now: {}", names(&expired)),
            "remove it, unless a certificate that is judged comes from it",
        );
    }
}

const UNDECIDED: &str = "check by hand whether each certificate is signed by the next, up to the root";

/// A key: it must be that of the certificate, and nobody else's to read.
fn key(path: &str, certificate: &str, findings: &mut Findings) {
    let Some(text) = read(path, "key", findings) else { return };
    match tls::keys_match(certificate, &text) {
        Ok(true) => findings.ok("key", format!("{path} belongs to the certificate")),
        Ok(false) => {
            findings.problem("key", format!("{path} does not belong to the certificate"), "name the right one");
        }
        Err(why) => {
            findings.problem("key", format!("{path}: {why}"), "use an unencrypted PEM file: PKCS #8, PKCS #1 or SEC 1");
        }
    }
    #[cfg(unix)]
    if let Ok(metadata) = std::fs::metadata(path) {
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
        if mode & 0o077 != 0 {
            findings.warning(
                "key",
                format!("{path} can be read by others (mode {mode:o})"),
                format!("chmod 600 {path}"),
            );
        }
    }
}

/// The bench's own certificate: what our CSMS shows, or our station.
fn own(subject: Subject<'_>, root: Option<&[Certificate]>, now: Timestamp, findings: &mut Findings) {
    let bench = subject.bench;
    let Some(text) = read(&bench.certificate, "certificate", findings) else { return };
    let Some(chain) = chain(&text, &bench.certificate, "certificate", now, findings) else { return };
    if bench.key.is_empty() {
        findings.problem("key", "not set for the certificate", "name its PEM file");
    } else {
        key(&bench.key, &text, findings);
    }
    let Some(leaf) = chain.first() else { return };
    if subject.sut() == SutKind::ChargingStation {
        names(bench, leaf, findings);
        match root {
            None | Some([]) => findings.warning(
                "root",
                "not set: test cases that need the root which the station trusts use one of the harness",
                "name the PEM file of the root of `certificate`",
            ),
            Some(roots) => signed(&chain, roots, findings),
        }
    } else {
        let wanted = match bench.values.get("serial_number").and_then(serde_json::Value::as_str) {
            None | Some("") => &bench.identity,
            Some(told) => told,
        };
        if leaf.common_name() != wanted {
            findings.warning(
                "certificate",
                format!(
                    "its common name is \"{}\", not the station's serial number \"{wanted}\" (A00.FR.409)",
                    leaf.common_name()
                ),
                "set `serial-number`, or get a certificate for that name",
            );
        }
    }
}

fn signed(chain: &[Certificate], roots: &[Certificate], findings: &mut Findings) {
    let Some(last) = chain.last() else { return };
    let found: Vec<Verification> =
        roots.iter().map(|root| if last == root { Verification::Valid } else { last.verify(root) }).collect();
    if found.iter().any(Verification::is_valid) {
        return findings.ok("root", "it is the root of the certificate");
    }
    match found.into_iter().find(|one| matches!(one, Verification::Undecided(_))) {
        Some(Verification::Undecided(why)) => findings.warning("root", why, UNDECIDED),
        _ => findings.problem(
            "root",
            "it is not the root of the certificate",
            "name the right root, and put intermediate certificates into `certificate`, after the leaf",
        ),
    }
}

fn names(bench: &Bench, leaf: &Certificate, findings: &mut Findings) {
    if leaf.lists(&bench.host) {
        findings.ok("certificate", format!("the certificate is for {}", bench.host));
    } else if leaf.covers(&bench.host) {
        findings.warning(
            "certificate",
            format!("{} is its common name (A00.FR.412), but is not in its subjectAltName", bench.host),
            "a station whose TLS library checks only subjectAltName refuses it",
        );
    } else {
        findings.problem(
            "certificate",
            format!(
                "it is not for the `host` by which the station reaches us, {}: the certificate is for {}",
                bench.host,
                names_of(leaf)
            ),
            "get a certificate with the host in its common name (A00.FR.412) and subjectAltName, or set `host`",
        );
    }
}

/// The common name, and what subjectAltName has beside it.
fn names_of(leaf: &Certificate) -> String {
    let common_name = leaf.common_name();
    let others = leaf.names().into_iter().filter(|name| *name != common_name);
    let names: Vec<String> = std::iter::once(common_name.clone()).chain(others).collect();
    names.join(", ").trim_start_matches(", ").to_owned()
}

/// Our own authority, from whose root everything is made.
fn authority(subject: Subject<'_>, now: Timestamp, findings: &mut Findings) {
    let bench = subject.bench;
    if bench.authority.is_empty() {
        if bench.security_profile >= 2 && subject.sut() == SutKind::ChargingStation {
            findings.warning(
                "authority",
                "not set: each run makes its own root, which a real station does not trust",
                "name a folder; `ocpp-attest bench init` makes its root.pem",
            );
        }
        return;
    }
    let folder = Path::new(&bench.authority);
    let (root, root_key) = (folder.join("root.pem"), folder.join("root.key"));
    if bench.authority_to_be_made().is_some() {
        return findings.warning(
            "authority",
            format!("{} does not exist: the first run makes a new authority, which no product trusts yet", root.display()),
            "check the path, which is relative to the folder of the bench file; `ocpp-attest bench init` makes an authority",
        );
    }
    let (root, root_key) = (root.display().to_string(), root_key.display().to_string());
    let Some(text) = read(&root, "authority", findings) else { return };
    if chain(&text, &root, "authority", now, findings).is_some() {
        key(&root_key, &text, findings);
    }
}
