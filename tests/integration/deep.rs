//! What products really get wrong, in the test cases that look deepest: reports, measurands, connections, roots. Each fault
//! is laid into the recording of a station that passes, and must fail it at the right place.

use std::{collections::BTreeMap, time::Duration};

use crate::common::{
    pics,
    recordings::{change_answers, change_calls, drop_inputs, from_station, hasten, is_call},
    run_these,
};
use ocpp_attest::{
    certificate,
    engine::Input,
    link::{AttemptFailure, EndpointId, LinkEvent, UpgradeRequest},
    pics::model::{Answer, Pics},
    protocol::frame::Frame,
    replay::Recording,
    verdict::Verdict,
};
use serde_json::{Value, json};

/// Recordings of the simulated station that pass, by test case.
fn recorded(bench: &str, ids: &[&str]) -> BTreeMap<String, Recording> {
    recorded_of(&pics("simulated-station.yaml"), bench, ids)
}

fn recorded_of(pics: &Pics, bench: &str, ids: &[&str]) -> BTreeMap<String, Recording> {
    let globs: Vec<String> = ids.iter().map(|id| format!("{id}_CS")).collect();
    let recordings = run_these(pics, bench, true, &globs).recordings;
    let found: BTreeMap<String, Recording> =
        recordings.into_iter().map(|recording| (recording.id.trim_end_matches("_CS").to_owned(), recording)).collect();
    assert_eq!(found.len(), ids.len(), "not all of {ids:?} ran");
    for (id, recording) in &found {
        let outcome = recording.judge();
        assert_eq!(outcome.verdict, Verdict::Pass, "{id} without a fault: {:?}", outcome.failures.first());
    }
    found
}

/// The recording with a fault in it fails, and one of the findings has these words (or, with `|` between, other ones).
fn fails(what: &str, sound: &Recording, words: &str, fault: impl FnOnce(&mut Recording) -> usize) {
    let mut faulty = sound.clone();
    assert!(fault(&mut faulty) > 0, "{}: {what}: nothing was changed", sound.id);
    let outcome = faulty.judge();
    assert_eq!(outcome.verdict, Verdict::Fail, "{}: {what}: {:?}", sound.id, outcome.failures.first());
    let said = format!("{:?}", outcome.failures);
    assert!(words.split('|').any(|words| said.contains(words)), "{}: {what}: no {words} in {said}", sound.id);
}

// ---- reports ----

/// `TxCtrlr.EVConnectionTimeOut`, `EVSE/2.AvailabilityState`, `OCPPCommCtrlr.MessageTimeout[Default]`
fn name(item: &Value) -> String {
    let (component, variable) = (&item["component"], &item["variable"]);
    let place = |key: &str| component["evse"][key].as_u64().map(|id| format!("/{id}")).unwrap_or_default();
    let instance = variable["instance"].as_str().map(|instance| format!("[{instance}]")).unwrap_or_default();
    let text = |value: &Value| value["name"].as_str().unwrap_or_default().to_owned();
    format!("{}{}{}.{}{instance}", text(component), place("id"), place("connectorId"), text(variable))
}

fn without(recording: &mut Recording, variable: &str) -> usize {
    change_calls(recording, "NotifyReport", |payload| {
        if let Some(items) = payload["reportData"].as_array_mut() {
            items.retain(|item| name(item) != variable);
        }
    })
}

fn change_item(recording: &mut Recording, variable: &str, change: impl Fn(&mut Value)) -> usize {
    change_calls(recording, "NotifyReport", |payload| {
        let items = payload["reportData"].as_array_mut().into_iter().flatten();
        items.filter(|item| name(item) == variable).for_each(&change);
    })
}

