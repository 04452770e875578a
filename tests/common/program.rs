//! The tool as a program at work, for tests that talk to it while it runs.

use std::{
    io::{BufRead as _, BufReader, Read},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

/// How long a program of ours may take to say what is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// An ocpp-attest at work, ended with the test.
pub struct Program {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Program {
    /// Starts it with these arguments.
    pub fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ocpp-attest"))
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("NO_COLOR", "1")
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (say, lines) = mpsc::channel();
        let outputs: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for output in outputs {
            let say = say.clone();
            std::thread::spawn(move || {
                BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| say.send(line))
            });
        }
        Self { child, lines }
    }

    /// What stands behind these words in the next line that has them.
    pub fn says(&self, words: &str) -> String {
        let mut before = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => match line.split_once(words) {
                    Some((_, rest)) => return rest.to_owned(),
                    None => before.push(line),
                },
                Err(why) => panic!("`{words}` was never said ({why}):\n{}", before.join("\n")),
            }
        }
    }

    /// Waits for its end; the exit status, and what else was said.
    #[allow(dead_code)] // not each of the tests waits for it
    pub fn ends(mut self) -> (Option<i32>, String) {
        let mut rest = Vec::new();
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(line) => rest.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end:\n{}", rest.join("\n")),
            }
        }
        (self.child.wait().unwrap().code(), rest.join("\n"))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
