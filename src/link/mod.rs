//! The link to the SUT: WebSocket over TCP or TLS, as server (playing CSMS) and as client (playing station).
//!
//! The link decides nothing about the test: it does what its policy says, stamps everything with the run's clock
//! when it is read or written, before parsing, and tells what happened as [`LinkEvent`]s.

pub mod types;

pub use types::*;