#[test]
fn a_report_that_lacks_a_required_variable_fails() {
    let sound = recorded("", &["TC_B_12", "TC_B_13", "TC_B_53"]);
    let everywhere = [
        "OCPPCommCtrlr.OfflineThreshold",
        "OCPPCommCtrlr.NetworkConfigurationPriority",
        "OCPPCommCtrlr.MessageAttempts[TransactionEvent]",
        "OCPPCommCtrlr.ResetRetries",
        "ClockCtrlr.TimeSource",
        "SecurityCtrlr.OrganizationName",
        "AuthCtrlr.LocalPreAuthorize",
        "TxCtrlr.EVConnectionTimeOut",
        "TxCtrlr.StopTxOnInvalidId",
        "SampledDataCtrlr.TxStartedMeasurands",
        "SampledDataCtrlr.TxUpdatedInterval",
        "AlignedDataCtrlr.Measurands",
        "AlignedDataCtrlr.TxEndedInterval",
    ];
    let in_full = [
        "OCPPCommCtrlr.MessageTimeout[Default]",
        "OCPPCommCtrlr.FileTransferProtocols",
        "OCPPCommCtrlr.ActiveNetworkProfile",
        "DeviceDataCtrlr.ItemsPerMessage[GetVariables]",
        "DeviceDataCtrlr.BytesPerMessage[SetVariables]",
        "ClockCtrlr.DateTime",
        "SecurityCtrlr.CertificateEntries",
        "SecurityCtrlr.SecurityProfile",
        "AuthCtrlr.AuthorizeRemoteStart",
        "TxCtrlr.TxStartPoint",
        "TxCtrlr.TxStopPoint",
        "ChargingStation.AvailabilityState",
        "ChargingStation.SupplyPhases",
        "EVSE/1.AvailabilityState",
        "EVSE/2.AvailabilityState",
        "EVSE/2.SupplyPhases",
        "Connector/1/1.AvailabilityState",
        "Connector/2/1.ConnectorType",
        "Connector/2/1.SupplyPhases",
        "LocalAuthListCtrlr.Entries",
    ];
    let of_part_4 = [
        "OCPPCommCtrlr.RetryBackOffRepeatTimes",
        "OCPPCommCtrlr.RetryBackOffRandomRange",
        "OCPPCommCtrlr.RetryBackOffWaitMinimum",
        "OCPPCommCtrlr.WebSocketPingInterval",
    ];
    for (id, groups) in [
        ("TC_B_12", &[&everywhere[..]][..]),
        ("TC_B_13", &[&everywhere, &in_full]),
        ("TC_B_53", &[&everywhere, &in_full, &of_part_4]),
    ] {
        for variable in groups.iter().copied().flatten() {
            fails(variable, &sound[id], "B07.FR", |recording| without(recording, variable));
        }
    }
}

