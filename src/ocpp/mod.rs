//! OCPP itself: RPC frames and message schemas. No I/O.

pub mod frame;
pub mod member;
pub mod requirements;
pub mod schema;
pub mod transfer;
