//! What a bench says of itself and of the product: does it hold together?

use std::collections::HashMap;

use serde_json::Value;

use super::{Findings, Subject};
use crate::{
    pics::{Pics, Profile, SutKind},
    protocol::OCPP_2_0_1,
};

pub(super) fn look(subject: Subject<'_>, findings: &mut Findings) {
    station(subject, findings);
    security_profile(subject, findings);
    tokens(subject, findings);
    if subject.sut() == SutKind::ChargingStation {
        evses(subject, findings);
        points(subject, findings);
    }
    times(subject, findings);
}

fn number(subject: Subject<'_>, key: &str) -> f64 {
    subject.bench.values.get(key).and_then(Value::as_f64).unwrap_or_default()
}

fn text<'s>(subject: Subject<'s>, key: &str) -> &'s str {
    subject.bench.values.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn station(subject: Subject<'_>, findings: &mut Findings) {
    let identity = &subject.bench.identity;
    let fit = |c: char| c.is_ascii_alphanumeric() || "*-_=+|@.".contains(c);
    if identity.is_empty() || identity.len() > 48 || !identity.chars().all(fit) {
        findings.problem(
            "identity",
            format!("\"{}\" can't be the identity of a station", crate::yaml::shorten(identity, 60)),
            "1 to 48 characters: letters, digits, * - _ = + | @ .",
        );
    } else {
        findings.ok("identity", identity.clone());
    }
    if (1..3).contains(&subject.bench.security_profile) {
        let semantics = subject.pics.map_or(&OCPP_2_0_1, |pics| pics.ocpp.protocol()).semantics;
        let allowed = semantics.password_length();
        match semantics.password(&subject.bench.password).bytes().len() {
            length if allowed.contains(&length) => findings.ok("password", "valid length"),
            length => findings.warning(
                "password",
                format!(
                    "it has {length} characters; a station must take {} to {} (A00.FR.205)",
                    allowed.start(),
                    allowed.end()
                ),
                "set a password of that length in the bench and in the station",
            ),
        }
    }
}

fn security_profile(subject: Subject<'_>, findings: &mut Findings) {
    let profile = subject.bench.security_profile;
    let item = "security-profile";
    let Some(pics) = subject.pics else { return findings.ok(item, profile.to_string()) };
    match profile {
        0 if !pics.ocpp.protocol().semantics.has_profile_0() => findings.problem(
            item,
            format!("0, but {} has no security profile without authentication", pics.ocpp.protocol().name),
            "write 1, 2 or 3",
        ),
        // The question is for stations alone: a CSMS takes either.
        1 if pics.sut == SutKind::ChargingStation && !pics.is_yes("C-61") => findings.problem(
            item,
            "1, but the PICS does not claim the unsecured transport with Basic authentication (C-61)",
            "write 2 or 3, or correct the PICS",
        ),
        3 if !pics.has_profile(Profile::ADVANCED_SECURITY) => findings.warning(
            item,
            "3, but the PICS does not name the profile advanced-security",
            "write 2, or add the profile to the PICS",
        ),
        _ => findings.ok(item, format!("{profile}, as the PICS allows")),
    }
}

fn tokens(subject: Subject<'_>, findings: &mut Findings) {
    let Some(Value::Object(tokens)) = subject.bench.values.get("tokens") else { return };
    let mut seen: HashMap<(String, &str), &str> = HashMap::new();
    let mut sound = true;
    for (name, token) in tokens {
        let item = format!("tokens.{name}");
        let (id, kind) = (token["idToken"].as_str().unwrap_or_default(), token["type"].as_str().unwrap_or_default());
        if kind != "NoAuthorization" && (id.is_empty() || id.len() > 36) {
            sound = false;
            findings.problem(
                &item,
                "its idToken must have 1 to 36 characters, in quotes",
                "write idToken: \"D001D001\"",
            );
        }
        // idTokens are equal whatever the case of their letters.
        if let Some(other) = seen.insert((id.to_lowercase(), kind), name) {
            sound = false;
            findings.problem(
                &item,
                format!("it is the same idToken as {other}, so they can't be distinguished"),
                "use another card, or remove one of them",
            );
        }
    }
    let group = |name: &str| tokens.get(name).and_then(|token| token["group"].as_str());
    if group("valid").is_none() || group("valid") != group("same_group") {
        sound = false;
        findings.warning(
            "tokens.same-group",
            "it is not in the group of `valid`: test cases about groups fail because of that",
            "give both the same `group`",
        );
    }
    if group("master_pass").is_some() && group("master_pass") == group("valid") {
        sound = false;
        findings.problem(
            "tokens.master-pass",
            "its group is that of `valid`, so it can't be distinguished from an ordinary token",
            "give it a group of its own, the value of the station's MasterPassGroupId",
        );
    }
    if sound {
        findings.ok("tokens", format!("{} tokens, all different", tokens.len()));
    }
}

fn evses(subject: Subject<'_>, findings: &mut Findings) {
    let Some(pics) = subject.pics else { return };
    let has = |evse: &Value| {
        let known = pics.evses.iter().find(|known| Some(u64::from(known.id)) == evse["id"].as_u64());
        let known = known.map(|known| {
            known.connectors.iter().any(|connector| Some(u64::from(connector.id)) == evse["connector"].as_u64())
        });
        (known.is_some(), known == Some(true))
    };
    let ids = || pics.evses.iter().map(|evse| evse.id.to_string()).collect::<Vec<_>>().join(", ");
    for (key, item) in [("evse", "evse"), ("evse_second", "evse-second")] {
        let Some(evse) = subject.bench.values.get(key) else { continue };
        let named = format!("EVSE {}, connector {}", evse["id"], evse["connector"]);
        match has(evse) {
            (_, true) => findings.ok(item, named),
            _ if key == "evse_second" && pics.evses.len() < 2 => {
                findings.ok(item, "not used: the product has one EVSE");
            }
            (true, false) => {
                findings.problem(item, format!("{named}: the PICS has no such connector"), "use one from the PICS");
            }
            _ => findings.problem(
                item,
                format!("{named}: the PICS has no such EVSE"),
                format!("the PICS has: {}", ids()),
            ),
        }
    }
    if pics.evses.len() > 1 && subject.bench.values.get("evse") == subject.bench.values.get("evse_second") {
        findings.problem("evse-second", "it is the same as `evse`", format!("the PICS has: {}", ids()));
    }
}