#[test]
fn a_report_that_is_not_well_made_fails() {
    let sound = recorded("", &["TC_B_12", "TC_B_13", "TC_B_53"]);
    for id in ["TC_B_12", "TC_B_13", "TC_B_53"] {
        let report = &sound[id];
        fails("another request's id", report, "requestId", |recording| {
            change_calls(recording, "NotifyReport", |payload| payload["requestId"] = 4711.into())
        });
        fails("parts counted from 1", report, "seqNo", |recording| {
            change_calls(recording, "NotifyReport", |payload| {
                payload["seqNo"] = (payload["seqNo"].as_i64().unwrap_or(0) + 1).into();
            })
        });
        fails("an end that never comes", report, "NotifyReport", |recording| {
            change_calls(recording, "NotifyReport", |payload| payload["tbc"] = true.into())
        });
        fails("no characteristics", report, "variableCharacteristics", |recording| {
            change_item(recording, "TxCtrlr.EVConnectionTimeOut", |item| {
                item.as_object_mut().unwrap().remove("variableCharacteristics");
            })
        });
        fails("a list without its values", report, "valuesList", |recording| {
            change_item(recording, "AlignedDataCtrlr.Measurands", |item| {
                item["variableCharacteristics"].as_object_mut().unwrap().remove("valuesList");
            })
        });
        fails("no report at all", report, "NotifyReport did not come", |recording| {
            drop_inputs(recording, |input| is_call(input, "NotifyReport", ""))
        });
    }
    let deep = &sound["TC_B_53"];
    fails("a value that its list does not have", deep, "B07.FR", |recording| {
        change_item(recording, "TxCtrlr.TxStartPoint", |item| {
            item["variableAttribute"][0]["value"] = "EVConnected,SunRise".into();
        })
    });
    fails("a password for all to see", deep, "B07.FR.03", |recording| {
        change_item(recording, "SecurityCtrlr.BasicAuthPassword", |item| {
            item["variableAttribute"][0]["value"] = "a-password-of-the-bench".into();
        })
    });
    fails("a standard variable without a value", deep, "B07.FR", |recording| {
        change_item(recording, "OCPPCommCtrlr.OfflineThreshold", |item| {
            item["variableAttribute"][0].as_object_mut().unwrap().remove("value");
        })
    });
    // A station that has no such report must say so, and send none.
    let mut plain = pics("simulated-station.yaml");
    for id in ["C-56", "DM-0"] {
        plain.features.insert(id.into(), Answer::Bool(false));
    }
    let refused = &recorded_of(&plain, "", &["TC_B_15"])["TC_B_15"];
    fails("what is not there is promised", refused, "B07.FR.02", |recording| {
        change_answers(
            recording,
            |answer| answer["status"] == "NotSupported",
            |answer| answer["status"] = "Accepted".into(),
        )
    });
    fails("what is not there is sent", refused, "NotifyReport", |recording| {
        let says_no = |frame: &Frame| frame.to_text().contains("\"NotSupported\"");
        let (at, _) = from_station(recording).into_iter().find(|(_, frame)| says_no(frame)).unwrap();
        let (stamp, Input::Link(LinkEvent::Text { conn, .. })) = recording.inputs[at].clone() else { return 0 };
        let text = Frame::Call {
            id: "report".into(),
            action: "NotifyReport".into(),
            payload: json!({ "requestId": 1, "generatedAt": stamp.wall.to_string(), "seqNo": 0, "tbc": false }),
        };
        let report = Input::Link(LinkEvent::Text { conn, text: text.to_text() });
        recording.inputs.insert(at + 1, (stamp, report));
        1
    });
}

// ---- meter values ----

/// Every sampledValue of a payload that holds some, with its place among the meterValues.
fn each_sample(payload: &mut Value, mut change: impl FnMut(&mut Value)) {
    for meter_value in payload.get_mut("meterValue").and_then(Value::as_array_mut).into_iter().flatten() {
        meter_value["sampledValue"].as_array_mut().into_iter().flatten().for_each(&mut change);
    }
}

/// One measurand becomes another, wherever it is told in this context.
fn swap_measurand(recording: &mut Recording, action: &str, context: &str, from: &str, to: &str) -> usize {
    change_calls(recording, action, |payload| {
        each_sample(payload, |sample| {
            let measurand = sample["measurand"].as_str().unwrap_or("Energy.Active.Import.Register");
            if sample["context"] == context && measurand == from {
                sample["measurand"] = to.into();
            }
        });
    })
}

fn rename_context(recording: &mut Recording, action: &str, from: &str, to: &str) -> usize {
    change_calls(recording, action, |payload| {
        each_sample(payload, |sample| {
            if sample["context"] == from {
                sample["context"] = to.into();
            }
        });
    })
}

/// The measurands that are told in a context, by their names.
fn told(recording: &Recording, action: &str, context: &str) -> Vec<String> {
    let mut found = Vec::new();
    change_calls(&mut recording.clone(), action, |payload| {
        each_sample(payload, |sample| {
            let measurand = sample["measurand"].as_str().unwrap_or("Energy.Active.Import.Register").to_owned();
            if sample["context"] == context && !found.contains(&measurand) {
                found.push(measurand);
            }
        });
    });
    found
}

const METERED: [(&str, &str, &str); 8] = [
    ("TC_J_01", "MeterValues", "Sample.Clock"),
    ("TC_J_02", "TransactionEvent", "Sample.Clock"),
    ("TC_J_03", "TransactionEvent", "Sample.Clock"),
    ("TC_J_04", "TransactionEvent", "Sample.Clock"),
    ("TC_J_07", "TransactionEvent", "Transaction.Begin"),
    ("TC_J_08", "TransactionEvent", "Transaction.Begin"),
    ("TC_J_09", "TransactionEvent", "Sample.Periodic"),
    ("TC_J_10", "TransactionEvent", "Transaction.End"),
];

