//! What the security whitepaper adds.

use super::*;

/// Connected with security profile 1, accepted, and everything reported.
async fn secure() -> ChargePoint {
    let mut pics = pics();
    pics.features.insert("C-61".into(), Answer::Bool(true));
    let mut station = delivered_as(pics).await;
    station.physical.conn = Some(ConnId(1));
    station.connected();
    exchange(&mut station);
    station
}

#[tokio::test(start_paused = true)]
async fn a_password_comes_in_hexadecimal_digits_and_is_used_as_bytes() {
    let mut station = secure().await;
    let before = station.physical.password.bytes();
    for refused in ["a-password-as-it-is", "6162636465666768696a6b6c6d6e6f", "6162636465666768696a6b6c6d6e6f7", ""] {
        assert_eq!(set(&mut station, "AuthorizationKey", refused), "Rejected", "{refused}");
    }
    assert_eq!(set(&mut station, "AuthorizationKey", &"61".repeat(21)), "Rejected");
    assert_eq!(station.physical.password.bytes(), before);
    assert_eq!(set(&mut station, "AuthorizationKey", "6162636465666768696A6b6c6d6e6fFF"), "Accepted");
    assert_eq!(station.physical.password.bytes(), b"abcdefghijklmno\xff");
    let (response, _) = ask(&mut station, "GetConfiguration", json!({ "key": ["AuthorizationKey"] }));
    assert_eq!(response["configurationKey"], json!([{ "key": "AuthorizationKey", "readonly": false }]));
}

#[tokio::test(start_paused = true)]
async fn the_security_log_has_critical_events_and_others() {
    let mut station = secure().await;
    set(&mut station, "AuthorizationKey", &"61".repeat(16));
    let log: String = station.security_log.iter().map(String::as_str).collect();
    assert!(log.contains("StartupOfTheDevice\n") && log.contains("ReconfigurationOfSecurityParameters\n"), "{log}");
    assert!(!log.contains("aaaa"), "A01.FR.12");
    let request =
        |kind: &str| json!({ "logType": kind, "requestId": 7, "log": { "remoteLocation": "http://csms.test/" } });
    let (response, _) = ask(&mut station, "GetLog", request("SecurityLog"));
    assert_eq!(response, json!({ "status": "Accepted", "filename": "CS001-security.log" }));
    let (response, _) = ask(&mut station, "GetLog", request("DiagnosticsLog"));
    assert_eq!(response["filename"], "CS001-diagnostics.log");
}

#[tokio::test(start_paused = true)]
async fn a_security_profile_is_never_lowered() {
    let mut station = secure().await;
    for refused in ["0", "1", "2", "4", "x"] {
        assert_eq!(set(&mut station, "SecurityProfile", refused), "Rejected", "{refused}");
    }
    assert_eq!(station.security_profile(), 1);
}
