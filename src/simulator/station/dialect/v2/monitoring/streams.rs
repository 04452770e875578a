//! Periodic event streams: what periodic monitors read, sent in bundles (N11 to N15).

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::CONTROLLER;
use crate::{
    clock::ocpp_time,
    pics::Pics,
    protocol::{Version, frame::Frame},
    simulator::station::dialect::v2::{
        Station, Timer,
        device::{Device, Domain, Mutability, Variable},
    },
};

/// Most streams at a time.
const MOST: usize = 4;
/// Most values that wait in one stream: a stream without parameters never sends them.
const MOST_VALUES: usize = 1000;

/// How far a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The CSMS is to be told of it.
    New,
    /// The CSMS was told.
    Asked,
    /// The CSMS has accepted it.
    Open,
    /// Its monitor is gone, or does without it.
    Over,
}

/// A periodic event stream.
#[derive(Debug, Clone)]
struct Stream {
    id: i64,
    /// The id of its monitor.
    monitor: i64,
    /// `PeriodicEventStreamParamsType`
    params: Value,
    state: State,
    waiting: Vec<(Timestamp, String)>,
}

impl Stream {
    fn parameter(&self, name: &str) -> usize {
        self.params[name].as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
    }

    /// `ConstantStreamDataType`
    fn constant(&self) -> Value {
        json!({ "id": self.id, "variableMonitoringId": self.monitor, "params": self.params })
    }
}

/// All streams.
#[derive(Debug, Default)]
pub(in super::super) struct Streams {
    all: Vec<Stream>,
    last_id: i64,
}

impl Streams {
    /// True when there is room for the stream of a monitor.
    pub(super) fn have_room_for(&self, monitor: i64) -> bool {
        self.all.len() < MOST || self.all.iter().any(|stream| stream.monitor == monitor)
    }

    /// A monitor was set: with a stream, or without (N11.FR.01, N13.FR.06).
    pub(super) fn monitor_set(&mut self, monitor: i64, params: Option<&Value>) {
        self.monitor_gone(monitor);
        if let Some(params) = params {
            self.last_id += 1;
            let (id, params) = (self.last_id, params.clone());
            self.all.push(Stream { id, monitor, params, state: State::New, waiting: Vec::new() });
        }
    }

    /// N13.FR.05
    pub(super) fn monitor_gone(&mut self, monitor: i64) {
        for stream in self.all.iter_mut().filter(|stream| stream.monitor == monitor) {
            stream.state = State::Over;
        }
        // The CSMS has not heard of a stream that is new.
        self.all.retain(|stream| stream.state != State::New || stream.monitor != monitor);
    }

    fn position(&self, id: &Value) -> Option<usize> {
        self.all.iter().position(|stream| *id == stream.id)
    }
}

impl Device {
    /// Adds the variable of streams, which are there since OCPP 2.1.
    pub fn add_event_streams(&mut self, pics: &Pics, version: Version) {
        if version == Version::V2_1 && super::is_offered(pics) {
            let most = i64::try_from(MOST).unwrap_or(i64::MAX);
            self.variables.push(Variable::new(
                CONTROLLER,
                "MaxPeriodicEventStreams",
                Mutability::ReadOnly,
                (most.to_string(), Domain::Integer(most, most)),
            ));
        }
    }
}

impl Station {
    /// Opens streams of monitors that were set, and closes those of monitors that are gone.
    pub(in super::super) fn settle_streams(&mut self) {
        for at in (0..self.streams.all.len()).rev() {
            match self.streams.all[at].state {
                State::New => {
                    self.streams.all[at].state = State::Asked;
                    let constant = self.streams.all[at].constant();
                    self.call("OpenPeriodicEventStream", json!({ "constantStreamData": constant }));
                }
                State::Over => {
                    // N13.FR.03
                    while self.flush_stream(at) {}
                    let id = self.streams.all.remove(at).id;
                    self.cancel(|timer| *timer == Timer::Stream(id));
                    self.call("ClosePeriodicEventStream", json!({ "id": id }));
                }
                State::Asked | State::Open => {}
            }
        }
    }