#[test]
fn meter_values_that_say_something_else_fail() {
    let ids: Vec<&str> = METERED.iter().map(|(id, ..)| *id).collect();
    let sound = recorded("tx-start-point: Authorized\n", &ids);
    for (id, action, context) in METERED {
        let recording = &sound[id];
        let measurands = told(recording, action, context);
        assert!(!measurands.is_empty(), "{id} tells nothing as {context}");
        if id != "TC_J_04" {
            // J_04 is about the signature; J_03 asks for the same measurands.
            for measurand in &measurands {
                let other = if measurand == "Voltage" { "Frequency" } else { "Voltage" };
                if !measurands.iter().any(|known| known == other) {
                    fails(measurand, recording, "", |recording| {
                        swap_measurand(recording, action, context, measurand, other)
                    });
                }
            }
        }
        fails("another context", recording, "", |recording| rename_context(recording, action, context, "Other"));
        fails("measured in the EV", recording, "location", |recording| {
            change_calls(recording, action, |payload| each_sample(payload, |sample| sample["location"] = "EV".into()))
        });
    }
}

/// Seconds added to the time of every second message that tells readings in a context, and to the readings'.
fn uneven(recording: &mut Recording, action: &str, trigger: Option<&str>, by: i64) -> usize {
    let later = |time: &mut Value| {
        if let Some(Ok(parsed)) = time.as_str().map(str::parse::<jiff::Timestamp>) {
            *time = (parsed + jiff::SignedDuration::from_secs(by)).to_string().into();
        }
    };
    let mut seen = 0;
    change_calls(recording, action, |payload| {
        if trigger.is_some_and(|trigger| payload["triggerReason"] != trigger) {
            return;
        }
        // MeterValues come from every EVSE.
        if payload["evseId"].as_u64().is_some_and(|evse| evse != 1) {
            return;
        }
        seen += 1;
        if seen % 2 == 0 {
            if payload.get("timestamp").is_some() {
                later(&mut payload["timestamp"]);
            }
            let values = payload.get_mut("meterValue").and_then(Value::as_array_mut);
            values.into_iter().flatten().for_each(|one| later(&mut one["timestamp"]));
        }
    })
}

#[test]
fn meter_values_out_of_their_time_fail() {
    let sound = recorded("", &["TC_J_01", "TC_J_02", "TC_J_03", "TC_J_09", "TC_J_10"]);
    for (id, action, trigger) in [
        ("TC_J_01", "MeterValues", None),
        ("TC_J_02", "TransactionEvent", Some("MeterValueClock")),
        ("TC_J_09", "TransactionEvent", Some("MeterValuePeriodic")),
    ] {
        // Which of the times is the first that counts depends on the time of day at which the run began.
        fails("uneven times", &sound[id], "a multiple of|s apart|s since midnight", |recording| {
            uneven(recording, action, trigger, 9)
        });
        fails("none after the first", &sound[id], "did not come within", |recording| {
            let words = trigger.unwrap_or("\"evseId\":1");
            let places = recording.inputs.iter().enumerate().filter(|(_, (_, input))| is_call(input, action, words));
            let second = places.map(|(at, _)| at).nth(1).unwrap();
            recording.inputs.truncate(second);
            1
        });
    }
    for (id, context) in [("TC_J_03", "Sample.Clock"), ("TC_J_10", "Sample.Periodic")] {
        fails("a reading is missing", &sound[id], "s apart", |recording| {
            change_calls(recording, "TransactionEvent", |payload| {
                if payload["eventType"] != "Ended" {
                    return;
                }
                let of_context = |one: &Value| one["sampledValue"][0]["context"] == context;
                let values = payload["meterValue"].as_array_mut().unwrap();
                let time = |one: &Value| one["timestamp"].as_str().unwrap_or_default().to_owned();
                let mut times: Vec<String> = values.iter().filter(|one| of_context(one)).map(time).collect();
                times.sort();
                times.dedup();
                assert!(times.len() >= 3, "{times:?}");
                values.retain(|one| !of_context(one) || time(one) != times[1]);
            })
        });
    }
}

