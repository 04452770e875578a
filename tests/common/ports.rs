//! Ports to listen at.

use std::{
    net::TcpListener,
    sync::atomic::{AtomicU32, Ordering},
};

/// A port of the loopback interface that is free, and so is the next one. They are below those that the system gives to whoever
/// connects; a process hands out each once, and begins at a place of its own.
pub fn free_port() -> u16 {
    static HANDED_OUT: AtomicU32 = AtomicU32::new(0);
    const FIRST: u16 = 15_000;
    const PAIRS: u32 = 8_000;
    let own = std::process::id().wrapping_mul(101);
    loop {
        let pair = own.wrapping_add(HANDED_OUT.fetch_add(1, Ordering::Relaxed)) % PAIRS;
        let port = FIRST + u16::try_from(2 * pair).unwrap();
        if [port, port + 1].into_iter().all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok()) {
            return port;
        }
    }
}
