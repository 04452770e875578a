//! `ocpp-attest trace`: the conversation of a run as a readable sequence.

mod checked;

use std::{
    collections::HashMap,
    fmt::Write as _,
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::Value;

use self::checked::Checked;
use super::{Problem, TestCases, display, exit};
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
    /// Show whole messages, however long their lines become
    #[arg(long, conflicts_with = "pretty")]
    wide: bool,
    /// Show whole messages, a line for each member, for a pager
    #[arg(long)]
    pretty: bool,
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

/// Longest rest of a payload that is shown beside what the steps check, characters.
const PAYLOAD: usize = 160;
/// Deepest indentation of a step, so that lines stay readable.
const INDENT: &str = "                           ";

/// How much of a message is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What the steps check, and the beginning of the rest.
    Short,
    /// All of it in one line.
    Wide,
    /// All of it, a line for each member.
    Pretty,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments, test_cases: &TestCases) -> Result<u8, Problem> {
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
    let extent = match arguments {
        Arguments { pretty: true, .. } => Extent::Pretty,
        Arguments { wide: true, .. } => Extent::Wide,
        _ => Extent::Short,
    };
    let checked = match arguments.format {
        TraceFormat::Text => Checked::of(&arguments.folder, &plan, chosen.as_deref(), test_cases),
        TraceFormat::Json | TraceFormat::Pcapng => Checked::default(),
    };
    let coloured = arguments.out.is_none() && display::colored();
    let mut sequence = Sequence::new(&plan, coloured, extent, checked);
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

/// What is told of an event behind its name.
enum Detail {
    Words(String),
    /// What is never cut, and what may be.
    Both(String, String),
    /// What the steps check, and the rest of a message.
    Payload(String, Value),
}

/// Turns the lines of a trace into lines to read.
struct Sequence<'p> {
    plan: &'p [PlanEntry],
    colours: bool,
    extent: Extent,
    checked: Checked,
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
    fn new(plan: &'p [PlanEntry], colours: bool, extent: Extent, checked: Checked) -> Self {
        Self {
            plan,
            colours,
            extent,
            checked,
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
        let of_run = format!("({:.3})", entry.at.seconds());
        let since = began.map_or_else(String::new, |began| format!("{:.3}", entry.at.seconds_since(&began)));
        let time = format!("{since:>10} {:>11}", self.painted("2", &of_run));
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
                let _ = writeln!(out, "{time}  {}", self.painted(colour, verdict.word()));
                return out;
            }
            other => self.told(entry, other),
        };
        let _ = write!(out, "{time}  {who:<10} {}", self.painted("36", &visible_line(&what)));
        self.detail(&mut out, &detail);
        out
    }

    /// What is told behind the action.
    fn detail(&self, out: &mut String, detail: &Detail) {
        let (first, rest) = match detail {
            Detail::Words(words) => (String::new(), words.clone()),
            Detail::Both(first, rest) => (first.clone(), rest.clone()),
            Detail::Payload(_, payload) if self.extent == Extent::Pretty => {
                out.push('\n');
                let text = serde_json::to_string_pretty(payload).unwrap_or_default();
                for line in text.lines().filter(|_| payload.as_object().is_none_or(|members| !members.is_empty())) {
                    let _ = writeln!(out, "{INDENT}{}", self.painted("2", &visible_line(line)));
                }
                return;
            }
            Detail::Payload(first, rest) => {
                let nothing = first.is_empty() && rest.as_object().is_some_and(serde_json::Map::is_empty);
                let rest = if nothing { "{}".to_owned() } else { rest.to_string() };
                (first.clone(), if rest == "{}" && !first.is_empty() { String::new() } else { rest })
            }
        };
        if !first.is_empty() {
            let _ = write!(out, "  {}", visible_line(&first));
        }
        if !rest.is_empty() {
            let rest = visible_line(&rest);
            let rest = if self.extent == Extent::Short { shorten(&rest, PAYLOAD) } else { rest.into_owned() };
            let _ = write!(out, "  {}", self.painted("2", &rest));
        }
        out.push('\n');
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
    fn told(&mut self, entry: &TraceEntry, what: &TraceEvent) -> (&'static str, String, Detail) {
        let words = |who, what: String, words: String| (who, what, Detail::Words(words));
        match what {
            TraceEvent::Frame { direction, text } => {
                let who = if *direction == Direction::FromSut { "SUT →" } else { "→ SUT" };
                let key = |id: String| (entry.station.clone(), id);
                match Frame::read_back(text) {
                    Ok(Frame::Call { id, action, payload }) => {
                        self.calls.insert(key(id), action.clone());
                        let detail = self.payload(entry, &action, true, payload);
                        (who, action, detail)
                    }
                    Ok(Frame::CallResult { id, payload }) => {
                        let action = self.calls.remove(&key(id)).unwrap_or_else(|| "?".into());
                        let detail = self.payload(entry, &action, false, payload);
                        (who, format!("{action} answered"), detail)
                    }
                    Ok(Frame::CallError { id, code, .. }) => {
                        let action = self.calls.remove(&key(id)).unwrap_or_else(|| "?".into());
                        words(who, format!("{action} refused"), format!("{code}: {text}"))
                    }
                    Ok(Frame::CallResultError { code, .. }) => {
                        words(who, "response refused".into(), format!("{code}: {text}"))
                    }
                    Ok(Frame::Send { action, payload, .. }) => {
                        let detail = self.payload(entry, &action, true, payload);
                        (who, format!("{action} (SEND)"), detail)
                    }
                    Err(error) => words(who, "broken frame".into(), format!("{error}: {text}")),
                }
            }
            TraceEvent::Garbage { what } => words("SUT →", "no OCPP-J message".into(), what.clone()),
            TraceEvent::Ping { pong } => words("SUT →", if *pong { "pong" } else { "ping" }.into(), String::new()),
            TraceEvent::AttemptFailed { endpoint, failure, head, .. } => {
                let told = format!("end-point {endpoint}: {}", failure.words());
                let head = head.as_ref().map(|head| head.replace('\n', " | ")).unwrap_or_default();
                ("connection", "attempt failed".into(), Detail::Both(told, head))
            }
            TraceEvent::Opened { endpoint, path, user, subprotocol, tls } => {
                let tls = tls.as_ref().map(|tls| format!(", {} {}", tls.version, tls.suite)).unwrap_or_default();
                let user = user.as_ref().map(|user| format!(" as {user}")).unwrap_or_default();
                let subprotocol = subprotocol.as_deref().unwrap_or("no sub-protocol");
                let told = format!("end-point {endpoint}: {path}{user}, {subprotocol}{tls}");
                words("connection", "opened".into(), told)
            }
            TraceEvent::Closed { code, by } => {
                let code = code.map(|code| format!(", code {code}")).unwrap_or_default();
                words("connection", "closed".into(), format!("{by:?}{code}"))
            }
            TraceEvent::Operator { action, parameters } => {
                let parameters = serde_json::to_string(parameters).unwrap_or_default();
                let told = if parameters == "{}" { String::new() } else { parameters };
                words("operator", format!("{action} requested"), told)
            }
            TraceEvent::OperatorDone { action, outcome } => {
                words("operator", format!("{action} finished"), outcome.clone())
            }
            TraceEvent::Notice { text } => words("run", "note".into(), text.clone()),
            TraceEvent::Remark { text } => words("operator", "remark".into(), text.clone()),
            TraceEvent::Service { service, detail } => words("service", service.clone(), detail.to_string()),
            TraceEvent::Upload(upload) => {
                let told = format!("{}, {} bytes", upload.name, upload.size);
                words("SUT →", format!("file by {}", upload.protocol), told)
            }
            TraceEvent::Resumed { withdrawn, .. } => {
                let lines = format!("{withdrawn} lines of unfinished test cases were taken out");
                words("run", "resumed".into(), if *withdrawn == 0 { String::new() } else { lines })
            }
            TraceEvent::Withdrawn { digests } => words("run", "taken out".into(), format!("{} lines", digests.len())),
            TraceEvent::Step { .. } | TraceEvent::TestCase { .. } | TraceEvent::Verdict { .. } => {
                words("", String::new(), String::new())
            }
        }
    }

    /// A payload, what the steps of the test case check first.
    fn payload(&mut self, entry: &TraceEntry, action: &str, request: bool, payload: Value) -> Detail {
        if self.extent == Extent::Pretty {
            return Detail::Payload(String::new(), payload);
        }
        let (first, rest) = self.checked.split(entry.test_case.as_deref(), action, request, &payload);
        Detail::Payload(first, rest)
    }

    fn painted(&self, colour: &str, text: &str) -> String {
        if self.colours { format!("\u{1b}[{colour}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

/// A step without the one that it is nested in; none where it is not.
fn below<'s>(step: &'s str, outer: &str) -> Option<&'s str> {
    step.strip_prefix(outer)?.strip_prefix(" > ")
}
