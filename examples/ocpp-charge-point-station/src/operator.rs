//! What a person does at the station, asked for over HTTP: `ocpp-attest run --operator http://127.0.0.1:9070/`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ocpp_charge_point::{
    ChargePointRuntime,
    state::{
        ChargePointEvent, ConnectorEvent, ConnectorState, EvseEvent, IdToken, IdTokenKind, MeterSample, StopReason,
    },
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::OnceCell,
};

use crate::Failure;

/// Watt of the simulated car.
const POWER: i64 = 7_400;
/// Seconds between two readings of the meter.
const PERIOD: u64 = 10;

/// Answers the test bench and reads the meter, for ever; `index` is the EVSE and the connector that are used.
pub async fn serve<T>(
    address: &str,
    runtime: &OnceCell<ChargePointRuntime<T>>,
    closed: &Arc<AtomicBool>,
    index: usize,
) -> Result<(), Failure> {
    let listener = TcpListener::bind(address).await?;
    let mut meter = tokio::time::interval(Duration::from_secs(PERIOD));
    let mut energy_wh = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted?;
                if let Err(error) = answer(stream, runtime, index).await {
                    eprintln!("operator: {error}");
                }
            }
            _ = meter.tick() => {
                if let (true, Some(runtime)) = (closed.load(Ordering::Relaxed), runtime.get()) {
                    energy_wh += POWER * i64::try_from(PERIOD)? / 3600;
                    let sample = MeterSample { energy_wh, power_w: Some(POWER), ..MeterSample::default() };
                    send(runtime, index, ConnectorEvent::MeterValueSampled(sample)).await?;
                }
            }
        }
    }
}

/// Reads one request, does what it says, answers: 204 done, 501 not possible here.
async fn answer<T>(stream: TcpStream, runtime: &OnceCell<ChargePointRuntime<T>>, index: usize) -> Result<(), Failure> {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse::<usize>()?;
        }
    }
    let mut body = vec![0; length.min(65_536)];
    stream.read_exact(&mut body).await?;
    let request: Value = serde_json::from_slice(&body)?;
    let (status, said) = match perform(&request, runtime, index).await {
        Ok(()) => ("204 No Content", String::new()),
        Err(why) => ("501 Not Implemented", why),
    };
    let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{said}", said.len());
    stream.get_mut().write_all(answer.as_bytes()).await?;
    Ok(())
}

/// One manual action, as what the hardware would tell the library.
async fn perform<T>(request: &Value, runtime: &OnceCell<ChargePointRuntime<T>>, index: usize) -> Result<(), String> {
    let parameters = &request["parameters"];
    let action = request["action"].as_str().unwrap_or_default();
    if action == "power-cycle" {
        crate::reboot_soon();
        return Ok(());
    }
    // The library hands out its runtime once the CSMS has accepted the station.
    let runtime = runtime.get().ok_or("the station is still booting")?;
    let state = runtime.state().evses[index].connectors[index];
    let running =
        matches!(state, ConnectorState::Charging | ConnectorState::SuspendedEv | ConnectorState::SuspendedEvse);
    let event = match action {
        "connect-ev" => ConnectorEvent::CableConnected,
        "disconnect-ev" => ConnectorEvent::CableDisconnected,
        "present-token" => {
            let token = IdToken {
                value: parameters["token"].as_str().unwrap_or_default().to_owned(),
                kind: kind(parameters["type"].as_str().unwrap_or_default())?,
            };
            // The library leaves stopping at the station to the hardware: the same token again stops.
            let own =
                runtime.state().evses[index].transactions[index].as_ref().and_then(|running| running.id_token.clone());
            if running && own.is_some_and(|own| own.value.eq_ignore_ascii_case(&token.value)) {
                ConnectorEvent::ChargingStopped(StopReason::Local)
            } else {
                ConnectorEvent::IdTokenPresented(token)
            }
        }
        "press-stop" => ConnectorEvent::ChargingStopped(StopReason::Local),
        "ev-suspend" => ConnectorEvent::ChargingSuspendedByEv,
        "evse-suspend" => ConnectorEvent::ChargingSuspendedByEvse,
        "ev-resume" => ConnectorEvent::ChargingResumed,
        other => return Err(format!("{other}: this station has no hardware for that")),
    };
    send(runtime, index, event).await.map_err(|error| error.to_string())
}

fn kind(name: &str) -> Result<IdTokenKind, String> {
    Ok(match name {
        "ISO14443" => IdTokenKind::ISO14443,
        "ISO15693" => IdTokenKind::ISO15693,
        "KeyCode" => IdTokenKind::KeyCode,
        other => return Err(format!("there is no reader for {other}")),
    })
}

async fn send<T>(runtime: &ChargePointRuntime<T>, index: usize, event: ConnectorEvent) -> Result<(), Failure> {
    let event = EvseEvent::Connector { connector_id: index, event };
    runtime.send(ChargePointEvent::Evse { evse_id: index, event }).await.map_err(|error| format!("{error:?}").into())
}
