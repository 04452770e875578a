//! `ocpp-attest completions` and `ocpp-attest man`: what shells and manuals know of the commands.

use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Problem, exit};

/// Arguments of `completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Debug, Args)]
pub struct Manual {
    /// Write one page per command to this folder, instead of the main page to standard output
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the completions for a shell.
pub fn completions(arguments: &Completions, mut command: Command) -> u8 {
    let name = command.get_name().to_owned();
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, name, &mut text);
    if arguments.shell == Shell::Bash {
        text = labels_that_are_met(&String::from_utf8_lossy(&text), &command).into_bytes();
    }
    write(&text);
    exit::OK
}

/// The script for bash with each hyphen of a name written alike where a command is recognised and where it is completed.
/// As it is generated nothing is completed behind a name with a hyphen, such as the tool's own (clap-rs/clap#6421).
fn labels_that_are_met(script: &str, command: &Command) -> String {
    let mut script = script.to_owned();
    let mut commands = vec![command];
    while let Some(command) = commands.pop() {
        let name = command.get_name();
        if name.contains('-') {
            script = script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__"));
        }
        commands.extend(command.get_subcommands());
    }
    script
}

/// Prints the manual's main page, or writes all pages.
pub fn manual(arguments: &Manual, command: Command) -> Result<u8, Problem> {
    let render = |man: &Man| {
        let mut text = Vec::new();
        man.render(&mut text).map(|()| text).map_err(|error| Problem::Own(error.to_string()))
    };
    let Some(folder) = &arguments.out else {
        write(&render(&Man::new(command))?);
        return Ok(exit::OK);
    };
    let failed = |path: &Path, error: std::io::Error| {
        Problem::Input(format!("{}: {error}", path.display()), "name another folder with --out".into())
    };
    std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    clap_mangen::generate_to(command.disable_help_subcommand(true), folder).map_err(|error| failed(folder, error))?;
    Ok(exit::OK)
}

/// A closed pipe is no error.
fn write(text: &[u8]) {
    use std::io::Write as _;
    let _ = std::io::stdout().lock().write_all(text);
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, ValueEnum as _};

    use super::*;

    #[test]
    fn every_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        let pages = Manual { out: Some(folder.path().join("man")) };
        manual(&pages, super::super::Arguments::command()).unwrap();
        let page = |name: &str| std::fs::read_to_string(folder.path().join(format!("man/{name}.1"))).unwrap();
        for command in super::super::Arguments::command().get_subcommands() {
            assert!(page(&format!("ocpp-attest-{}", command.get_name())).contains(".TH"), "{}", command.get_name());
        }
        assert!(page("ocpp-attest-run").contains("OCPP_ATTEST_PASSWORD"));
        assert!(page("ocpp-attest-bench-check").contains("Exit status"));
        assert!(page("ocpp-attest").contains("ocpp\\-attest\\-run(1)"));
    }

    #[test]
    fn every_shell_completes_the_flags_of_run() {
        for shell in Shell::value_variants() {
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut super::super::Arguments::command(), "ocpp-attest", &mut text);
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("trace-to") && text.contains("completions"), "{shell}");
        }
    }
}
