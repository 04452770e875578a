//! Ways to have a manual action done: a person at the terminal, a command, an HTTP service.

use std::{process::Stdio, sync::Arc, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    sync::Mutex,
};
use url::Url;

use super::{
    BoxFuture, Operator, http,
    patience::{Try, patiently},
};
use crate::manual_action::{
    ActionOutcome, ManualAction,
    actions::{self, ActionInfo},
};

/// Longest answer that is read from a command, bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Reads `prompt`, `exec:COMMAND`, `http://…` or `https://…`. A program that answers a question with no is asked again until
/// `patience` is over.
pub fn parse(how: &str, patience: Duration) -> Result<Arc<dyn Operator>, String> {
    if how == "prompt" {
        return Ok(Arc::new(Prompt { one_at_a_time: Mutex::new(()) }));
    }
    if let Some(command) = how.strip_prefix("exec:").filter(|command| !command.is_empty()) {
        return Ok(Arc::new(Exec { command: command.to_owned(), patience }));
    }
    match Url::parse(how) {
        Ok(url) if ["http", "https"].contains(&url.scheme()) && url.has_host() => Ok(Arc::new(Http { url, patience })),
        _ => Err(format!("unknown operator `{how}`")),
    }
}

/// A person at the terminal.
struct Prompt {
    one_at_a_time: Mutex<()>,
}

impl Operator for Prompt {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move {
            let _turn = self.one_at_a_time.lock().await;
            let question = actions::find(&action.action).is_some_and(ActionInfo::is_question);
            let choice = if question {
                "[Enter] yes, n no, ? if you can't tell"
            } else {
                "[Enter] when done, n if not possible"
            };
            // Part of it may be what the product said.
            eprintln!("\n>> {}\n   {choice}: ", crate::text::visible(&action.prompt));
            let mut line = String::new();
            match BufReader::new(tokio::io::stdin()).read_line(&mut line).await {
                Ok(0) => ActionOutcome::NotPossible("there is no interactive terminal".into()),
                Ok(_) if question && line.trim().starts_with('?') => {
                    ActionOutcome::NotPossible("the operator can't tell".into())
                }
                Ok(_) if question && line.trim().to_lowercase().starts_with('n') => {
                    ActionOutcome::Denied("the operator says no".into())
                }
                Ok(_) if line.trim().to_lowercase().starts_with('n') => {
                    ActionOutcome::NotPossible("the operator says that it is not possible here".into())
                }
                Ok(_) => ActionOutcome::Done,
                Err(error) => ActionOutcome::Failed(error.to_string()),
            }
        })
    }
}

/// How long what a command has written is still read after its end.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// A command: the action and its parameters as JSON on standard input and as arguments. It exits with 0 when done, 1
/// when it is not possible here, 2 when what it was to look at is not so.
struct Exec {
    command: String,
    patience: Duration,
}

impl Operator for Exec {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move { patiently(self.patience, || self.attempt(&action)).await })
    }
}

impl Exec {
    async fn attempt(&self, action: &ManualAction) -> Try {
        let json = serde_json::to_vec(action).unwrap_or_default();
        let mut command = tokio::process::Command::new(&self.command);
        command.arg(&action.action);
        for (name, value) in &action.parameters {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            command.arg(format!("{name}={text}"));
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                return Try::Over(ActionOutcome::Failed(format!("{} can't be started: {error}", self.command)));
            }
        };
        if let Some(mut stdin) = child.stdin.take() {
            // A command that does not read its input is fine.
            let _ = stdin.write_all(&json).await;
        }
        let mut said = Vec::new();
        let status = match child.stderr.take() {
            Some(stderr) => {
                let mut stderr = stderr.take(MAX_ANSWER as u64);
                let mut heard = Box::pin(stderr.read_to_end(&mut said));
                // What it has started in the background (a station, say) keeps the pipe open: its own end is what counts.
                tokio::select! {
                    _ = &mut heard => child.wait().await,
                    status = child.wait() => {
                        let _ = tokio::time::timeout(LAST_WORDS, heard).await;
                        status
                    }
                }
            }
            None => child.wait().await,
        };
        let said = crate::yaml::shorten(String::from_utf8_lossy(&said).trim(), 300);
        let or_so = |said: String| if said.is_empty() { "the command says so".into() } else { said };
        Try::Over(match status.map(|status| status.code()) {
            Ok(Some(0)) => ActionOutcome::Done,
            Ok(Some(1)) => ActionOutcome::NotPossible(or_so(said)),
            Ok(Some(2)) => return denied(action, or_so(said)),
            Ok(code) => {
                let how = code.map_or("a signal".into(), |code| format!("exit status {code}"));
                ActionOutcome::Failed(format!("{} ended with {how}: {said}", self.command))
            }
            Err(error) => ActionOutcome::Failed(error.to_string()),
        })
    }
}

/// No is an answer to a question, and may be yes a moment later.
fn denied(action: &ManualAction, said: String) -> Try {
    let outcome = ActionOutcome::Denied(said);
    let question = actions::find(&action.action).is_some_and(ActionInfo::is_question);
    if question { Try::NotYet(outcome) } else { Try::Over(outcome) }
}

/// An HTTP service: the action is posted as JSON; 2xx done, 409 and 501 not possible here, 417 not so.
struct Http {
    url: Url,
    patience: Duration,
}

impl Operator for Http {
    fn perform(&self, action: ManualAction) -> BoxFuture<'_, ActionOutcome> {
        Box::pin(async move { patiently(self.patience, || self.attempt(&action)).await })
    }
}

impl Http {
    async fn attempt(&self, action: &ManualAction) -> Try {
        let headers = [("Content-Type".to_owned(), "application/json".to_owned())];
        let body = serde_json::to_vec(action).unwrap_or_default();
        let failed = |status: u16, text: &str| {
            ActionOutcome::Failed(format!("{} answered {status}: {}", self.url, http::shown(text)))
        };
        Try::Over(match http::exchange("POST", &self.url, &headers, body, None).await {
            Ok((200..=299, _)) => ActionOutcome::Done,
            Ok((409 | 501, text)) => ActionOutcome::NotPossible(http::shown(&text)),
            Ok((417, text)) => return denied(action, http::shown(&text)),
            // What is asked about may be there a moment later.
            Ok((404, text)) if actions::find(&action.action).is_some_and(ActionInfo::is_question) => {
                return Try::NotYet(failed(404, &text));
            }
            Ok((status, text)) => failed(status, &text),
            Err(error) => ActionOutcome::Failed(format!("{}: {error}", self.url)),
        })
    }
}
