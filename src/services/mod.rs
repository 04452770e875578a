//! Services of the harness: the certificate authority, firmware images, uploads.

pub mod bench;
pub mod inspect;
pub mod meter;
pub mod pki;
