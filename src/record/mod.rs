//! The run folder: trace, verdicts, plan.

pub mod model;

pub use model::*;
