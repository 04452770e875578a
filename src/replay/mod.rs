//! Recorded runs, judged again: as they were, against other test cases, or with something changed.

mod format;
mod recording;
mod redaction;
mod rejudge;
mod store;

pub use format::FORMAT;
pub(crate) use recording::pass_time;
pub use recording::{Found, Origin, Recording};
pub use rejudge::{Again, Divergence, against, changed, exactly};
pub use store::{Kept, Store, StoreError, kept, read, sources};
