//! A CSMS's API as the operator: what its answers mean, and how long it is asked again. No answer is an error of ours.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{Method, StatusCode, Uri},
};
use ocpp_attest::{
    bench::Bench,
    manual_action::{ActionOutcome, ManualAction},
    operator::{Operator, adapters, requests},
    yaml::Source,
};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// An API that gives one answer after the other, the last again and again; and what it was asked.
struct Api {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Api {
    async fn of(answers: &[(u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answers: Vec<(u16, String)> = answers.iter().map(|(status, body)| (*status, (*body).to_owned())).collect();
        let seen = asked.clone();
        let handler = move |method: Method, uri: Uri, body: Bytes| {
            let mut seen = seen.lock().unwrap();
            let (status, answer) = answers[seen.len().min(answers.len() - 1)].clone();
            seen.push(format!("{method} {uri} {}", String::from_utf8_lossy(&body)));
            std::future::ready((StatusCode::from_u16(status).unwrap(), answer))
        };
        let service = axum::Router::new().fallback(handler);
        tokio::spawn(async move { axum::serve(listener, service).await });
        Self { address, asked }
    }

    /// The operator of a bench with these requests, each indented by four.
    fn operator(&self, patience: f64, requests: &str) -> Arc<dyn Operator> {
        let text =
            format!("operator-patience: {patience}\noperator:\n  http:\n    base: http://{}\n{requests}", self.address);
        let bench = Bench::read_source(&Source::new("bench.yaml", text)).unwrap_or_else(|bad| panic!("{bad}"));
        requests::of_bench(&bench).unwrap().unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn action(name: &str, parameters: &Value) -> ManualAction {
    let parameters = parameters.as_object().cloned().unwrap();
    ManualAction { action: name.into(), parameters, prompt: String::new() }
}

fn question() -> ManualAction {
    action("check-variable", &json!({ "component": "C", "variable": "V", "value": "600", "station": "S" }))
}

fn send() -> ManualAction {
    action(
        "send",
        &json!({ "action": "UnlockConnector", "payload": { "evseId": 1, "connectorId": 1 }, "station": "S" }),
    )
}

fn restore(what: &str, value: Value) -> ManualAction {
    action("restore", &json!({ "what": what, "value": value, "station": "S" }))
}

const SHOWS: &str =
    "    check-variable: { method: GET, url: /v, done-when: \"response.values[0].value == parameters.value\" }\n";

/// What an outcome is, without the words that differ.
fn word(outcome: &ActionOutcome) -> &'static str {
    outcome.word()
}

#[tokio::test]
async fn a_csms_that_stores_a_moment_later_is_asked_again() {
    let answers = [(404, ""), (200, r#"{"values":[]}"#), (200, r#"{"values":[{"value":"600"}]}"#)];
    let api = Api::of(&answers).await;
    assert_eq!(api.operator(5.0, SHOWS).perform(question()).await, ActionOutcome::Done);
    assert_eq!(api.asked(), ["GET /v ", "GET /v ", "GET /v "]);
    // The same by the service of a laboratory.
    let service = Api::of(&[(404, ""), (417, "not yet"), (204, "")]).await;
    let operator = adapters::parse(&format!("http://{}/", service.address), Duration::from_secs(5)).unwrap();
    assert_eq!(operator.perform(question()).await, ActionOutcome::Done);
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test]
async fn no_is_no_once_patience_is_over() {
    let api = Api::of(&[(200, r#"{"values":[{"value":"5"}]}"#)]).await;
    let outcome = api.operator(0.3, SHOWS).perform(question()).await;
    let ActionOutcome::Denied(reason) = outcome else { panic!("{outcome:?}") };
    let tries = api.asked().len();
    assert!(
        reason.contains(&format!(r#"was answered 200: {{"values":[{{"value":"5"}}]}} (asked {tries} times in "#)),
        "{reason}"
    );
    assert!(tries > 1);
    let once = Api::of(&[(417, "it shows 5")]).await;
    assert_eq!(word(&once.operator(0.0, SHOWS).perform(question()).await), "denied");
    assert_eq!(once.asked().len(), 1);
    // Nobody asks again what is to be done.
    let doing = Api::of(&[(409, "busy")]).await;
    let outcome = doing.operator(5.0, "    send: { url: /s }\n").perform(send()).await;
    assert_eq!((word(&outcome), doing.asked().len()), ("not-possible", 1));
}

#[tokio::test]
async fn a_request_is_made_again_while_the_bench_says_so() {
    let requests = "    send: { url: /s, retry-while: status == 409 and response.reason == 'offline' }\n";
    let api = Api::of(&[(409, r#"{"reason":"offline"}"#), (200, "")]).await;
    assert_eq!(api.operator(5.0, requests).perform(send()).await, ActionOutcome::Done);
    assert_eq!(api.asked().len(), 2);
    // For another reason it is not.
    for other in [r#"{"reason":"unknown"}"#, "no JSON", "[]"] {
        let api = Api::of(&[(409, other), (200, "")]).await;
        assert_eq!(word(&api.operator(5.0, requests).perform(send()).await), "not-possible");
        assert_eq!(api.asked().len(), 1, "{other}");
    }
}

#[tokio::test]
async fn a_condition_that_can_t_be_told_does_not_hold() {
    for (condition, response, holds) in [
        ("response.values[0].value == '600'", r#"{"values":[]}"#, false),
        ("(response.values | selectattr('name', 'equalto', 'V') | first).value == '600'", r#"{"values":[]}"#, false),
        ("response.values | selectattr('name', 'equalto', 'V') | list", r#"{"values":[{"name":"V"}]}"#, true),
        ("response.values and response.names", r#"{"values":[1],"names":[]}"#, false),
        ("response.values and response.names", r#"{"values":[1],"names":["V"]}"#, true),
        ("response.value", "{}", false),
        ("response.value == '600'", "not JSON", false),
        ("response.value.text == '600'", "null", false),
        ("'600' in response", "the value is 600", true),
        ("response.value + 1 == 2", r#"{"value":"1"}"#, false),
    ] {
        let api = Api::of(&[(200, response)]).await;
        let requests = format!(
            "    check-variable: {{ url: /v, done-when: \"{condition}\" }}\n    send: {{ url: /s, done-when: \"{condition}\" }}\n"
        );
        let operator = api.operator(0.0, &requests);
        let told = [operator.perform(question()).await.word(), operator.perform(send()).await.word()];
        let expected = match (holds, response) {
            (true, _) => ["done"; 2],
            // A page is no answer to a question about JSON.
            (false, "not JSON") => ["not-possible"; 2],
            (false, _) => ["denied", "not-possible"],
        };
        assert_eq!(told, expected, "{condition} of {response}");
    }
}

/// Whatever an API answers: the harness has made no error, and only a question that is answered with no can fail a product.
#[tokio::test]
async fn no_answer_of_an_api_is_an_error_of_ours() {
    let mut seen = BTreeMap::new();
    for status in [200, 204, 302, 400, 401, 404, 409, 417, 429, 500, 501, 503] {
        for body in ["", "null", "[]", "{\"values\": 7}", "<html>", "\u{1F980}"] {
            let api = Api::of(&[(status, body)]).await;
            let requests =
                format!("{SHOWS}    send: {{ url: /s, done-when: response.a.b, retry-while: response.c.d }}\n");
            let operator = api.operator(0.0, &requests);
            for (what, action) in [("question", question()), ("send", send())] {
                let outcome = operator.perform(action).await;
                assert_ne!(word(&outcome), "failed", "{status} {body}: {outcome:?}");
                let denied = matches!(outcome, ActionOutcome::Denied(_));
                let page = !body.is_empty() && serde_json::from_str::<serde_json::Value>(body).is_err();
                // 204 has no body.
                let says_no = [204, 417].contains(&status) || status == 200 && !page;
                assert_eq!(denied, what == "question" && says_no, "{status} {body}");
                *seen.entry(word(&outcome)).or_insert(0) += 1;
            }
        }
    }
    assert_eq!(seen.len(), 2, "{seen:?}");
    // Nobody there; not even HTTP; more than can be taken.
    let nobody = Api { address: "127.0.0.1:1".into(), asked: Arc::default() };
    assert_eq!(word(&nobody.operator(0.0, SHOWS).perform(question()).await), "not-possible");
    let long = "x".repeat(5 << 20);
    let api = Api::of(&[(200, &long)]).await;
    let outcome = api.operator(0.0, SHOWS).perform(question()).await;
    assert!(matches!(&outcome, ActionOutcome::NotPossible(reason) if reason.contains("longer than")), "{outcome:?}");
}

#[tokio::test]
async fn what_is_not_found_says_nothing_of_the_product_unless_the_bench_says_so() {
    let api = Api::of(&[(404, "no such page")]).await;
    let outcome = api.operator(0.0, SHOWS).perform(question()).await;
    assert!(matches!(&outcome, ActionOutcome::NotPossible(reason) if reason.contains("`denied: 404`")), "{outcome:?}");
    let told = "    check-variable: { url: /v, denied: 404 }\n";
    assert_eq!(word(&api.operator(0.0, told).perform(question()).await), "denied");
}

#[tokio::test]
async fn settings_have_requests_of_their_own() {
    let api = Api::of(&[(200, "")]).await;
    let requests = "    configure: { url: \"/set/{{ parameters.what }}\", body: \"{{ parameters }}\" }
    restore:
      method: PUT
      next-boot: { url: /boot, body: { status: \"{{ parameters.value }}\", interval: \"{{ parameters.interval }}\" } }
      security-profile: not-needed
      password: it is kept in a safe
";
    let operator = api.operator(0.0, requests);
    assert_eq!(operator.perform(restore("next-boot", "Accepted".into())).await, ActionOutcome::Done);
    assert_eq!(operator.perform(restore("security-profile", 1.into())).await, ActionOutcome::Done);
    let outcome = operator.perform(restore("password", "p".into())).await;
    assert_eq!(outcome, ActionOutcome::NotPossible("it is kept in a safe".into()));
    let configure = json!({ "what": "next-boot", "value": "Pending", "interval": 5, "station": "S" });
    assert_eq!(operator.perform(action("configure", &configure)).await, ActionOutcome::Done);
    assert_eq!(
        api.asked(),
        [
            // A parameter that is not given leaves out what stands for it.
            r#"PUT /boot {"status":"Accepted"}"#,
            r#"POST /set/next-boot {"what":"next-boot","value":"Pending","interval":5,"station":"S"}"#,
        ]
    );
    // A word for all of them, and none at all.
    let all = api.operator(0.0, "    restore: not-needed\n");
    assert_eq!(all.perform(restore("password", "p".into())).await, ActionOutcome::Done);
    let outcome = api.operator(0.0, "    send: { url: /s }\n").perform(restore("next-boot", "Accepted".into())).await;
    assert_eq!(
        outcome,
        ActionOutcome::NotPossible(
            "the bench has no request for `restore next-boot`: add one, or write `not-needed` if the CSMS restores the setting by \
             itself"
                .into()
        )
    );
    assert_eq!(api.asked().len(), 2);
}

/// A template that does not get along with a message says so, and what it lacks.
#[tokio::test]
async fn a_request_that_can_t_be_made_is_not_possible() {
    let api = Api::of(&[(200, "")]).await;
    let operator = api.operator(0.0, "    send: { url: \"/{{ payload.evse.id }}\" }\n");
    let outcome = operator.perform(send()).await;
    let ActionOutcome::NotPossible(reason) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("the bench's request for `send UnlockConnector`: `/{{ payload.evse.id }}`"), "{reason}");
    assert!(api.asked().is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_program_that_answers_a_question_with_no_is_asked_again() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bench.sh");
    // It says no until it has been called twice; what it is to do it never can.
    let text = "#!/bin/sh\n[ \"$1\" = check-variable ] || exit 1\n\
                echo x >> \"$0.calls\"\n[ $(wc -l < \"$0.calls\") -gt 2 ] || { echo 'not yet' >&2; exit 2; }\n";
    std::fs::write(&program, text).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let how = format!("exec:{}", program.display());
    let at_once = adapters::parse(&how, Duration::ZERO).unwrap();
    assert_eq!(at_once.perform(question()).await, ActionOutcome::Denied("not yet".into()));
    let patient = adapters::parse(&how, Duration::from_secs(5)).unwrap();
    assert_eq!(patient.perform(question()).await, ActionOutcome::Done);
    assert_eq!(word(&patient.perform(send()).await), "not-possible");
}

/// A power cycle may be a script that starts the station anew and leaves it running.
#[cfg(unix)]
#[tokio::test]
async fn what_a_program_leaves_running_is_not_waited_for() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bench.sh");
    std::fs::write(&program, "#!/bin/sh\nsleep 600 &\necho $! > \"$0.left\"\necho 'no cable' >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let operator = adapters::parse(&format!("exec:{}", program.display()), Duration::ZERO).unwrap();
    let outcome = operator.perform(action("power-cycle", &json!({}))).await;
    assert_eq!(outcome, ActionOutcome::NotPossible("no cable".into()));
    let left = std::fs::read_to_string(folder.path().join("bench.sh.left")).unwrap();
    let ended = std::process::Command::new("kill").arg(left.trim()).status().unwrap();
    assert!(ended.success(), "it was still running");
}

#[test]
fn a_setting_that_nothing_undoes_is_known_beforehand() {
    let never = |requests: &str| -> Vec<&str> {
        let text = format!("operator:\n  http:\n{requests}");
        let bench = Bench::read_source(&Source::new("bench.yaml", text)).unwrap_or_else(|bad| panic!("{bad}"));
        bench
            .operator
            .unwrap()
            .never_restored()
            .into_iter()
            .map(ocpp_attest::manual_action::settings::Setting::word)
            .collect()
    };
    assert_eq!(never("    configure: { url: http://csms/x }\n"), ["next-boot", "energy-transfer", "ev-schedules"]);
    assert_eq!(
        never("    configure: { next-boot: { url: http://csms/x } }\n    restore: { password: not-needed }\n"),
        ["next-boot"]
    );
    assert!(never("    configure: { url: http://csms/x }\n    restore: not-needed\n").is_empty());
    assert_eq!(
        never("    configure: { url: http://csms/x }\n    restore: { next-boot: { url: http://csms/y } }\n"),
        ["energy-transfer", "ev-schedules"]
    );
    assert!(
        never(
            "    configure: { next-boot: { url: http://csms/x } }\n    restore: { next-boot: { url: http://csms/y } }\n"
        )
        .is_empty()
    );
    assert!(never("    configure: there is no way\n").is_empty());
    assert!(never("    send: { url: http://csms/x }\n").is_empty());
}

/// Some APIs tell in the answer to a request, and nowhere else, what the station said; others number what they were asked.
#[tokio::test]
async fn what_the_api_said_of_the_last_message_can_be_looked_at() {
    let answers = [(202, r#"{"id":7,"response":{"value":"600"}}"#), (200, r#"{"state":"done"}"#)];
    let requests = "    send: { url: /s }
    check-variable:
      method: GET
      url: \"/requests/{{ sent.response.id }}\"
      done-when: >-
        sent.action == 'UnlockConnector' and sent.payload.evseId == 1 and sent.status == 202
        and sent.response.response.value == parameters.value and response.state == 'done'
";
    let api = Api::of(&answers).await;
    let operator = api.operator(0.0, requests);
    assert_eq!(operator.perform(send()).await, ActionOutcome::Done);
    assert_eq!(operator.perform(question()).await, ActionOutcome::Done);
    assert_eq!(api.asked()[1], "GET /requests/7 ");
    // Of another station nothing is known, nor of a message that was not sent.
    let mut other = question();
    other.parameters.insert("station".into(), "T".into());
    assert_eq!(word(&operator.perform(other).await), "not-possible");
    let api = Api::of(&[answers[0], (503, ""), (200, "")]).await;
    let operator = api.operator(0.0, requests);
    assert_eq!(operator.perform(send()).await, ActionOutcome::Done);
    assert_eq!(word(&operator.perform(send()).await), "not-possible");
    assert_eq!(word(&operator.perform(question()).await), "not-possible");
    assert_eq!(api.asked().len(), 2, "what was said of the message before must not be looked at");
}

/// What an operator does in one go may be several requests: a password is sent to the station, and entered at the CSMS.
#[tokio::test]
async fn further_requests_follow_what_is_done() {
    let requests = "    defaults: { headers: { X-Station: \"{{ station }}\" }, not-possible: 409 }
    send: { url: /s }
    messages:
      UnlockConnector:
        then:
          - { when: response.status == 'Unlocked', method: PUT, url: \"/lock/{{ payload.connectorId }}\", body: \"{{ status }}\" }
          - { url: \"/log/{{ response.number }}\" }
";
    let unlocked = (200, r#"{"status":"Unlocked","number":1}"#);
    let api = Api::of(&[unlocked, (200, r#"{"number":2}"#), (204, "")]).await;
    assert_eq!(api.operator(0.0, requests).perform(send()).await, ActionOutcome::Done);
    let whole = r#"POST /s {"evseId":1,"connectorId":1}"#;
    let first = api.asked()[0].clone();
    assert!(first == whole || first == "POST /s ", "{first}");
    assert_eq!(&api.asked()[1..], ["PUT /lock/1 200", "POST /log/2 "]);
    // Where the condition does not hold it is left out; the one after it sees the answer before.
    let api = Api::of(&[(200, r#"{"status":"Refused","number":3}"#), (204, "")]).await;
    assert_eq!(api.operator(0.0, requests).perform(send()).await, ActionOutcome::Done);
    assert_eq!(&api.asked()[1..], ["POST /log/3 "]);
    // Nothing follows what is not done, nor what fails under way.
    let api = Api::of(&[(409, "busy")]).await;
    assert_eq!(word(&api.operator(0.0, requests).perform(send()).await), "not-possible");
    assert_eq!(api.asked().len(), 1);
    let api = Api::of(&[unlocked, (409, "locked out")]).await;
    let outcome = api.operator(0.0, requests).perform(send()).await;
    assert!(matches!(&outcome, ActionOutcome::NotPossible(why) if why.contains("locked out")), "{outcome:?}");
    assert_eq!(api.asked().len(), 2);
    // A condition that can't be told says which.
    let api = Api::of(&[(200, "no JSON")]).await;
    let outcome = api.operator(0.0, requests).perform(send()).await;
    let ActionOutcome::NotPossible(reason) = outcome else { panic!("{outcome:?}") };
    assert!(reason.contains("`when` for `send UnlockConnector, request 1 under `then``"), "{reason}");
}

#[test]
fn mistakes_in_further_requests_are_told_when_the_bench_is_read() {
    for (requests, complaint) in [
        ("    send: { url: /s, then: { method: PUT } }\n", "a further request needs a URL"),
        ("    send: { url: /s, then: [never] }\n", "a further request can't be"),
        ("    send: { url: /s, then: { url: /t, wenn: 'true' } }\n", "wenn"),
        ("    send: { url: /s, then: { url: /t, then: { url: /u } } }\n", "then"),
        ("    defaults: { then: { url: /t } }\n", "then"),
        ("    send: { url: \"/{{ response.id }}\" }\n", "undefined name `response`"),
        ("    restore: { password: { url: /p, body: \"{{ bench.password }}\" } }\n", "the bench has no `password`"),
    ] {
        let text = format!("operator:\n  http:\n{requests}");
        let complaints = Bench::read_source(&Source::new("bench.yaml", text)).map(|_| ()).unwrap_err().to_string();
        assert!(complaints.contains(complaint), "{requests}: {complaints}");
    }
}
