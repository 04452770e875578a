//! The link to the SUT: WebSocket over TCP or TLS, as server (playing CSMS) and as client (playing station).
//!
//! The link decides nothing about the test: it does what its policy says, stamps everything with the run's clock
//! when it is read or written, before parsing, and tells what happened as [`LinkEvent`]s.

pub mod client;
pub(crate) mod hello;
pub mod network;
pub mod server;
pub mod session;
#[cfg(test)]
mod tests;
pub mod tls;
pub mod types;
mod verify;

pub use network::{BoxStream, MemoryNetwork, Network};
pub use server::{LinkHandle, Tap, serve, serve_through};
pub use tls::cipher_suites;
pub use types::*;