    /// After a boot the CSMS is told of the streams again.
    pub(in super::super) fn reopen_streams(&mut self) {
        for stream in &mut self.streams.all {
            stream.state = State::New;
        }
        self.settle_streams();
    }

    /// What the CSMS answers to a stream; a refusal leaves the monitor to events (N11.FR.07).
    pub(in super::super) fn stream_answered(&mut self, request: &Value, response: &Value) {
        let id = &request["constantStreamData"]["id"];
        let Some(at) = self.streams.position(id).filter(|at| self.streams.all[*at].state == State::Asked) else {
            return;
        };
        if response["status"] == "Accepted" {
            self.streams.all[at].state = State::Open;
            self.await_stream(at);
        } else {
            self.streams.all.remove(at);
        }
    }

    fn await_stream(&mut self, at: usize) {
        let stream = &self.streams.all[at];
        let (id, interval) = (stream.id, stream.parameter("interval"));
        self.cancel(|timer| *timer == Timer::Stream(id));
        if interval > 0 {
            self.schedule(Duration::from_secs(interval as u64), Timer::Stream(id));
        }
    }

    /// The interval of a stream has passed (N15.FR.06).
    pub(in super::super) fn stream_due(&mut self, id: i64) {
        if let Some(at) = self.streams.position(&id.into()) {
            self.await_stream(at);
            self.flush_stream(at);
        }
    }

    /// Gives the value of a monitor to its stream; false where it has none.
    pub(super) fn stream_takes(&mut self, monitor: i64, value: &str) -> bool {
        let now = self.physical.now();
        let of = |stream: &Stream| stream.monitor == monitor && stream.state != State::Over;
        let Some(at) = self.streams.all.iter().position(of) else { return false };
        let stream = &mut self.streams.all[at];
        if stream.waiting.len() < MOST_VALUES {
            stream.waiting.push((now, value.to_owned()));
        }
        // N15.FR.08
        let most = stream.parameter("values");
        if most > 0 && stream.waiting.len() >= most {
            self.flush_stream(at);
        }
        true
    }

    /// Sends the values that wait, as many as fit in one message; true if any were sent.
    fn flush_stream(&mut self, at: usize) -> bool {
        let online = self.online();
        let stream = &mut self.streams.all[at];
        if !online || !matches!(stream.state, State::Open | State::Over) {
            return false;
        }
        let Some((first, _)) = stream.waiting.first().cloned() else { return false };
        // N15.FR.07
        let most = match stream.parameter("values") {
            0 => MOST_VALUES,
            most => most,
        };
        let data: Vec<Value> = stream
            .waiting
            .drain(..most.min(stream.waiting.len()))
            .map(|(at, value)| {
                let offset = at.duration_since(first).as_secs_f64();
                json!({ "t": (offset * 1000.0).round() / 1000.0, "v": value })
            })
            .collect();
        // N15.FR.04, N15.FR.09
        let payload =
            json!({ "id": stream.id, "pending": stream.waiting.len(), "basetime": ocpp_time(first), "data": data });
        self.messages_made += 1;
        let id = format!("{}-{}", self.boots, self.messages_made);
        // N15.FR.01
        self.answer(&Frame::Send { id, action: "NotifyPeriodicEventStream".into(), payload });
        true
    }

    /// N12.FR.01
    pub(in super::super) fn get_streams(&self) -> Value {
        let open = self.streams.all.iter().filter(|stream| stream.state == State::Open);
        let open: Vec<Value> = open.map(Stream::constant).collect();
        if open.is_empty() { json!({}) } else { json!({ "constantStreamData": open }) }
    }

    /// N14.FR.02, N14.FR.03
    pub(in super::super) fn adjust_stream(&mut self, payload: &Value) -> Value {
        match self.streams.position(&payload["id"]) {
            Some(at) => {
                for (name, value) in payload["params"].as_object().into_iter().flatten() {
                    self.streams.all[at].params[name.as_str()] = value.clone();
                }
                self.await_stream(at);
                json!({ "status": "Accepted" })
            }
            None => json!({ "status": "Rejected", "statusInfo": { "reasonCode": "NotFound" } }),
        }
    }
}
