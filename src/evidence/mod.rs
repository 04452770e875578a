//! Evidence that others can check: the package of a run, its signature, and what `verify` finds in it.
//!
//! `container` is the file: a ZIP archive of which one form is written and read. `manifest` lists what is in it, `package` puts it
//! together, `cms`, `signer` and `timestamp` sign the manifest. `check` opens a package and holds it against its manifest, `judge` holds
//! results and reports against it, `recordings` judges every test case again,
//! `messages` holds the trace against what was recorded. `redact` replaces what a vendor keeps to itself, `capture` writes a run's messages as pcapng.

pub mod capture;
pub mod check;
mod cms;
pub mod container;
mod judge;
pub mod manifest;
mod messages;
pub mod package;
mod recordings;
mod redact;
pub mod signer;
mod timestamp;
