//! Recorded runs, judged again: as they were, against other test cases, or with something changed.

mod again;
mod conceal;
mod form;
mod recording;
mod store;

pub use again::{Again, Divergence, against, changed, exactly};
pub use form::FORMAT;
pub(crate) use recording::pass_time;
pub use recording::{Found, Origin, Recording};
pub use store::{Kept, Store, StoreError, fingerprint, kept, read, sources};
