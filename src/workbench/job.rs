//! The process of a run: the tool itself, called as the page shows. Whatever becomes of it, the workbench goes on: what it tells
//! is read from its standard output (the trace) and from its run folder (the results).

use std::{
    io::{self, SeekFrom},
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use tokio::{
    fs::File,
    io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncSeekExt as _, BufReader},
    process::{Child, Command},
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{live::Live, operator::Line, order};
use crate::{record::TraceEntry, verdict::TestCaseResult};

/// Longest line that is read, bytes: the longest message with every character escaped. A longer one is left out.
const MAX_LINE: usize = 8 << 20;
/// Most bytes of new results that are read at once.
const MAX_RESULTS: u64 = 64 << 20;
/// How often the run folder is looked at.
const LOOK: Duration = Duration::from_millis(150);
/// How long the outputs may stay open once the process is over: a program that it started may hold them.
const LINGER: Duration = Duration::from_secs(2);

/// How a run is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// As Ctrl-C does: the reports of what was done are written.
    Orderly,
    /// At once.
    Kill,
}

/// A run under way.
#[derive(Debug)]
pub(super) struct Job {
    stop: mpsc::UnboundedSender<Stop>,
    over: watch::Receiver<bool>,
    /// The line to the operator's page of the run.
    pub(super) operator: Line,
}

impl Job {
    /// Starts the process. What happens is told to `live`.
    pub(super) fn start(program: &Path, command: &order::Command, live: Arc<Live>) -> io::Result<Self> {
        let mut process = Command::new(program);
        process
            .args(command.arguments())
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Ctrl-C at the terminal is for the workbench, which then ends the run.
        #[cfg(unix)]
        process.process_group(0);
        let mut child = process.spawn()?;
        let (stop, stops) = mpsc::unbounded_channel();
        let (told, over) = watch::channel(false);
        let operator = Line::new(live.clone());
        let outputs = [
            child.stdout.take().map(|out| tokio::spawn(read_trace(out, live.clone()))),
            child.stderr.take().map(|out| tokio::spawn(read_words(out, live.clone(), operator.clone()))),
        ];
        let results = Results { path: command.out.join("results.jsonl"), at: 0, live: live.clone() };
        let line = operator.clone();
        tokio::spawn(async move {
            let exit = attend(child, stops, results, outputs).await;
            line.close();
            live.over(exit);
            told.send_replace(true);
        });
        Ok(Self { stop, over, operator })
    }

    /// Ends the run.
    pub(super) fn stop(&self, how: Stop) {
        // One that is over needs no end.
        let _ = self.stop.send(how);
    }

    /// Resolves once the run is over.
    pub(super) async fn ended(&self) {
        let _ = self.over.clone().wait_for(|over| *over).await;
    }
}

/// Waits for the end of the process, and hands signals on to it. Its exit status; none where a signal ended it.
async fn attend(
    mut child: Child,
    mut stops: mpsc::UnboundedReceiver<Stop>,
    mut results: Results,
    outputs: [Option<JoinHandle<()>>; 2],
) -> Option<i32> {
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            Some(how) = stops.recv() => send(&mut child, how),
            _ = look.tick() => results.read().await,
        }
    };
    for mut output in outputs.into_iter().flatten() {
        if tokio::time::timeout(LINGER, &mut output).await.is_err() {
            output.abort();
        }
    }
    results.read().await;
    status.ok().and_then(|status| status.code())
}

/// The process has not been waited for, so its number is still its own.
fn send(child: &mut Child, how: Stop) {
    #[cfg(unix)]
    if how == Stop::Orderly {
        let id = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(id) = id {
            let _ = rustix::process::kill_process(id, rustix::process::Signal::INT);
        }
        return;
    }
    let _ = how;
    let _ = child.start_kill();
}

/// The next line without its end; none at the end of the output. Of a line that is too long there is nothing.
async fn next_line<'l>(from: &mut (impl AsyncBufRead + Unpin), line: &'l mut Vec<u8>) -> io::Result<Option<&'l [u8]>> {
    line.clear();
    let mut too_long = false;
    loop {
        let piece = from.fill_buf().await?;
        if piece.is_empty() {
            return Ok((!line.is_empty()).then_some(line.as_slice()));
        }
        let end = piece.iter().position(|byte| *byte == b'\n');
        let taken = end.unwrap_or(piece.len());
        too_long |= line.len() + taken > MAX_LINE;
        if too_long {
            line.clear();
        } else {
            line.extend_from_slice(&piece[..taken]);
        }
        from.consume(end.map_or(taken, |end| end + 1));
        if end.is_some() {
            return Ok(Some(line.as_slice()));
        }
    }
}

/// Standard output: the trace.
async fn read_trace(out: impl AsyncRead + Unpin, live: Arc<Live>) {
    let (mut out, mut line) = (BufReader::with_capacity(1 << 16, out), Vec::new());
    while let Ok(Some(text)) = next_line(&mut out, &mut line).await {
        match serde_json::from_slice::<TraceEntry>(text) {
            Ok(entry) => live.trace(&entry),
            Err(_) if text.is_empty() => {}
            Err(error) => live.said(&format!("a line of the trace can't be read: {error}")),
        }
    }
}

/// Standard error: what people read, and the link of the operator's page, which is for the workbench alone.
async fn read_words(out: impl AsyncRead + Unpin, live: Arc<Live>, operator: Line) {
    let (mut out, mut line) = (BufReader::new(out), Vec::new());
    while let Ok(Some(text)) = next_line(&mut out, &mut line).await {
        let text = String::from_utf8_lossy(text);
        if let Some(link) = text.strip_prefix("operator's page: ") {
            operator.open(link.trim());
        } else if !text.contains("?token=") && !text.trim().is_empty() {
            live.said(text.trim_end());
        }
    }
}

/// The results of the run folder, as they are written.
struct Results {
    path: PathBuf,
    at: u64,
    live: Arc<Live>,
}

impl Results {
    /// Reads what was added. A line that is not whole yet is read the next time.
    async fn read(&mut self) {
        let Ok(text) = self.added().await else { return };
        let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return };
        self.at += end as u64 + 1;
        for line in text[..end].split(|byte| *byte == b'\n') {
            if let Ok(result) = serde_json::from_slice::<TestCaseResult>(line) {
                self.live.result(&result);
            }
        }
    }

    async fn added(&self) -> io::Result<Vec<u8>> {
        let mut file = File::open(&self.path).await?;
        file.seek(SeekFrom::Start(self.at)).await?;
        let mut text = Vec::new();
        file.take(MAX_RESULTS).read_to_end(&mut text).await?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_read_one_by_one_and_one_that_is_too_long_is_left_out() {
        let long = vec![b'x'; MAX_LINE + 1];
        let text = [b"one\n".as_slice(), &long, b"\ntwo\n\nthree"].concat();
        let (mut from, mut line, mut found) = (BufReader::new(text.as_slice()), Vec::new(), Vec::new());
        while let Some(text) = next_line(&mut from, &mut line).await.unwrap() {
            found.push(String::from_utf8(text.to_vec()).unwrap());
        }
        assert_eq!(found, ["one", "", "two", "", "three"]);
    }
}
