//! The text of a PDF, read in a process of its own.
//!
//! A PDF from outside may be made to take all memory, to overflow the stack or never to end; no library is proof against all of it.
//! So the tool starts itself again for this one task, with its memory and its time bounded, and takes nothing but lines of text from
//! it. Whatever ends that process early is an error like any other.

use std::{
    io::{Read as _, Write as _},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use super::{Problem, exit};
use crate::pics::import::{
    PDF_LIMIT,
    document::Sheet,
    pdf::{self, PdfError},
};

/// How long a PDF may take; a certificate takes less than a second.
const PATIENCE: Duration = Duration::from_secs(30);
/// How much memory the reader may take, bytes.
#[cfg(unix)]
const MEMORY: u64 = 1 << 30;
/// How much stack it has, bytes.
const STACK: usize = 64 << 20;
/// At most so much is taken from the reader, bytes.
const ANSWER: u64 = 64 << 20;

/// Runs `pics read-pdf`: a PDF from standard input, its pages as JSON to standard output.
pub fn serve() -> Result<u8, Problem> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let limit = Rlimit { current: Some(MEMORY), maximum: Some(MEMORY) };
        setrlimit(Resource::As, limit).map_err(|error| Problem::Own(error.to_string()))?;
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(PDF_LIMIT as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| Problem::Own(error.to_string()))?;
    let read = thread::Builder::new().stack_size(STACK).spawn(move || pdf::read(bytes));
    let read = read.map_err(|error| Problem::Own(error.to_string()))?.join();
    let read = read.map_err(|_| Problem::Own("the PDF made its reader fail".to_owned()))?;
    let answer = serde_json::to_vec(&read).map_err(|error| Problem::Own(error.to_string()))?;
    std::io::stdout().lock().write_all(&answer).map_err(|error| Problem::Own(error.to_string()))?;
    Ok(exit::OK)
}

/// Reads the pages of a PDF.
pub fn read(name: &str, bytes: Vec<u8>) -> Result<Vec<Sheet>, Problem> {
    let own = |error: std::io::Error| Problem::Own(format!("the PDF reader can't be started: {error}"));
    let mut child = Command::new(std::env::current_exe().map_err(own)?)
        .args(["pics", "read-pdf"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(own)?;
    let stdin = child.stdin.take();
    let stdout = child.stdout.take();
    thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(&bytes)));
    let (done, answered) = mpsc::channel();
    thread::spawn(move || {
        let mut answer = Vec::new();
        let read = stdout.map(|stdout| stdout.take(ANSWER).read_to_end(&mut answer));
        let _ = done.send(read.is_some_and(|read| read.is_ok()).then_some(answer));
    });
    let answer = answered.recv_timeout(PATIENCE);
    // Whether it is still at work or done: it has nothing more to say.
    let _ = child.kill();
    let _ = child.wait();
    let unreadable = |message: &str, help: &str| Problem::Input(format!("{name}: {message}"), help.to_owned());
    let again = "print it to a new PDF in a PDF viewer, or use its text from `pdftotext -layout`";
    let Ok(Some(answer)) = answer else {
        return Err(unreadable("reading the PDF took too long; it was stopped after 30 s", again));
    };
    match serde_json::from_slice::<Result<Vec<Sheet>, PdfError>>(&answer) {
        Ok(Ok(sheets)) => Ok(sheets),
        Ok(Err(error)) => Err(unreadable(&error.to_string(), error.help())),
        Err(_) => Err(unreadable(
            "the PDF can't be read: it is nested too deeply, needs too much memory, or is damaged",
            again,
        )),
    }
}
