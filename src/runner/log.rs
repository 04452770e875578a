//! What happens in a run, for `--log`: the lines of the trace, whose secrets are redacted, by subject.

use tracing::{debug, info, trace};

use crate::record::{TraceEntry, TraceEvent};

/// Logs one line of the trace.
pub(super) fn log(entry: &TraceEntry) {
    let test = entry.test_case.as_deref().unwrap_or("-");
    let (station, conn) = (entry.station.as_deref().unwrap_or("-"), entry.conn.unwrap_or_default());
    match &entry.what {
        TraceEvent::TestCase { id } => info!(target: "ocpp_attest::run", station, "{id} begins"),
        TraceEvent::Verdict { id, verdict } => info!(target: "ocpp_attest::run", station, "{id}: {verdict}"),
        TraceEvent::Notice { text } => info!(target: "ocpp_attest::run", "{text}"),
        TraceEvent::Step { step } => debug!(target: "ocpp_attest::steps", test, station, "{step}"),
        TraceEvent::Frame { direction, text } => {
            trace!(target: "ocpp_attest::frames", test, station, conn, ?direction, "{text}");
        }
        TraceEvent::Ping { pong } => trace!(target: "ocpp_attest::frames", test, station, conn, pong, "ping"),
        TraceEvent::Garbage { what } => debug!(target: "ocpp_attest::frames", test, station, conn, "garbage: {what:?}"),
        TraceEvent::AttemptFailed { endpoint, failure, .. } => {
            debug!(target: "ocpp_attest::connections", test, station, conn, endpoint, ?failure, "attempt failed");
        }
        TraceEvent::Opened { endpoint, path, .. } => {
            debug!(target: "ocpp_attest::connections", test, station, conn, endpoint, ?path, "opened");
        }
        TraceEvent::Closed { code, by } => {
            debug!(target: "ocpp_attest::connections", test, station, conn, ?code, ?by, "closed");
        }
        TraceEvent::Operator { action, .. } => {
            debug!(target: "ocpp_attest::operator", test, station, "asked: {action}");
        }
        TraceEvent::OperatorDone { action, outcome } => {
            debug!(target: "ocpp_attest::operator", test, station, "{action}: {outcome:?}");
        }
        TraceEvent::Resumed { withdrawn, .. } => debug!(target: "ocpp_attest::run", withdrawn, "resumed"),
        TraceEvent::Withdrawn { .. } => {}
        TraceEvent::Remark { text } => debug!(target: "ocpp_attest::operator", test, station, "remark: {text:?}"),
        TraceEvent::Upload(upload) => {
            debug!(target: "ocpp_attest::services", test, station, name = ?upload.name, size = upload.size, "uploaded");
        }
        TraceEvent::Service { service, detail } => {
            debug!(target: "ocpp_attest::services", test, station, "{service}: {detail}");
        }
    }
}
