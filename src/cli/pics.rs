//! `ocpp-attest pics`: check, template, import.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{Problem, exit, print};
use crate::{
    pics::{SutKind, import, reader, writer},
    yaml::Source,
};

/// Arguments of `pics`.
#[derive(Debug, Args)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Report every defect of a PICS file, with line and column
    Check {
        /// The PICS file
        file: PathBuf,
    },
    /// Print a commented PICS file with all known ids
    Template {
        /// The side under test
        #[arg(value_parser = ["charging-station", "csms"])]
        sut: String,
        /// Edition of OCPP 2.0.1
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(3..=4))]
        edition: u8,
    },
    /// Make a PICS file from the text of a certificate with its abstract test report
    Import {
        /// The certificate's text, table cells separated by tabs
        certificate: PathBuf,
    },
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    match &arguments.command {
        Command::Check { file } => {
            let pics = reader::read(file)?;
            let answers = pics.hardware.len() + pics.features.len() + pics.questions.len() + pics.settings.len();
            print(&format!("{}: sound, {answers} answers for {}\n", file.display(), pics.product.designation));
        }
        Command::Template { sut, edition } => {
            let sut = if sut == "csms" { SutKind::Csms } else { SutKind::ChargingStation };
            print(&writer::template(sut, *edition));
        }
        Command::Import { certificate } => {
            let pics = import::certificate(&Source::read(certificate)?)?;
            let yaml =
                writer::to_yaml(&pics, &format!("PICS of {}, as its certificate states it.", pics.product.designation));
            print(&yaml);
            // What the certificate states must itself hold together; the file is printed all the same.
            reader::read_source(&Source::new(certificate.display().to_string(), yaml))?;
        }
    }
    Ok(exit::OK)
}