#[test]
fn readings_that_are_not_signed_or_come_too_late_fail() {
    let sound = recorded("tx-start-point: Authorized\n", &["TC_J_04", "TC_J_08"]);
    fails("nothing is signed", &sound["TC_J_04"], "J01.FR.21", |recording| {
        change_calls(recording, "TransactionEvent", |payload| {
            each_sample(payload, |sample| {
                sample.as_object_mut().unwrap().remove("signedMeterValue");
            });
        })
    });
    fails("signed at the beginning only", &sound["TC_J_04"], "J01.FR.21", |recording| {
        change_calls(recording, "TransactionEvent", |payload| {
            if payload["eventType"] == "Ended" {
                each_sample(payload, |sample| {
                    sample.as_object_mut().unwrap().remove("signedMeterValue");
                });
            }
        })
    });
    // The begin of the transaction is told once energy flows already, or not at all.
    for late in [true, false] {
        fails("the begin is not told in time", &sound["TC_J_08"], "E01.FR.1", |recording| {
            let mut begin = None;
            change_calls(recording, "TransactionEvent", |payload| {
                if payload["eventType"] == "Started" {
                    begin = payload.as_object_mut().unwrap().remove("meterValue");
                }
            });
            let charging = |input: &Input| is_call(input, "TransactionEvent", "\"Charging\"");
            let Some(at) = recording.inputs.iter().position(|(_, input)| charging(input)) else { return 0 };
            recording.inputs.truncate(at + 1);
            let (stamp, Input::Link(LinkEvent::Text { conn, text })) = recording.inputs[at].clone() else { return 0 };
            if let (true, Ok(Frame::Call { action, mut payload, .. })) = (late, Frame::read_back(&text)) {
                payload["seqNo"] = (payload["seqNo"].as_i64().unwrap() + 1).into();
                payload["meterValue"] = begin.unwrap();
                let text = Frame::Call { id: "late".into(), action, payload }.to_text();
                recording.inputs.push((stamp, Input::Link(LinkEvent::Text { conn, text })));
            }
            1
        });
    }
}

// ---- transactions ----

/// To authorise first is what the test case is about, not how it begins.
#[test]
fn a_token_that_is_ignored_before_the_cable_fails() {
    let sound = recorded("", &["TC_E_04"]);
    fails("nobody is asked", &sound["TC_E_04"], "C01.FR.02", |recording| {
        let asks = |frame: &Frame| matches!(frame, Frame::Call { action, .. } if action == "Authorize");
        let place = from_station(recording).iter().find(|(_, frame)| asks(frame)).map(|(at, _)| *at).unwrap();
        // Who presented the token still says so.
        let told =
            recording.inputs[place..].iter().find(|(_, input)| matches!(input, Input::OperatorDone(..))).cloned();
        recording.inputs.truncate(place);
        recording.inputs.extend(told);
        1
    });
}

#[test]
fn an_ev_that_leaves_is_told_as_it_was() {
    let sound = recorded("tx-stop-point: EVConnected\nevse: { id: 2 }\nevse-second: { id: 1 }\n", &["TC_E_54"]);
    for (what, pointer, value) in [
        ("the transaction goes on", "/eventType", "Updated"),
        ("the EV is still there", "/transactionInfo/chargingState", "EVConnected"),
        ("somebody stopped it", "/transactionInfo/stoppedReason", "Local"),
        ("for another reason", "/triggerReason", "ChargingStateChanged"),
    ] {
        fails(what, &sound["TC_E_54"], "TransactionEvent", |recording| {
            change_calls(recording, "TransactionEvent", |payload| {
                if payload["triggerReason"] == "EVCommunicationLost" {
                    *payload.pointer_mut(pointer).unwrap() = value.into();
                }
            })
        });
    }
}

