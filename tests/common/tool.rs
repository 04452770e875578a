//! The tool as its users call it.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

/// The tool with these arguments, in the project's folder, without colours and with nothing of its own in the environment, but that
/// a run writes no PDF where the test does not ask for it: that takes longer than most runs do.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocpp-attest"));
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("NO_COLOR", "1").args(arguments);
    command.env("OCPP_ATTEST_FORMAT", "html,md,full,junit,summary");
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

/// The lines of a file of a run folder without their places in the hash chain.
pub fn unchained(path: &Path) -> String {
    let lines = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| String::from_utf8(ocpp_attest::record::chain::split(line.as_bytes()).0).unwrap() + "\n";
    lines.lines().map(line).collect()
}

/// Copies what is in a folder.
pub fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for path in std::fs::read_dir(from).unwrap().flatten().map(|entry| entry.path()) {
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            std::fs::copy(path, target).unwrap();
        }
    }
}
