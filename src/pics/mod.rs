//! The PICS: what a vendor states about a product.

pub mod import;
pub mod model;
pub mod reader;
pub mod tables;
pub mod writer;

pub(crate) use reader::words;

pub use model::{Answer, Baseline, Pics, Profile, SutKind};
