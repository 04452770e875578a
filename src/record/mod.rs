//! The run folder: what was to be run, the trace, the verdicts.

pub mod calibration;
pub mod causes;
pub mod chain;
pub mod compare;
pub mod folder;
pub mod index;
pub mod manifest;
pub mod merge;
pub mod model;
pub mod read;
pub mod saved;
pub mod seal;
pub(crate) mod temporary;
pub mod writer;

pub use model::*;
