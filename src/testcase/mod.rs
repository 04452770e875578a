//! The test-case language: model, reader with source positions, conditions, matchers, expressions.

pub mod matcher;
pub mod template;
