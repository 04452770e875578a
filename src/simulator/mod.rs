//! A reference charging station and a reference CSMS to test against, configured by the PICS.
//!
//! They do what Part 2 demands of the product that the PICS describes; they know nothing of test cases.

pub mod csms;
pub mod faults;
pub mod operator;
pub mod station;
