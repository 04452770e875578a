//! The test-case language: model, reader with source positions, conditions, matchers, expressions.

pub mod catalogue;
mod citations;
pub mod composite_of;
pub mod condition;
pub mod connection;
pub mod dialect;
pub mod language;
pub mod library;
pub mod matcher;
pub mod model;
mod path;
pub mod prose;
pub mod reader;
pub mod requirements;
pub mod scope;
pub mod service;
#[cfg(test)]
mod shared;
pub mod tables;
pub mod uncited;
mod versions;
pub mod walk;

pub use crate::template;
