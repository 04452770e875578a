//! What one message costs: reading the frame, holding it against its schema.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocpp_attest::protocol::{OCPP_2_0_1, frame::Frame};
use serde_json::json;

fn messages(criterion: &mut Criterion) {
    let transaction = json!([2, "4711", "TransactionEvent", {
        "eventType": "Updated",
        "timestamp": "2026-11-21T12:00:00.000Z",
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 12,
        "transactionInfo": { "transactionId": "5f7c1c2e-8c2a-4d3e-9d5e-2f1a3b4c5d6e", "chargingState": "Charging" },
        "evse": { "id": 1, "connectorId": 1 },
        "meterValue": [{ "timestamp": "2026-11-21T12:00:00.000Z", "sampledValue": [
            { "value": 1234.5, "measurand": "Energy.Active.Import.Register", "context": "Sample.Periodic",
              "unitOfMeasure": { "unit": "Wh" } },
            { "value": 16.0, "measurand": "Current.Import", "phase": "L1" },
        ] }],
    }])
    .to_string();
    // As large as one part of a full inventory may be.
    let data: Vec<_> = (0..100)
        .map(|number| {
            json!({
                "component": { "name": "OCPPCommCtrlr", "evse": { "id": 1 } },
                "variable": { "name": format!("Variable{number}") },
                "variableAttribute": [{ "type": "Actual", "value": "300", "mutability": "ReadWrite" }],
                "variableCharacteristics": { "dataType": "integer", "supportsMonitoring": true },
            })
        })
        .collect();
    let report = json!([2, "4712", "NotifyReport", {
        "requestId": 1, "seqNo": 0, "generatedAt": "2026-11-21T12:00:00Z", "tbc": false, "reportData": data,
    }])
    .to_string();
    for (name, text) in [("TransactionEvent", &transaction), ("NotifyReport of 100 variables", &report)] {
        let Ok(Frame::Call { action, payload, .. }) = Frame::parse(text, OCPP_2_0_1.wire) else {
            panic!("{name} is no CALL")
        };
        assert_eq!(OCPP_2_0_1.messages().validate(&action, true, &payload), [], "{name}");
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("read the frame", |bencher| {
            bencher.iter(|| Frame::parse(black_box(text), OCPP_2_0_1.wire));
        });
        group.bench_function("hold against the schema", |bencher| {
            bencher.iter(|| OCPP_2_0_1.messages().validate(black_box(&action), true, black_box(&payload)));
        });
        group.finish();
    }
}

criterion_group!(benches, messages);
criterion_main!(benches);
