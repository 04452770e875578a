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

# Make reports/examples/ again: the abstracts of the certified products' PICS, from simulated runs.
examples:
    cargo build
    for product in cp-flex-plus-eu greenflux-ev-platform beny-bcpcv-ct2m-p; do \
        target/debug/ocpp-attest run --pics pics/$product.yaml --sut simulated --out target/examples/$product || exit 1; \
    done
    OCPP_ATTEST_EXAMPLES="$PWD/target/examples" cargo test --lib report::example_tests

# The programmes of the certified stations' PICS over sockets with TLS and real clocks, some 45 minutes.
sockets *args="":
    fixtures/benches/sockets.sh {{args}}

# The programmes of OCPP 2.0.1 in pics/, stations and CSMSs, over sockets with TLS and real clocks: some 50 minutes, two at a time.
sockets-2-0-1 *programmes="":
    fixtures/benches/sockets-2.0.1.sh {{programmes}}

# The programmes of the charge points of OCPP 1.6 in pics/ over sockets with TLS and real clocks, some 12 minutes.
sockets-1-6 *args="":
    fixtures/benches/sockets-1.6.sh {{args}}

# The programmes of the products of OCPP 2.1 in pics/ over sockets with TLS and real clocks, some 40 minutes.
sockets-2-1 *args="":
    fixtures/benches/sockets-2.1.sh {{args}}

# The test cases of blocks L and N over sockets, with each of the five protocols for firmware and logs, some five minutes.
file-transfers:
    fixtures/benches/file-transfers.sh

# The same of OCPP 1.6, for both sides, some three minutes; arguments are the protocols.
file-transfers-1-6 *protocols="":
    fixtures/benches/file-transfers-1.6.sh {{protocols}}
