//! The trace as JSON lines while the run goes on.

use std::{
    fs::File,
    io::{self, Write},
    path::Path,
    sync::atomic::Ordering,
};

use super::Problem;
use crate::{cli::STDOUT_IS_TAKEN, record::TraceEntry};

/// Where the lines go.
pub(super) struct Live {
    name: String,
    out: Option<Box<dyn Write>>,
}

impl Live {
    /// Opens a file anew, or takes standard output (`-`).
    pub(super) fn open(path: &Path) -> Result<Self, Problem> {
        let name = path.display().to_string();
        if path == Path::new("-") {
            STDOUT_IS_TAKEN.store(true, Ordering::Relaxed);
            return Ok(Self { name, out: Some(Box::new(io::stdout())) });
        }
        let file = File::create(path).map_err(|error| {
            Problem::Input(format!("{name} can't be written: {error}"), "name another file with --trace-to".into())
        })?;
        Ok(Self { name, out: Some(Box::new(file)) })
    }

    /// Writes one line, at once. Whoever looked on may go away; the run goes on, and its folder has the whole trace.
    pub(super) fn write(&mut self, entry: &TraceEntry) {
        let Some(out) = &mut self.out else { return };
        let mut line = serde_json::to_vec(entry).unwrap_or_default();
        line.push(b'\n');
        if let Err(error) = out.write_all(&line).and_then(|()| out.flush()) {
            if error.kind() != io::ErrorKind::BrokenPipe {
                eprintln!("warning: --trace-to {}: {error}; the trace continues in the run folder", self.name);
            }
            self.out = None;
        }
    }
}
