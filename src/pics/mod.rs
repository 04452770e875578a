//! The PICS: what a vendor states about a product.

pub mod model;

pub use model::{Answer, Baseline, Pics, Profile, SutKind};
