//! `ocpp-attest trace`: the conversation of a run as a readable sequence.

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Problem, display, exit};
use crate::{
    clock::Stamp,
    evidence::capture::Capture,
    pics::{SutKind, reader},
    protocol::frame::Frame,
    record::{Direction, PlanEntry, TraceEntry, TraceEvent, read},
    selection::choice::Choice,
    text::visible_line,
    verdict::Verdict,
    yaml::shorten,
};

/// Arguments of `trace`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run folder
    #[arg(value_name = "RUN_DIR")]
    folder: PathBuf,
    /// Only these test cases: ids, globs, profile:ID or block:LETTER
    #[arg(long = "test", value_name = "WHICH")]
    tests: Vec<String>,
    /// Output format: a readable sequence, the lines of trace.jsonl, or a capture for Wireshark
    #[arg(long, value_enum, default_value_t = TraceFormat::Text)]
    format: TraceFormat,
    /// Output file [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How a trace is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TraceFormat {
    /// A readable sequence
    Text,
    /// The lines of trace.jsonl
    Json,
    /// A capture (WebSocket over TCP) that Wireshark opens
    Pcapng,
}

/// Longest payload that is shown, characters.
const PAYLOAD: usize = 160;

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let plan = read::plan(&arguments.folder)?;
    let choice = Choice::new(&arguments.tests, &[], None);
    let chosen: Option<Vec<&str>> = if choice.is_everything() {
        None
    } else {
        Some(choice.of(&plan)?.iter().map(|entry| entry.id.as_str()).collect())
    };
    let mut out = output(arguments)?;
    let mut capture = match arguments.format {
        TraceFormat::Pcapng => {
            let sut_is_client = sut_is_client(&arguments.folder)?;
            Some(Capture::begin(&mut out, sut_is_client).map_err(|error| unwritten(arguments, &error))?)
        }
        _ => None,
    };
    if let Some(capture) = &mut capture {
        let any = each(arguments, chosen.as_ref(), |entry| capture.take(entry))?;
        return ended(arguments, any, chosen.is_some());
    }
    let mut sequence = Sequence::new(&plan, arguments.out.is_none() && display::colored());
    let any = each(arguments, chosen.as_ref(), |entry| {
        let text = match arguments.format {
            TraceFormat::Json => serde_json::to_string(entry)? + "\n",
            _ => sequence.line(entry),
        };
        out.write_all(text.as_bytes())
    })?;
    ended(arguments, any, chosen.is_some())
}

/// Where it goes.
fn output(arguments: &Arguments) -> Result<Box<dyn Write>, Problem> {
    let Some(path) = &arguments.out else { return Ok(Box::new(BufWriter::new(std::io::stdout().lock()))) };
    let file = File::create(path).map_err(|error| unwritten(arguments, &error))?;
    Ok(Box::new(BufWriter::new(file)))
}

fn unwritten(arguments: &Arguments, error: &io::Error) -> Problem {
    let name = arguments.out.as_ref().map_or("standard output".into(), |path| path.display().to_string());
    Problem::Input(format!("{name} can't be written: {error}"), "name another file with --out".into())
}

/// Passes on the lines of the chosen test cases; true if there was any. A closed pipe is no error.
fn each(
    arguments: &Arguments,
    chosen: Option<&Vec<&str>>,
    mut take: impl FnMut(&TraceEntry) -> io::Result<()>,
) -> Result<bool, Problem> {
    let mut any = false;
    for entry in read::trace_lines(&arguments.folder)? {
        let entry = entry?;
        let wanted = |chosen: &&Vec<&str>| entry.test_case.as_deref().is_some_and(|id| chosen.contains(&id));
        if chosen.is_some_and(|chosen| !wanted(&chosen)) {
            continue;
        }
        any = true;
        match take(&entry) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            written => written.map_err(|error| unwritten(arguments, &error))?,
        }
    }
    Ok(any)
}

