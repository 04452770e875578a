//! `ocpp-attest pics`: check, template, import.

use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{Problem, exit, print};
use crate::{
    pics::{
        Baseline, SutKind,
        import::{self, Content, Imported, document::Document},
        reader,
        reader::editions_with_baselines,
        writer,
    },
    protocol::Version,
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
        /// The version of OCPP
        #[arg(long, value_parser = super::version, value_name = "VERSION", default_value_t)]
        ocpp: Version,
        /// The edition of its specification [default: the first that is certified]
        #[arg(long)]
        edition: Option<u8>,
    },
    /// Make a PICS file from a certificate with its abstract test report
    ///
    /// Prints the PICS to standard output. Everything that could not be read or was guessed is reported on standard error and
    /// in comments of the file.
    Import {
        /// The certificate: its PDF, or its text (by `pdftotext -layout`, from a mail, as Markdown, with tabs)
        certificate: PathBuf,
        /// The baseline to use [default: the newest that is not after the certificate's errata]
        #[arg(long, value_parser = baseline, value_name = "BASELINE")]
        baseline: Option<Baseline>,
        /// Include the names of the persons who approved the certificate
        #[arg(long)]
        with_names: bool,
    },
    /// The reader of PDFs, as `import` starts it: a PDF from standard input, its lines to standard output
    #[cfg(feature = "pdf")]
    #[command(hide = true)]
    ReadPdf,
}

fn baseline(word: &str) -> Result<Baseline, String> {
    let known: Vec<&str> = import::PROTOCOL.baselines.iter().map(|baseline| baseline.id()).collect();
    import::PROTOCOL.baseline(word).ok_or_else(|| format!("write one of: {}", known.join(", ")))
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    match &arguments.command {
        Command::Check { file } => {
            let pics = reader::read(file)?;
            let answers = pics.hardware.len() + pics.features.len() + pics.questions.len() + pics.settings.len();
            print(&format!("{}: valid, {answers} answers for {}\n", file.display(), pics.product.designation));
        }
        Command::Template { sut, ocpp, edition } => {
            let sut = SutKind::named(sut).unwrap_or(SutKind::ChargingStation);
            let all = ocpp.protocol().baselines;
            let edition = edition.or_else(|| all.first().map(|baseline| baseline.edition()));
            let Some(baseline) = all.iter().rev().find(|baseline| Some(baseline.edition()) == edition) else {
                let message = format!("OCPP {ocpp} has no edition {} that is certified", edition.unwrap_or_default());
                return Err(Problem::Input(message, editions_with_baselines(ocpp.protocol())));
            };
            print(&writer::template(sut, *baseline));
        }
        Command::Import { certificate, baseline, with_names } => {
            let document = document(certificate)?;
            let mut imported = import::certificate(&document, *baseline)?;
            if !with_names {
                imported.pics.approval = imported.pics.approval.without_names();
            }
            let yaml = writer::to_yaml(&imported.pics, &comment(&imported));
            print(&yaml);
            for remark in &imported.remarks {
                eprintln!("warning: {}: {}\n  help: {}", remark.place, remark.message, remark.help);
            }
            // What the certificate states must itself hold together; the file is printed all the same.
            reader::read_source(&Source::new(format!("the PICS made of {}", document.name), yaml))?;
        }
        #[cfg(feature = "pdf")]
        Command::ReadPdf => return super::pdf_reader::serve(),
    }
    Ok(exit::OK)
}

/// What stands at the head of an imported PICS.
fn comment(imported: &Imported) -> String {
    let mut comment = format!("PICS of {}, as its certificate states it.", imported.pics.product.designation);
    if !imported.remarks.is_empty() {
        comment.push_str("\nTo check:");
    }
    for remark in &imported.remarks {
        comment += &format!("\n- {}: {}\n  -> {}", remark.place, remark.message, remark.help);
    }
    comment
}

/// Reads a certificate, whatever it is given as.
fn document(path: &Path) -> Result<Document, Problem> {
    let name = path.display().to_string();
    let input = |message: String, help: &str| Problem::Input(format!("{name}: {message}"), help.to_owned());
    let unreadable =
        |error: std::io::Error| input(format!("can't read it: {error}"), "check the path and its permissions");
    let mut bytes = Vec::new();
    let limit = import::PDF_LIMIT as u64 + 1;
    File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    let content = import::content(&bytes);
    let limit = if content == Content::Pdf { import::PDF_LIMIT } else { import::TEXT_LIMIT };
    if bytes.len() > limit {
        return Err(input(
            format!("it is too large; at most {} MiB are read", limit >> 20),
            "use a file that contains only the certificate",
        ));
    }
    match content {
        #[cfg(feature = "pdf")]
        Content::Pdf => Ok(Document::from_sheets(&name, super::pdf_reader::read(&name, bytes)?)),
        #[cfg(not(feature = "pdf"))]
        Content::Pdf => Err(input("this build can't read PDF files".into(), "use its text from `pdftotext -layout`")),
        Content::Text(text, guessed) => {
            let mut document = Document::from_text(&name, &text);
            if let Some(guessed) = guessed {
                document.note(&format!("the encoding of the text is unknown; it was read as {guessed}"));
            }
            Ok(document)
        }
        Content::Other(what, help) => Err(input(format!("it is {what}"), help)),
    }
}
