//! What a person is told before a run begins.

use crate::{
    bench::Bench,
    pics::{Pics, SutKind},
};

/// What a person needs to know to bring product and harness together.
pub(super) fn introduction(pics: &Pics, bench: &Bench, jobs: usize) -> String {
    let stations = bench.as_stations(jobs, false);
    let identity = stations.first().map_or(&bench.identity, |station| &station.identity);
    let profile = bench.security_profile;
    if pics.sut == SutKind::Csms && stations.len() > 1 {
        let name = |station: &Bench| match station.security_profile {
            own if own != profile => format!("{} (security profile {own})", station.identity),
            _ => station.identity.clone(),
        };
        let names = stations.iter().map(name).collect::<Vec<_>>().join(", ");
        return format!("connecting to {} as {names} side by side, with security profile {profile}", bench.url);
    }
    if pics.sut == SutKind::Csms {
        return format!("connecting to {}/{identity} with security profile {profile}", bench.url.trim_end_matches('/'));
    }
    let port = bench.listen.rsplit(':').next().unwrap_or_default();
    let scheme = if profile >= 2 { "wss" } else { "ws" };
    let mut text = format!(
        "listening on {}: the station connects to {scheme}://{}:{port}/ocpp/{identity} with security profile {profile}",
        bench.listen, bench.host
    );
    if profile >= 2 {
        text.push_str(&match (bench.certificate.is_empty(), bench.authority.is_empty()) {
            (false, _) => format!(",\nand trusts the root of {}", bench.certificate),
            (true, false) => {
                format!(",\nand trusts {}", std::path::Path::new(&bench.authority).join("root.pem").display())
            }
            (true, true) => {
                ",\nand trusts a root that is made for this run only: set `authority` in the bench to keep it".into()
            }
        });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pics::reader, yaml::Source};

    #[test]
    fn a_person_is_told_how_product_and_harness_meet() {
        let read = |text: &str| Bench::read_source(&Source::new("b.yaml", text)).unwrap();
        let told = |sut: &str, bench: &str| {
            let pics = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics").join(sut);
            introduction(&reader::read(&pics).unwrap(), &read(bench), 2)
        };
        insta::assert_snapshot!(told("beny-bcpcv-ct2m-p.yaml", "listen: 0.0.0.0:443\nhost: lab.example\nauthority: ca\n"), @r"
        listening on 0.0.0.0:443: the station connects to wss://lab.example:443/ocpp/CS001 with security profile 2,
        and trusts ca/root.pem
        ");
        assert!(told("beny-bcpcv-ct2m-p.yaml", "").contains("set `authority` in the bench"));
        assert!(!told("beny-bcpcv-ct2m-p.yaml", "security-profile: 1\n").contains("trusts"));
        let csms = told("greenflux-ev-platform.yaml", "url: wss://csms.example/ocpp\n");
        assert_eq!(csms, "connecting to wss://csms.example/ocpp/CS001 with security profile 2");
        let pool =
            "url: ws://c/ocpp\nsecurity-profile: 1\nstations: [{ identity: A }, { identity: B }, { identity: C }]\n";
        let csms = told("greenflux-ev-platform.yaml", pool);
        assert_eq!(csms, "connecting to ws://c/ocpp as A, B side by side, with security profile 1");
    }
}
