//! The tests of what the tool does as a whole, in one program: it is linked once, and its tests share the cores.

#[path = "../common/mod.rs"]
mod common;

mod architecture;
mod audit;
mod battery_swapping;
mod benches;
mod boot_settings;
mod cli_bench;
mod cli_files;
mod cli_flags;
mod cli_gate;
mod cli_import;
mod cli_judging;
mod cli_merge;
mod cli_resume;
mod cli_simulate;
mod corpus;
mod deep;
mod energy_2_1;
mod evidence;
mod evidence_forged;
mod false_passes;
mod faults;
mod faults_2_1;
mod files_1_6;
mod hostile;
mod misspelled;
mod operator_api;
mod operator_page;
mod order;
mod own_station;
mod programme;
mod protocol_names;
mod reading;
mod replay;
mod reports;
mod scheduling;
mod secrets;
mod security;
mod settling;
mod side_by_side;
mod signing_requests;
mod slow_operator;
mod tidying;
mod workbench;
