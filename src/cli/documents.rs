//! The documents are held against the command line: what they tell people to type must be understood, and what they name
//! must be there.

use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory as _, Parser as _};
use regex::Regex;

use super::Arguments;
use crate::testcase::catalogue::Catalogue;

/// Something that a reader may type.
#[derive(Debug)]
struct Typed {
    place: String,
    words: Vec<String>,
    /// True where it stands with placeholders (`[--test GLOB]…`), and not to be typed as it is.
    synopsis: bool,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("README.md"), root().join("CONTRIBUTING.md")];
    for folder in ["docs", "examples/ocpp-charge-point-station", "examples/python-ocpp-csms"] {
        let files = std::fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        found.extend(files.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    found.sort();
    found
}

/// The words of a command line as a shell would make them, up to where another command or a file begins.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match character {
            '\'' | '"' => {
                let inside = characters.by_ref().take_while(|next| *next != character);
                word.get_or_insert_default().extend(inside);
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            '#' if word.is_none() => break,
            '>' | '<' | '|' | ';' | '&' => break,
            ' ' => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}

/// What a line of a shell tells ocpp-attest.
fn told(line: &str) -> Option<Vec<String>> {
    // A password may be made for it on the way.
    let line = Regex::new(r"^(\w+=(\$\([^)]*\)|\S*) +)+").unwrap().replace(line, "");
    let rest = match line.strip_prefix("ocpp-attest ") {
        Some(rest) => rest,
        None => line.strip_prefix("cargo run ")?.split_once("-- ")?.1,
    };
    Some(words(rest))
}

fn typed_in(file: &Path) -> Vec<Typed> {
    let name = file.strip_prefix(root()).unwrap().display().to_string();
    // Lines that go on are put together, with the number of the last.
    let text = std::fs::read_to_string(file).unwrap();
    let inline = Regex::new(r"`((?:ocpp-attest|cargo run) [^`]*)`").unwrap();
    let placeholder = Regex::new(r"[…\[\]]|\b[A-Z]{3,}(_[A-Z]+)*\b").unwrap();
    let mut all = Vec::new();
    let (mut block, mut held) = (None, String::new());
    for (number, line) in text.lines().enumerate() {
        let place = format!("{name}:{}", number + 1);
        if let Some(language) = line.trim_start().strip_prefix("```") {
            block = if block.is_none() { Some(language.to_owned()) } else { None };
            continue;
        }
        match block.as_deref() {
            Some("sh") => {
                held.push_str(line.trim_start());
                if held.ends_with('\\') {
                    held.pop();
                    continue;
                }
                let line = std::mem::take(&mut held);
                let synopsis = placeholder.is_match(&line);
                all.extend(told(&line).map(|words| Typed { place, words, synopsis }));
            }
            Some(_) => {}
            None => {
                let spans = inline.captures_iter(line).filter_map(|span| told(&span[1]));
                all.extend(spans.map(|words| Typed { place: place.clone(), words, synopsis: true }));
            }
        }
    }
    all
}

/// The subcommand that the first words name, and how many of them do.
fn subcommand(words: &[String]) -> (Command, usize) {
    let mut command = Arguments::command();
    command.build();
    let mut depth = 0;
    while let Some(next) = words.get(depth).and_then(|word| command.find_subcommand(word)).cloned() {
        command = next;
        depth += 1;
    }
    (command, depth)
}

/// Flags that a subcommand does not have.
fn unknown_flags(words: &[String]) -> Vec<String> {
    let (command, depth) = subcommand(words);
    if depth == 0 {
        return vec![words.first().cloned().unwrap_or_default()];
    }
    // `simulate … --fault` is said of all that there is to simulate.
    let left_open = words.get(depth).is_some_and(|word| word == "…");
    let all = std::iter::once(&command).chain(command.get_subcommands().filter(|_| left_open));
    let known: Vec<&str> = all.flat_map(Command::get_arguments).filter_map(clap::Arg::get_long).collect();
    let flag = Regex::new(r"--[a-z][a-z-]*").unwrap();
    let flags = words.iter().filter_map(|word| Some(flag.find(word)?.as_str()[2..].to_owned()));
    flags.filter(|flag| !known.contains(&flag.as_str())).collect()
}

#[test]
fn what_the_documents_tell_to_type_is_understood() {
    let mut wrong = Vec::new();
    let (mut whole, mut synopses) = (0, 0);
    for Typed { place, words, synopsis } in documents().iter().flat_map(|file| typed_in(file)) {
        let line = words.join(" ");
        if synopsis {
            synopses += 1;
            wrong.extend(unknown_flags(&words).into_iter().map(|flag| format!("{place}: {line}: {flag}")));
        } else {
            whole += 1;
            let parsed = Arguments::try_parse_from(std::iter::once("ocpp-attest".to_owned()).chain(words));
            wrong.extend(parsed.err().map(|error| format!("{place}: {line}: {error}")));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(whole > 20 && synopses > 15, "{whole} and {synopses} were found");
}

#[test]
fn what_the_table_of_commands_names_is_there() {
    let text = std::fs::read_to_string(root().join("README.md")).unwrap();
    let rows = text.lines().skip_while(|line| !line.starts_with("| command |")).skip(2);
    let span = Regex::new("`([^`]*)`").unwrap();
    let (mut wrong, mut named) = (Vec::new(), Vec::new());
    for row in rows.take_while(|row| row.starts_with('|')) {
        let cell = row.replace("\\|", "¦").split('|').nth(1).unwrap_or_default().to_owned();
        for span in span.captures_iter(&cell) {
            let words = words(&span[1].replace('¦', "/"));
            // A flag may stand alone, as one of those before it.
            if words[0].starts_with('-') {
                continue;
            }
            wrong.extend(unknown_flags(&words).into_iter().map(|flag| format!("{}: {flag}", &span[1])));
            named.extend(words.first().cloned());
        }
    }
    for command in Arguments::command().get_subcommands() {
        if !named.iter().any(|name| name == command.get_name()) {
            wrong.push(format!("{} is not in the table", command.get_name()));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_files_and_test_cases_that_the_documents_name_are_there() {
    let catalogue = Catalogue::embedded(crate::protocol::Version::V2_0_1).unwrap();
    let known = |id: &str| catalogue.cases.contains_key(id);
    let link = Regex::new(r#"(?:\]\(|src=")([^)#"]+)"#).unwrap();
    let own = Regex::new(r"\b(?:pics|fixtures|testcases|examples|docs|deploy|data|benches|tests)/[\w./-]*\w").unwrap();
    let test_case = Regex::new(r"\bTC_[A-Z]+_\d+_(?:CSMS|CS)\b").unwrap();
    let mut wrong = Vec::new();
    for file in documents() {
        let name = file.strip_prefix(root()).unwrap().display().to_string();
        let text = std::fs::read_to_string(&file).unwrap();
        for found in link.captures_iter(&text).map(|found| found[1].to_owned()) {
            let outside = found.contains("://") || found.starts_with("mailto:");
            if !outside && !file.parent().unwrap().join(&found).exists() {
                wrong.push(format!("{name}: {found}"));
            }
        }
        for Typed { place, words, .. } in typed_in(&file) {
            let paths = words.iter().flat_map(|word| own.find_iter(word)).map(|found| found.as_str());
            wrong.extend(paths.filter(|path| !root().join(path).exists()).map(|path| format!("{place}: {path}")));
            let ids = words.iter().flat_map(|word| test_case.find_iter(word)).map(|found| found.as_str());
            wrong.extend(ids.filter(|id| !known(id)).map(|id| format!("{place}: {id}")));
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}
