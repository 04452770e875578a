//! The link to the SUT: WebSocket over TCP or TLS, as server (playing CSMS) and as client (playing station).
//!
//! The link decides nothing about the test: it does what its policy says, stamps everything with the run's clock
//! when it is read or written, before parsing, and tells what happened as [`LinkEvent`]s. Over real sockets it does so on a thread of
//! its own.

pub mod client;
mod failure;
mod handle;
mod head;
pub(crate) mod hello;
pub mod keys;
pub mod network;
pub(crate) mod priority;
pub mod server;
pub mod session;
#[cfg(test)]
mod tests;
mod thread;
pub mod tls;
pub mod types;
mod verify;

pub use handle::LinkHandle;
pub use hello::is_cipher_suite;
pub use network::{BoxStream, MemoryNetwork, Network};
pub use server::{Tap, serve, serve_through};
pub use tls::cipher_suites;
pub use types::*;
