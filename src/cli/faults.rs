//! `--fault`: what a simulated product is made to do wrong.

use std::ffi::OsStr;

use clap::{
    Args, Command,
    builder::{StringValueParser, TypedValueParser},
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{Problem, print};
use crate::{
    protocol::Protocol,
    simulator::faults::{self, Fault, Faults},
    yaml::{Defect, Position, Source},
};

/// Arguments of whatever has a simulated product.
#[derive(Debug, Args)]
pub struct FaultArguments {
    /// A defect of the simulated product, such as 'drop TransactionEvent:2' (repeatable); `list` prints all defects
    #[arg(
        long = "fault",
        value_name = "FAULT",
        value_parser = Listing,
        long_help = format!(
            "A defect of the simulated product, such as 'drop TransactionEvent:2' (repeatable); `list` prints this \
             text\n\n{}",
            faults::list()
        )
    )]
    faults: Vec<String>,
}

impl FaultArguments {
    /// The faults as they were given.
    pub(super) fn texts(&self) -> &[String] {
        &self.faults
    }

    /// The faults as they were given, of a product that speaks this version of OCPP.
    pub(super) fn read(&self, protocol: &'static Protocol) -> Result<Faults, Problem> {
        read(protocol, &self.faults)
    }
}

/// Takes any text, and answers `list` in the place of everything else.
#[derive(Debug, Clone)]
struct Listing;

impl TypedValueParser for Listing {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let text = StringValueParser::new().parse_ref(command, argument, value)?;
        if text != "list" {
            return Ok(text);
        }
        let mut instead = clap::Error::new(ErrorKind::DisplayHelp).with_cmd(command);
        instead.insert(ContextKind::Custom, ContextValue::String(faults::list()));
        Err(instead)
    }
}

/// What an argument has to say in the place of the whole command: the list that `--fault list` asks for.
pub(super) fn instead(error: &clap::Error) -> Option<&str> {
    match (error.kind(), error.get(ContextKind::Custom)) {
        (ErrorKind::DisplayHelp, Some(ContextValue::String(text))) => Some(text),
        _ => None,
    }
}

/// Faults from their texts; what is wrong with any of them is told with its place.
pub(super) fn read(protocol: &'static Protocol, texts: &[String]) -> Result<Faults, Problem> {
    let mut defects = Vec::new();
    let mut read = Vec::new();
    for text in texts {
        match Fault::read(protocol, text) {
            Ok(fault) => read.push(fault),
            Err(error) => {
                let at = Position { line: 1, column: error.column };
                defects.push(Source::new("--fault", text.as_str()).defects(vec![Defect::new(
                    at,
                    error.message,
                    error.help,
                )]));
            }
        }
    }
    if defects.is_empty() { Ok(read.into_iter().collect()) } else { Err(Problem::Defects(defects)) }
}

/// Tells that a fault comes to pass.
pub(super) fn witness(fault: &Fault) {
    print(&format!("fault: {fault}\n"));
}

/// Tells of the faults that never came to pass; true where there are any.
pub(super) fn tell_idle(faults: &Faults) -> bool {
    let idle = faults.never_happened();
    for fault in &idle {
        eprintln!("warning: {}", crate::text::visible_line(fault));
    }
    !idle.is_empty()
}