fn ended(arguments: &Arguments, any: bool, chosen: bool) -> Result<u8, Problem> {
    if !any && chosen {
        let what = format!("this test case was not run in {}", arguments.folder.display());
        return Err(Problem::Input(what, "leave --test out to see all that were run".into()));
    }
    Ok(exit::OK)
}

/// True where the product is the client of the connections: a charging station.
fn sut_is_client(folder: &Path) -> Result<bool, Problem> {
    Ok(reader::read(&folder.join(read::PICS_FILE))?.sut == SutKind::ChargingStation)
}

/// Turns the lines of a trace into lines to read.
struct Sequence<'p> {
    plan: &'p [PlanEntry],
    colours: bool,
    told_any: bool,
    /// The steps that the next one may be nested in, from the outermost.
    within: Vec<String>,
    /// The test case that was told of last.
    current: Option<String>,
    /// When each began, and how often it has.
    begun: HashMap<String, (Stamp, usize)>,
    /// The actions of calls that wait for an answer, by station and message id.
    calls: HashMap<(Option<String>, String), String>,
}

impl<'p> Sequence<'p> {
    fn new(plan: &'p [PlanEntry], colours: bool) -> Self {
        Self {
            plan,
            colours,
            told_any: false,
            within: Vec::new(),
            current: None,
            begun: HashMap::new(),
            calls: HashMap::new(),
        }
    }

    fn line(&mut self, entry: &TraceEntry) -> String {
        let mut out = String::new();
        if let TraceEvent::TestCase { id } = &entry.what {
            let (began, times) = self.begun.entry(id.clone()).or_insert((entry.at, 0));
            (*began, *times) = (entry.at, *times + 1);
            let again = if *times > 1 { format!(" (again, {times})") } else { String::new() };
            self.heading(&mut out, Some(id), &again);
            return out;
        }
        if entry.test_case != self.current {
            self.heading(&mut out, entry.test_case.as_deref(), "");
        }
        let began = entry.test_case.as_ref().and_then(|id| self.begun.get(id)).map(|(began, _)| *began);
        let since = began.map_or_else(|| entry.at.seconds(), |began| entry.at.seconds_since(&began));
        let (who, what, detail) = match &entry.what {
            TraceEvent::Step { step } => {
                // A step carries the names of the steps that it is nested in: those told before it are shown by indentation.
                while self.within.last().is_some_and(|outer| below(step, outer).is_none()) {
                    self.within.pop();
                }
                let own = self.within.last().and_then(|outer| below(step, outer)).unwrap_or(step);
                let _ = writeln!(out, "  {}{}", "  ".repeat(self.within.len()), self.painted("1", &visible_line(own)));
                self.within.push(step.clone());
                return out;
            }
            TraceEvent::Verdict { verdict, .. } => {
                let colour = if *verdict == Verdict::Pass { "32" } else { "31" };
                let _ = writeln!(out, "{since:>10.3}  {}", self.painted(colour, verdict.word()));
                return out;
            }
            other => self.told(entry, other),
        };
        let _ = write!(out, "{since:>10.3}  {who:<10} {}", self.painted("36", &visible_line(&what)));
        if !detail.is_empty() {
            let _ = write!(out, "  {}", self.painted("2", &shorten(&visible_line(&detail), PAYLOAD)));
        }
        out.push('\n');
        out
    }

    fn heading(&mut self, out: &mut String, id: Option<&str>, again: &str) {
        if std::mem::replace(&mut self.told_any, true) {
            out.push('\n');
        }
        self.current = id.map(str::to_owned);
        self.within.clear();
        let title = self.plan.iter().find(|entry| Some(entry.id.as_str()) == id).map_or("", |entry| &entry.title);
        let text =
            id.map_or_else(|| "between test cases".to_owned(), |id| format!("{} {title}{again}", visible_line(id)));
        let _ = writeln!(out, "{}", self.painted("1;4", text.trim_end()));
    }

