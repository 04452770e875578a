//! What would have been right in place of what a JSON Schema does not allow.

use jsonschema::{
    ValidationError,
    error::{TypeKind, ValidationErrorKind},
};
use serde_json::Value;

use crate::yaml::shorten;

/// In words; `members_at` tells which members the schema has at a path within it.
pub(super) fn instead_of<'s>(
    error: &ValidationError<'_>,
    members_at: impl Fn(&str) -> Option<Vec<&'s str>>,
) -> Option<String> {
    let right = match error.kind() {
        ValidationErrorKind::AdditionalProperties { .. } => {
            let path = error.schema_path().to_string();
            let members = path.rsplit_once('/').and_then(|(around, _)| members_at(around))?;
            format!("no member but {}", members.join(", "))
        }
        ValidationErrorKind::Required { property } => format!("a member {}", property.as_str()?),
        ValidationErrorKind::Enum { options } => match options.as_array() {
            Some(options) => format!("one of {}", Value::Array(options.clone())),
            None => options.to_string(),
        },
        ValidationErrorKind::Constant { expected_value } => expected_value.to_string(),
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => format!("a value of type {kind}"),
        ValidationErrorKind::Format { format } => format!("a text in the format {format}"),
        ValidationErrorKind::Pattern { pattern } => format!("a text that matches /{pattern}/"),
        ValidationErrorKind::MaxLength { limit } => format!("at most {limit} characters"),
        ValidationErrorKind::MinLength { limit } => format!("at least {limit} characters"),
        ValidationErrorKind::MaxItems { limit } => format!("at most {limit} elements"),
        ValidationErrorKind::MinItems { limit } => format!("at least {limit} elements"),
        ValidationErrorKind::Maximum { limit } => format!("at most {limit}"),
        ValidationErrorKind::Minimum { limit } => format!("at least {limit}"),
        ValidationErrorKind::ExclusiveMaximum { limit } => format!("less than {limit}"),
        ValidationErrorKind::ExclusiveMinimum { limit } => format!("more than {limit}"),
        ValidationErrorKind::MultipleOf { multiple_of } => format!("a multiple of {multiple_of}"),
        _ => return None,
    };
    Some(shorten(&right, 500))
}
