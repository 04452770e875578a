//! Built-in filters that reserve as much memory as their arguments say: left out, or held to what a message can need. Without this a
//! number in a bench file, or one that a product has told, could end the process.

use std::sync::LazyLock;

use minijinja::{
    Environment, Error, ErrorKind, State, Value, filters,
    value::{Rest, ValueOrKwargs},
};
use regex::Regex;

/// Takes the filters out of the environment, or puts bounded ones in their place.
pub(super) fn bound(environment: &mut Environment<'static>) {
    // Nobody needs them: JSON has no indentation that matters, and `batch` divides a list as well.
    environment.remove_filter("indent");
    environment.remove_filter("slice");
    environment.add_filter("batch", batch);
    environment.add_filter("format", format);
}

/// The list in lists of so many elements, the last of which may be shorter.
fn batch(items: Vec<Value>, count: usize) -> Result<Vec<Value>, Error> {
    if count == 0 {
        return Err(Error::new(ErrorKind::InvalidOperation, "`batch` needs lists of one element at least"));
    }
    Ok(items.chunks(count).map(|items| Value::from(items.to_vec())).collect())
}

/// The built-in filter, for widths of up to three digits.
fn format(state: &mut State, text: &Value, arguments: Rest<ValueOrKwargs>) -> Result<Value, Error> {
    static WIDE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"%[^a-zA-Z%]*(?:[0-9]{4}|\*)").ok());
    if WIDE.as_ref().is_none_or(|wide| text.as_str().is_some_and(|text| wide.is_match(text))) {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            "`format` takes widths and precisions of up to three digits",
        ));
    }
    filters::format(state, text, arguments)
}
