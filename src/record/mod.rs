//! The run folder: trace, verdicts, plan.

pub mod folder;
pub mod model;
pub mod read;
pub mod summary;

pub use model::*;
