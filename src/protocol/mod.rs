//! OCPP itself: RPC frames and message schemas. No I/O.

pub mod frame;
pub mod ids;
pub mod member;
pub mod primitives;
pub mod requirements;
pub mod schema;
pub mod transfer;
