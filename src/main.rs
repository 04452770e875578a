//! The `ocpp-attest` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    ocpp_attest::cli::main()
}
