//! `ocpp-attest package`: one file of a run that others can check.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{Problem, exit, print};
use crate::{
    evidence::{
        container::MAX_PACKAGE,
        package::{self, Options, PackageError},
        signer::{Signer, SignerError},
    },
    record::{chain::sha256, folder},
};

/// Arguments of `package`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The run folders
    #[arg(value_name = "RUN_DIR", required_unless_present = "timestamp")]
    runs: Vec<PathBuf>,
    /// The package; a file of this name is replaced
    #[arg(long, value_name = "FILE.zip")]
    out: PathBuf,
    /// Sign with this private key (PEM; ECDSA or RSA)
    #[arg(long, value_name = "KEY.pem")]
    sign: Option<PathBuf>,
    /// The certificate of the key, and those of the authorities that issued it (PEM)
    #[arg(long, value_name = "CHAIN.pem", requires = "sign")]
    certificate: Option<PathBuf>,
    /// Replace tokens, addresses and serial numbers, each by the same text everywhere
    #[arg(long)]
    redact: bool,
    /// Add the answer of a time-stamp authority (RFC 3161) to the package that --out names, instead of making one
    #[arg(long, value_name = "ANSWER.tsr", conflicts_with_all = ["runs", "sign", "redact"])]
    timestamp: Option<PathBuf>,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let out = &arguments.out;
    if let Some(answer) = &arguments.timestamp {
        let stamped = package::with_timestamp(&read(out, "the package")?, &read(answer, "the time-stamp")?)?;
        write(out, &stamped)?;
        print(&format!("time-stamp added to {}\n", out.display()));
        return Ok(exit::OK);
    }
    let signer = arguments.sign.as_deref().map(|key| Signer::read(key, arguments.certificate.as_deref())).transpose();
    let signer = signer.map_err(PackageError::from)?;
    let options = Options { signer: signer.as_ref(), redact: arguments.redact };
    let made = package::package(&arguments.runs, &options)?;
    write(out, &made.file)?;
    for note in &made.notes {
        eprintln!("note: {note}");
    }
    if signer.is_some_and(|signer| signer.self_signed) {
        eprintln!(
            "note: the key is signed with no certificate of an authority: add --certificate, or give its public key to those who verify"
        );
    }
    if let Some(redacted) = &made.manifest.redacted {
        print(&format!("redacted: {} values ({})\n", redacted.values, redacted.what.join(", ")));
        for left_out in &redacted.left_out {
            print(&format!("left out: {left_out}\n"));
        }
        if !redacted.not_judged_again.is_empty() {
            let ids = redacted.not_judged_again.join(", ");
            print(&format!("these test cases can no longer be judged again: {ids}\n"));
        }
    }
    for run in &made.manifest.runs {
        print(&format!("{}: run {}, seal {}\n", run.folder, run.run_id, run.seal));
    }
    let members = made.manifest.members.len();
    print(&format!("{}: {members} files, SHA-256 {}\n", out.display(), sha256(&made.file)));
    Ok(exit::OK)
}

/// A file, no larger than a package may be.
pub(super) fn read(path: &Path, what: &str) -> Result<Vec<u8>, Problem> {
    let failed = |why: String| {
        Problem::Input(
            format!("{what} {} can't be read: {why}", path.display()),
            "check the path and its permissions".into(),
        )
    };
    let size = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if size > MAX_PACKAGE {
        return Err(failed(format!("it has {size} bytes; at most {MAX_PACKAGE} are read")));
    }
    fs::read(path).map_err(|error| failed(error.to_string()))
}

/// A file, whole or not at all.
fn write(path: &Path, content: &[u8]) -> Result<(), Problem> {
    folder::write_whole(path, content)
        .map_err(|error| Problem::Input(error.to_string(), "name another file with --out".into()))
}

impl From<PackageError> for Problem {
    fn from(error: PackageError) -> Self {
        let text = error.to_string();
        match error {
            PackageError::Run(error) => error.into(),
            PackageError::Input(what, help) => Problem::Input(what, help),
            PackageError::Container(_) => {
                Problem::Input(text, "name fewer or smaller runs, or a package that was not changed".into())
            }
            PackageError::Signer(SignerError::File { help, .. }) => Problem::Input(text, help.into()),
            PackageError::Signer(SignerError::Key(_)) => Problem::Input(text, "use an ECDSA or RSA key".into()),
            PackageError::Timestamp(_) => {
                let help =
                    "query the authority for manifest.cms of this package (docs/evidence.md), and name its answer";
                Problem::Input(text, help.into())
            }
            PackageError::Own(what) => Problem::Own(what),
        }
    }
}