/// The same moment is enough: what counts is which of the two came first.
#[test]
fn what_a_trigger_asks_for_comes_after_its_answer() {
    let sound = recorded("", &["TC_F_11", "TC_F_20", "TC_F_23"]);
    for (id, action) in [("TC_F_11", "MeterValues"), ("TC_F_20", "Heartbeat"), ("TC_F_23", "StatusNotification")] {
        fails("it comes first", &sound[id], "F06.FR.04", |recording| {
            let frames = from_station(recording);
            let is_asked_for = |frame: &Frame| matches!(frame, Frame::Call { action: of, .. } if of == action);
            let asked_for = frames.iter().rev().find(|(_, frame)| is_asked_for(frame)).unwrap().0;
            let answers = frames.iter().rev().filter(|(_, frame)| matches!(frame, Frame::CallResult { .. }));
            let answer = answers.map(|(at, _)| *at).find(|at| *at < asked_for).unwrap();
            let (first, second) = (recording.inputs[answer].1.clone(), recording.inputs[asked_for].1.clone());
            (recording.inputs[answer].1, recording.inputs[asked_for].1) = (second, first);
            1
        });
    }
}

// ---- connections ----

fn opened(conn: ocpp_attest::link::ConnId, endpoint: EndpointId) -> Input {
    let request = UpgradeRequest {
        path: "/ocpp/CS001".into(),
        identity: Some("CS001".into()),
        user: Some("CS001".into()),
        password: None,
        subprotocols: vec!["ocpp2.0.1".into()],
        tls: None,
    };
    Input::Link(LinkEvent::Opened { conn, endpoint, request, subprotocol: Some("ocpp2.0.1".into()) })
}

/// Places of attempts to connect, failed or not, after the first connection.
fn attempts(recording: &Recording) -> Vec<usize> {
    let is_attempt =
        |input: &Input| matches!(input, Input::Link(LinkEvent::AttemptFailed { .. } | LinkEvent::Opened { .. }));
    let places = recording.inputs.iter().enumerate().filter(|(_, (_, input))| is_attempt(input));
    places.map(|(at, _)| at).skip(1).collect()
}

#[test]
fn a_station_that_does_not_wait_fails() {
    let sound = recorded("", &["TC_B_49", "TC_B_57"]);
    let wait = Duration::from_secs(9);
    // B_57: lost, back; lost again, refused, back.
    let back = attempts(&sound["TC_B_57"]);
    fails("back at once", &sound["TC_B_57"], "RetryBackOffWaitMinimum", |recording| {
        hasten(recording, back[0], wait);
        1
    });
    fails("the wait does not grow", &sound["TC_B_57"], "shorter wait before was", |recording| {
        hasten(recording, back[2], wait);
        1
    });
    let again = attempts(&sound["TC_B_49"]);
    fails("again at once", &sound["TC_B_49"], "Part 4, 5.3", |recording| {
        hasten(recording, again[2], wait);
        1
    });
}

/// A station may leave a Close unanswered; it knows of it all the same, and waits from then on.
#[test]
fn a_station_whose_old_connection_lingers_has_waited() {
    let mut late = recorded("", &["TC_B_57"]).remove("TC_B_57").unwrap();
    let closed = |(_, input): &(_, Input)| matches!(input, Input::Link(LinkEvent::Closed { .. }));
    let (told, input) = late.inputs.remove(late.inputs.iter().position(closed).unwrap());
    let told = told.plus(Duration::from_secs(5));
    let place = late.inputs.iter().position(|(at, _)| at.mono_ns > told.mono_ns).unwrap();
    assert!(place <= attempts(&late)[0], "the old connection is gone before the station is back");
    late.inputs.insert(place, (told, input));
    let outcome = late.judge();
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.failures);
}

