//! Which reports are made: the values of `--format` of `run` and `report`.

use clap::{ValueEnum, builder::PossibleValue};

use crate::report::Format;

/// A format, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    One(Format),
    All,
}

impl ValueEnum for Wanted {
    fn value_variants<'a>() -> &'a [Self] {
        static VARIANTS: std::sync::OnceLock<Vec<Wanted>> = std::sync::OnceLock::new();
        VARIANTS.get_or_init(|| Format::ALL.iter().copied().map(Wanted::One).chain([Wanted::All]).collect())
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        match self {
            Wanted::One(format) => format.to_possible_value(),
            Wanted::All => Some(PossibleValue::new("all").help("Every report")),
        }
    }
}

/// The formats that are wanted, each once, in the order in which they are named.
pub(super) fn chosen(wanted: &[Wanted]) -> Vec<Format> {
    let mut formats: Vec<Format> = Vec::new();
    for one in wanted {
        let these = match one {
            Wanted::One(format) => std::slice::from_ref(format),
            Wanted::All => Format::ALL,
        };
        let new: Vec<Format> = these.iter().copied().filter(|format| !formats.contains(format)).collect();
        formats.extend(new);
    }
    formats
}
