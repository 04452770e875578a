//! `--log`: what goes on inside, on standard error.

use tracing_subscriber::EnvFilter;

use super::{Problem, display};

/// The levels that may stand alone.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Begins to log what a filter lets through: a level for the tool itself, or directives as `tracing` knows them
/// (`ocpp_attest::frames=trace,rustls=debug`).
pub(super) fn start(filter: &str) -> Result<(), Problem> {
    let level = filter.to_ascii_lowercase();
    let filter = if LEVELS.contains(&level.as_str()) {
        // Of the libraries only what is wrong: their details belong to whoever names them.
        EnvFilter::try_new(format!("warn,ocpp_attest={level}"))
    } else {
        EnvFilter::try_new(filter)
    };
    let filter = filter.map_err(|error| {
        let help =
            "write error, warn, info, debug or trace, or directives like `ocpp_attest::frames=trace,rustls=debug`";
        Problem::Input(format!("--log: {error}"), help.into())
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(display::colored_on_stderr())
        .try_init()
        .map_err(|error| Problem::Own(error.to_string()))
}