#[test]
fn a_station_that_tries_the_wrong_place_fails() {
    let sound = recorded("", &["TC_B_49"]);
    let places = attempts(&sound["TC_B_49"]);
    let at_endpoint = |recording: &mut Recording, at: usize, number: u8| match &mut recording.inputs[at].1 {
        Input::Link(LinkEvent::AttemptFailed { endpoint, .. } | LinkEvent::Opened { endpoint, .. }) => {
            *endpoint = EndpointId(number);
            1
        }
        _ => 0,
    };
    fails("home first", &sound["TC_B_49"], "B10.FR.04", |recording| at_endpoint(recording, places[0], 1));
    fails("never home", &sound["TC_B_49"], "B10.FR.03", |recording| {
        places[1..].iter().map(|at| at_endpoint(recording, *at, 2)).sum()
    });
    fails("not back at all", &sound["TC_B_49"], "did not connect again", |recording| {
        recording.inputs.truncate(places[2]);
        1
    });
}

#[test]
fn a_station_that_says_nothing_after_being_offline_fails() {
    let sound = recorded("", &["TC_B_52"]);
    let since = *attempts(&sound["TC_B_52"]).last().unwrap();
    let told = |recording: &Recording| {
        let occupied = |input: &Input| is_call(input, "StatusNotification", "\"Occupied\"");
        recording.inputs.iter().skip(since).position(|(_, input)| occupied(input)).map(|at| at + since)
    };
    fails("the change is lost", &sound["TC_B_52"], "StatusNotification with evseId = 1", |recording| {
        let at = told(recording).unwrap();
        recording.inputs.remove(at);
        1
    });
    fails("as it was before", &sound["TC_B_52"], "StatusNotification with evseId = 1|ConnectorStatus", |recording| {
        let at = told(recording).unwrap();
        let Input::Link(LinkEvent::Text { text, .. }) = &mut recording.inputs[at].1 else { return 0 };
        *text = text.replace("Occupied", "Available");
        1
    });
}

// ---- roots ----

/// The station did not take the certificate that we useed.
fn refuses_us(input: &Input) -> bool {
    matches!(input, Input::Link(LinkEvent::AttemptFailed { failure: AttemptFailure::TlsRefusedBySut(_), .. }))
}

#[test]
fn a_station_that_trusts_the_wrong_root_fails() {
    let sound = recorded("", &["TC_B_47", "TC_M_09", "TC_M_30", "TC_M_31"]);
    fails("another CSMS under the old root", &sound["TC_B_47"], "", |recording| {
        let Some(at) = recording.inputs.iter().position(|(_, input)| refuses_us(input)) else { return 0 };
        let Input::Link(LinkEvent::AttemptFailed { conn, endpoint, .. }) = recording.inputs[at].1 else { return 0 };
        recording.inputs[at].1 = opened(conn, endpoint);
        1
    });
    fails("a stranger's root", &sound["TC_M_09"], "M05.FR.11", |recording| {
        let asked = |answer: &Value| answer["status"] == "Rejected";
        change_answers(recording, asked, |answer| answer["status"] = "Accepted".into())
    });
    let lists = |answer: &Value| answer.get("certificateHashDataChain").is_some();
    for (id, requirement) in
        [("TC_M_09", "M05.FR.11"), ("TC_M_31", "M05.FR.12"), ("TC_B_47", "GetInstalledCertificates")]
    {
        fails("the old root is gone", &sound[id], requirement, |recording| {
            change_answers(recording, lists, |answer| {
                for entry in answer["certificateHashDataChain"].as_array_mut().unwrap() {
                    entry["certificateHashData"]["serialNumber"] = "1234".into();
                }
            })
        });
    }
    fails("the old root stays", &sound["TC_M_30"], "M05.FR.13", |recording| {
        let root = recording.setup.bench["root"].as_str().unwrap().to_owned();
        let hash = certificate::hash_data(&root, "SHA256").unwrap();
        change_answers(recording, lists, |answer| {
            let old = json!({ "certificateType": "CSMSRootCertificate", "certificateHashData": hash });
            answer["certificateHashDataChain"].as_array_mut().unwrap().push(old);
        })
    });
    fails("it stays away for ever", &sound["TC_M_31"], "", |recording| {
        let Some(at) = recording.inputs.iter().position(|(_, input)| refuses_us(input)) else { return 0 };
        recording.inputs.truncate(at + 1);
        1
    });
}
