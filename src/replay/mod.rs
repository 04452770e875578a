//! Recorded runs, judged again: as they were, against other test cases, or with something changed.

mod recording;

pub use recording::Recording;
