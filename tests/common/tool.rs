//! The tool as its users call it.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// The tool with these arguments, in the project's folder, without colours and with nothing of its own in the environment.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocpp-attest"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").args(arguments);
    for name in ["OCPP_ATTEST_LOG", "OCPP_ATTEST_PASSWORD", "OCPP_ATTEST_FILE_PASSWORD"] {
        command.env_remove(name);
    }
    command
}

/// What became of a call of the tool.
#[derive(Debug)]
pub struct Said {
    /// The exit status; none when a signal ended it.
    pub status: Option<i32>,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Said {
    /// Waits for a command.
    pub fn of(mut command: Command) -> Self {
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }
}

/// Calls the tool.
pub fn said(arguments: &[&str]) -> Said {
    Said::of(command(arguments))
}

/// Calls the tool: its exit status, and all that it said.
pub fn attest(arguments: &[&str]) -> (Option<i32>, String) {
    let said = said(arguments);
    (said.status, said.stdout + &said.stderr)
}

/// A JSON file.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
