//! The definitions of the configuration keys of our charge point, read from `data/ocpp1.6/own-station.yaml`.

use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::Value;

use crate::template::Template;

const FILE: &str = include_str!("../../../../data/ocpp1.6/own-station.yaml");

/// Maximum length of a value (7.29).
const MAX_VALUE: usize = 500;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Boolean,
    Integer,
    Text,
    List,
}

/// Who may read and write a key (9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub(super) enum Access {
    #[default]
    R,
    #[serde(rename = "RW")]
    Rw,
    W,
}

/// A key in the data file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    key: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(default)]
    access: Access,
    min: Option<i64>,
    max: Option<i64>,
    #[serde(default)]
    values: Vec<String>,
    value: Value,
    #[serde(default)]
    reboot: bool,
}

/// A configuration key.
#[derive(Debug)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) access: Access,
    pub(super) reboot: bool,
    /// Its value unless the central system has set another one.
    pub(super) value: Template,
    kind: Kind,
    min: Option<i64>,
    max: Option<i64>,
    values: Vec<String>,
}

/// All keys, in the order of the data file.
pub(super) fn keys() -> &'static [Key] {
    static ALL: OnceLock<Vec<Key>> = OnceLock::new();
    // A file that can't be read yields no keys, which the tests detect.
    ALL.get_or_init(|| read(FILE).unwrap_or_default())
}

fn read(text: &str) -> Result<Vec<Key>, serde_saphyr::Error> {
    let entries: Vec<Entry> = serde_saphyr::from_str(text)?;
    let keys = entries.into_iter().map(|Entry { key, kind, access, min, max, values, value, reboot }| Key {
        name: key,
        access,
        reboot,
        value: Template::new(value),
        kind,
        min,
        max,
        values,
    });
    Ok(keys.collect())
}

/// A key by its name, in any case (7.29).
pub(super) fn key(name: &str) -> Option<&'static Key> {
    keys().iter().find(|key| key.name.eq_ignore_ascii_case(name))
}

/// True for a standard key, as the specification writes it.
pub(crate) fn is_key(name: &str) -> bool {
    keys().iter().any(|key| key.name == name)
}

/// The name of a key as the specification writes it, where it is a standard one.
pub(crate) fn canonical(name: &str) -> &str {
    key(name).map_or(name, |key| key.name.as_str())
}

impl Key {
    /// True if it can be set.
    pub(super) fn is_writable(&self) -> bool {
        self.access != Access::R
    }

    /// True for a value that it may have.
    pub(super) fn admits(&self, value: &str) -> bool {
        let most = self.max.and_then(|most| usize::try_from(most).ok()).unwrap_or(MAX_VALUE);
        match self.kind {
            _ if value.chars().count() > MAX_VALUE => false,
            Kind::Boolean => ["true", "false"].iter().any(|word| word.eq_ignore_ascii_case(value)),
            Kind::Integer => value.parse().is_ok_and(|number: i64| {
                self.min.is_none_or(|min| number >= min) && self.max.is_none_or(|max| number <= max)
            }),
            Kind::Text => value.chars().count() <= most,
            Kind::List => {
                let items: Vec<&str> = value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect();
                let known = |item: &&str| self.values.is_empty() || self.values.iter().any(|known| known == item);
                items.len() <= most && items.iter().all(known)
            }
        }
    }
}
