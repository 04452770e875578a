//! The session keys of TLS connections in the NSS key log format, for whoever captures packets beside the harness and wants to read them.
//!
//! Off unless a run asks for it. One file per process: a run is a process, and all its connections belong into one file.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use crate::certificate::hex;

static FILE: OnceLock<Mutex<File>> = OnceLock::new();

/// From now on the keys of every TLS connection are written to a file, which only its owner may read. A file that is there goes on.
pub fn write_to(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    FILE.set(Mutex::new(file)).map_err(|_| io::Error::other("the keys go to another file already"))
}

/// True where keys are written.
pub(super) fn wanted() -> bool {
    FILE.get().is_some()
}

/// Writes a line of the format.
pub(super) fn line(line: &str) {
    if let Some(mut file) = FILE.get().and_then(|file| file.lock().ok()) {
        // Keys that can't be written do no harm to the run.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}

/// What rustls tells its keys.
pub(super) fn of_rustls() -> Arc<dyn rustls::KeyLog> {
    if wanted() { Arc::new(Keys) } else { Arc::new(rustls::NoKeyLog) }
}

#[derive(Debug)]
struct Keys;

impl rustls::KeyLog for Keys {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        line(&format!("{label} {} {}", hex(client_random), hex(secret)));
    }
}