fn points(subject: Subject<'_>, findings: &mut Findings) {
    let Some(pics) = subject.pics else { return };
    for (key, item, points) in [
        ("tx_start_point", "tx-start-point", pics.tx_start_points()),
        ("tx_stop_point", "tx-stop-point", pics.tx_stop_points()),
    ] {
        let told = text(subject, key);
        if !told.is_empty() && !points.contains(&told) {
            let help = format!("leave it empty, or write one of: {}", points.join(", "));
            findings.problem(item, format!("according to its PICS, the product does not support {told}"), help);
        }
    }
}

/// A pause that a station may well make before its next message, seconds.
const LONGEST_PACE: f64 = 5.0;
/// Less than this is too short for a person to plug in after presenting a token, seconds.
const PERSON: f64 = 15.0;

/// Intervals that a station must keep to, which are judged with the tolerance.
const JUDGED: [&str; 6] = [
    "pending_interval",
    "retry_back_off_wait_minimum",
    "ev_connection_timeout",
    "message_attempt_interval",
    "sampled_interval",
    "aligned_interval",
];

/// An interval that is hardly longer than the tolerance can't be told from none.
fn judged(subject: Subject<'_>, findings: &mut Findings) {
    let tolerance = number(subject, "time_tolerance");
    for key in JUDGED {
        let interval = number(subject, key);
        if interval < 2.0 * tolerance {
            findings.warning(
                &key.replace('_', "-"),
                format!("{interval} s has a tolerance of {tolerance} s (time-tolerance): a station that hardly waits would pass"),
                format!("write {} or more", 2.0 * tolerance),
            );
        }
    }
}

fn times(subject: Subject<'_>, findings: &mut Findings) {
    let before = findings.0.len();
    let number = |key| number(subject, key);
    for key in ["response_timeout", "message_timeout", "connect_timeout", "reconnect_timeout", "manual_action_timeout"]
    {
        if number(key) <= 0.0 {
            findings.problem(
                &key.replace('_', "-"),
                "nothing can happen in 0 s",
                "write the number of seconds that it may take",
            );
        }
    }
    if number("operator_patience") >= number("manual_action_timeout") {
        findings.problem(
            "operator-patience",
            format!(
                "{} s, but manual-action-timeout ends every manual action after {} s",
                number("operator_patience"),
                number("manual_action_timeout")
            ),
            "make it shorter: it is the time for which a question is repeated",
        );
    }
    if number("pace") > LONGEST_PACE {
        findings.warning(
            "pace",
            format!("{} s are added to every message of our station, and the CSMS may time out", number("pace")),
            format!("write {LONGEST_PACE} or less; 0.1 is enough for most"),
        );
    }
    if let Some(pics) = subject.pics {
        limits(subject, pics, findings);
    }
    if number("reconnect_timeout") <= number("retry_back_off_wait_minimum") {
        findings.problem(
            "reconnect-timeout",
            format!(
                "{} s, but a station waits retry-back-off-wait-minimum = {} s before it reconnects",
                number("reconnect_timeout"),
                number("retry_back_off_wait_minimum")
            ),
            "make it longer: the back-off, a random wait and the time for connecting",
        );
    }
    if subject.sut() == SutKind::ChargingStation {
        judged(subject, findings);
        if number("reboot_time") < number("boot_wait") {
            findings.warning(
                "reboot-time",
                format!("{} s is shorter than boot-wait, {} s", number("reboot_time"), number("boot_wait")),
                "reboot-time is the time from Reset to BootNotification",
            );
        }
        let by_hand = match subject.operator {
            Some(how) => !how.starts_with("exec:") && !how.starts_with("http"),
            None => subject.bench.operator.is_none(),
        };
        if by_hand && number("ev_connection_timeout") < PERSON {
            findings.warning(
                "ev-connection-timeout",
                format!("{} s is short for a person to plug in", number("ev_connection_timeout")),
                format!("write {PERSON} or more, or let an adapter plug in"),
            );
        }
    }
    if findings.0.len() == before {
        findings.ok("times", "they are consistent");
    }
}

/// What the vendor promises may not be cut off by the bench.
fn limits(subject: Subject<'_>, pics: &Pics, findings: &mut Findings) {
    for (kpi, key, why) in [
        ("response-time", "response_timeout", "an answer in time for the vendor would be too late for the bench"),
        ("triggered-function", "message_timeout", "a message in time for the vendor would be too late for the bench"),
        ("start-authorization", "message_timeout", "a start in time for the vendor would be too late for the bench"),
        ("stop-authorization", "message_timeout", "a stop in time for the vendor would be too late for the bench"),
    ] {
        let Some(limit) = pics.performance.maximum.get(kpi).copied() else { continue };
        let told = number(subject, key);
        if told < limit {
            findings.problem(
                &key.replace('_', "-"),
                format!("{told} s, but the PICS allows {limit} s for {kpi}: {why}"),
                format!("write {limit} or more"),
            );
        }
    }
}
