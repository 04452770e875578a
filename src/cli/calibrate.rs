//! `ocpp-attest calibrate`: how well the harness measures on this machine.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{Problem, exit, print};
use crate::{
    calibrate::{Settings, calibrate, page},
    record::folder,
};

/// Arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Requests to measure under each condition
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(10..=1_000_000))]
    samples: u32,
    /// The longest delay of the peer, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0)]
    longest: f64,
    /// Leave out the measurement with every core busy
    #[arg(long)]
    idle_only: bool,
    /// Also measure a run of N stations side by side that writes its run folder and reports, while one core is busy
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "16",
        value_parser = clap::value_parser!(u8).range(1..=64))]
    load: Option<u8>,
    /// Folder for calibration.json and calibration.html
    #[arg(long, value_name = "DIR", default_value = "calibration")]
    out: PathBuf,
}

/// Runs the subcommand.
pub fn run(arguments: &Arguments) -> Result<u8, Problem> {
    let Some(longest) = Duration::try_from_secs_f64(arguments.longest).ok().filter(|longest| longest.as_secs() <= 60)
    else {
        let found = format!("--longest {}: not a possible delay of a peer", arguments.longest);
        return Err(Problem::Input(found, "give seconds from 0 to 60".into()));
    };
    let unwritable =
        |error: folder::FolderError| Problem::Input(error.to_string(), "name another folder with --out".into());
    folder::create(&arguments.out).map_err(unwritable)?;
    let samples = usize::try_from(arguments.samples).unwrap_or(usize::MAX);
    let settings = Settings {
        samples,
        longest,
        busy: !arguments.idle_only,
        jobs: arguments.load.map(usize::from),
        ..Settings::default()
    };
    let sheet =
        calibrate(&settings, |what| eprintln!("measuring: {what}")).map_err(|error| Problem::Own(error.to_string()))?;
    let mut json = serde_json::to_vec_pretty(&sheet).map_err(|error| Problem::Own(error.to_string()))?;
    json.push(b'\n');
    folder::write(&arguments.out, "calibration.json", &json).map_err(unwritable)?;
    folder::write(&arguments.out, "calibration.html", page::html(&sheet).as_bytes()).map_err(unwritable)?;
    print(&page::text(&sheet));
    print(&format!("\nsheet: {}\n", arguments.out.join("calibration.html").display()));
    Ok(exit::OK)
}
