//! OCPP itself: RPC frames and message schemas. No I/O.

pub mod frame;
pub mod schema;
