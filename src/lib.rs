//! `ocpp-attest`: an open conformance test harness for OCPP.
//!
//! It reads a PICS, selects the applicable certification test cases, plays the other side (CSMS or charging
//! station) against the system under test (SUT), measures the response-time KPIs, and writes an abstract test
//! report in the shape of the certificate's. `docs/architecture.md` describes the modules below.

#![recursion_limit = "256"]

pub mod audit;
pub mod bench;
pub mod calibrate;
pub mod certificate;
pub mod cli;
pub mod clock;
pub mod engine;
pub mod evidence;
pub mod expect;
pub mod formatter;
pub mod kpi;
pub mod link;
pub mod manual_action;
pub mod one_time_password;
pub mod operator;
pub mod parallel;
pub mod pics;
pub mod preflight;
pub mod protocol;
pub mod record;
pub(crate) mod redaction;
pub mod replay;
pub mod report;
pub mod results;
pub mod runner;
pub mod selection;
pub mod services;
pub mod simulator;
pub mod template;
pub mod testcase;
pub mod text;
pub mod verdict;
pub mod vocabulary;
pub mod workbench;
pub mod yaml;
