# ocpp-attest as one static executable (musl), with a shell beside it for CI systems that need one.
#
#   docker build -t ocpp-attest .
#   docker run --rm -v "$PWD:/work" --user "$(id -u):$(id -g)" ocpp-attest run --pics pics.yaml --sut simulated

FROM rust:1.92-alpine AS build
# C compiler, perl and headers: the libraries for TLS are built from their sources.
RUN apk add --no-cache build-base cmake linux-headers perl
WORKDIR /source
COPY . .
RUN cargo build --release --locked \
    && strip target/release/ocpp-attest \
    && ! ldd target/release/ocpp-attest 2>/dev/null | grep -q '=>'

FROM busybox:1.37-musl
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /source/target/release/ocpp-attest /usr/local/bin/ocpp-attest
COPY --from=build /source/pics /usr/share/ocpp-attest/pics
WORKDIR /work
# Nothing here needs to be root. 9000 and 9001: the CSMS end-points; 9080: files; 9050: the operator's page.
USER 65532:65532
EXPOSE 9000 9001 9080 9050
ENTRYPOINT ["/usr/local/bin/ocpp-attest"]