    /// Who did it, what was done, and the details.
    fn told(&mut self, entry: &TraceEntry, what: &TraceEvent) -> (&'static str, String, String) {
        match what {
            TraceEvent::Frame { direction, text } => {
                let who = if *direction == Direction::FromSut { "SUT →" } else { "→ SUT" };
                let key = |id: String| (entry.station.clone(), id);
                match Frame::read_back(text) {
                    Ok(Frame::Call { id, action, payload }) => {
                        self.calls.insert(key(id), action.clone());
                        (who, action, payload.to_string())
                    }
                    Ok(Frame::CallResult { id, payload }) => {
                        let action = self.calls.remove(&key(id)).unwrap_or_else(|| "?".into());
                        (who, format!("{action} answered"), payload.to_string())
                    }
                    Ok(Frame::CallError { id, code, .. }) => {
                        let action = self.calls.remove(&key(id)).unwrap_or_else(|| "?".into());
                        (who, format!("{action} refused"), format!("{code}: {text}"))
                    }
                    Ok(Frame::CallResultError { code, .. }) => {
                        (who, "response refused".into(), format!("{code}: {text}"))
                    }
                    Ok(Frame::Send { action, payload, .. }) => (who, format!("{action} (SEND)"), payload.to_string()),
                    Err(error) => (who, "broken frame".into(), format!("{error}: {text}")),
                }
            }
            TraceEvent::Garbage { what } => ("SUT →", "no OCPP-J message".into(), what.clone()),
            TraceEvent::Ping { pong } => ("SUT →", if *pong { "pong" } else { "ping" }.into(), String::new()),
            TraceEvent::AttemptFailed { endpoint, failure, .. } => {
                ("connection", "attempt failed".into(), format!("end-point {endpoint}: {failure:?}"))
            }
            TraceEvent::Opened { endpoint, path, user, subprotocol, tls } => {
                let tls = tls.as_ref().map(|tls| format!(", {:?} {}", tls.version, tls.suite)).unwrap_or_default();
                let user = user.as_ref().map(|user| format!(" as {user}")).unwrap_or_default();
                let subprotocol = subprotocol.as_deref().unwrap_or("no sub-protocol");
                ("connection", "opened".into(), format!("end-point {endpoint}: {path}{user}, {subprotocol}{tls}"))
            }
            TraceEvent::Closed { code, by } => {
                let code = code.map(|code| format!(", code {code}")).unwrap_or_default();
                ("connection", "closed".into(), format!("{by:?}{code}"))
            }
            TraceEvent::Operator { action, parameters } => {
                let parameters = serde_json::to_string(parameters).unwrap_or_default();
                ("operator", format!("{action} requested"), if parameters == "{}" { String::new() } else { parameters })
            }
            TraceEvent::OperatorDone { action, outcome } => ("operator", format!("{action} finished"), outcome.clone()),
            TraceEvent::Notice { text } => ("run", "note".into(), text.clone()),
            TraceEvent::Remark { text } => ("operator", "remark".into(), text.clone()),
            TraceEvent::Service { service, detail } => ("service", service.clone(), detail.to_string()),
            TraceEvent::Upload(upload) => {
                ("SUT →", format!("file by {}", upload.protocol), format!("{}, {} bytes", upload.name, upload.size))
            }
            TraceEvent::Resumed { withdrawn, .. } => {
                let lines = format!("{withdrawn} lines of unfinished test cases were taken out");
                ("run", "resumed".into(), if *withdrawn == 0 { String::new() } else { lines })
            }
            TraceEvent::Withdrawn { digests } => ("run", "taken out".into(), format!("{} lines", digests.len())),
            TraceEvent::Step { .. } | TraceEvent::TestCase { .. } | TraceEvent::Verdict { .. } => {
                ("", String::new(), String::new())
            }
        }
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A step without the one that it is nested in; none where it is not.
fn below<'s>(step: &'s str, outer: &str) -> Option<&'s str> {
    step.strip_prefix(outer)?.strip_prefix(" > ")
}
