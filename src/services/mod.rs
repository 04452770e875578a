//! Services of the harness: the certificate authority, firmware images, uploads.

pub mod files;
pub mod firmware;
mod image_signature;
pub mod inspect;
pub mod meter;
pub mod pki;
pub mod transfer;
