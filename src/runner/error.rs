//! What keeps a run from beginning.

use crate::{services::pki::PkiError, yaml::Defects};

/// Why there is nothing to run in.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// An address could not be bound.
    #[error("{0} can't be bound: {1}")]
    Bind(String, std::io::Error),
    /// A certificate could not be made.
    #[error("certificates can't be made: {0}")]
    Pki(#[from] PkiError),
    /// A file of the bench can't be read.
    #[error("{0} can't be read: {1}")]
    File(String, std::io::Error),
    /// The bench names files that can't be used.
    #[error("{0}")]
    Bench(#[from] Defects),
}
