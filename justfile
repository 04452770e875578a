# Daily commands.

default:
    @just --list

# Everything that must hold before a change lands.
ci:
    bash .ci/run

# The main job on a PICS, against the simulator.
simulated pics="pics/cp-flex-plus-eu.yaml" *args="":
    cargo run -- run --pics {{pics}} --sut simulated {{args}}

# Check every test case and state.
check:
    cargo run -q -- check

test *args="":
    cargo test {{args}}

lint:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
