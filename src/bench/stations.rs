//! The pool: stations that a CSMS under test knows, so that test cases can run side by side, each as one of them.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Bench, paths};
use crate::{
    link::Secret,
    redaction::is_secret_key,
    vocabulary::{self, Owner},
    yaml::{Defect, Kind, Node},
};

/// A station of the pool; what it does not say is the bench's.
#[derive(Debug, Clone)]
pub struct Station {
    /// Identity of the station.
    pub identity: String,
    /// Basic authentication password of the station.
    pub password: Option<Secret>,
    /// Its serial number, the common name of its certificate; its identity where there is none.
    pub serial_number: String,
    /// Where it connects to.
    pub url: Option<String>,
    /// The security profile that it has at the CSMS.
    pub security_profile: Option<u8>,
    /// Its certificate chain and key (PEM files), for security profile 3.
    pub certificate: Option<(String, String)>,
    /// Its own idTokens, laid over the bench's by name.
    pub tokens: Map<String, Value>,
}

/// Keys of a station.
pub(crate) const KEYS: [&str; 8] =
    ["identity", "password", "serial-number", "url", "security-profile", "certificate", "key", "tokens"];

/// Reads `stations:`; defects are added to the list.
pub(super) fn read(root: &Node, folder: &Path, defects: &mut Vec<Defect>) -> Vec<Station> {
    let Some(node) = root.get("stations") else { return Vec::new() };
    let Some(items) = node.list() else {
        let message = format!("`stations` must be a list, found {}", node.describe());
        defects.push(Defect::new(node.at, message, "write `- identity: CS001` lines"));
        return Vec::new();
    };
    if let Some(identity) = root.get("identity") {
        let message = "`identity` and `stations` can't both be set";
        defects.push(Defect::new(identity.at, message, "add this one to the list, and remove `identity`"));
    }
    let mut stations: Vec<Station> = Vec::new();
    for item in items {
        let Some(station) = station(item, folder, defects) else { continue };
        if stations.iter().any(|known| known.identity == station.identity) {
            let message = format!("`{}` is in the list already", station.identity);
            defects.push(Defect::new(item.at, message, "give every station an identity of its own"));
            continue;
        }
        stations.push(station);
    }
    stations
}

fn station(node: &Node, folder: &Path, defects: &mut Vec<Defect>) -> Option<Station> {
    if node.map().is_none() {
        let message = format!("a station was expected, found {}", node.describe());
        defects.push(Defect::new(node.at, message, "write `identity: CS001` and the other keys"));
        return None;
    }
    defects.extend(vocabulary::check_keys(Owner::of_keys("a station", None), &KEYS, node));
    defects.extend(super::closed::check_words(node));
    let mut text = |key: &str| {
        let value = node.get(key)?;
        let text = value.text().filter(|text| !text.is_empty());
        if text.is_none() {
            let found = if is_secret_key(key) { value.describe_secret().to_owned() } else { value.describe() };
            let message = format!("`{key}` can't be {found}");
            defects.push(Defect::new(value.at, message, "write text (in quotes)"));
        }
        text.map(str::to_owned)
    };
    let (identity, password, serial_number) = (text("identity"), text("password"), text("serial-number"));
    let (certificate, key, url) = (text("certificate"), text("key"), text("url"));
    let security_profile = node.get("security-profile").and_then(|value| {
        let profile = match value.kind {
            Kind::Integer(profile @ 0..=3) => u8::try_from(profile).ok(),
            _ => None,
        };
        if profile.is_none() {
            let message = format!("`security-profile` can't be {}", value.describe());
            defects.push(Defect::new(
                value.at,
                message,
                "write 1, 2 or 3, or 0 for a station of OCPP 1.6 that does not authenticate",
            ));
        }
        profile
    });
    if node.get("identity").is_none() {
        defects.push(Defect::new(node.at, "a station has an `identity`", "add `identity: …`"));
    }
    if certificate.is_some() != key.is_some() {
        let message = "a certificate and its `key` belong together";
        defects.push(Defect::new(node.at, message, "name both PEM files, or neither"));
    }
    let tokens = match node.get("tokens").map(|tokens| (tokens, tokens.to_json())) {
        Some((_, Value::Object(tokens))) => tokens,
        Some((node, _)) => {
            let message = format!("`tokens` must be a mapping, found {}", node.describe());
            defects.push(Defect::new(node.at, message, "write `valid: { idToken: …, type: … }`"));
            Map::new()
        }
        None => Map::new(),
    };
    let identity = identity?;
    Some(Station {
        serial_number: serial_number.unwrap_or_default(),
        password: password.map(Secret::new),
        certificate: certificate
            .zip(key)
            .map(|(certificate, key)| (paths::from_here(&certificate, folder), paths::from_here(&key, folder))),
        url,
        security_profile,
        tokens,
        identity,
    })
}

impl Bench {
    /// How many test cases can run side by side: one for each station that a CSMS under test knows.
    pub fn pool(&self) -> usize {
        self.stations.len().max(1)
    }

    /// The bench as so many stations see it, or more where it takes more to have one of each security profile. A simulated
    /// CSMS knows whoever is asked for, so that a pool which is too small for it is made up.
    pub fn as_stations(&self, wanted: usize, simulated: bool) -> Vec<Bench> {
        let all: Vec<Bench> = if self.stations.is_empty() {
            vec![self.clone()]
        } else {
            self.stations.iter().map(|station| self.as_station(station)).collect()
        };
        let first_of_its_profile = |at: usize| {
            let before = all.get(..at).unwrap_or_default();
            all.get(at).is_some_and(|this| !before.iter().any(|known| known.security_profile == this.security_profile))
        };
        let needed = (0..all.len()).filter(|at| first_of_its_profile(*at)).count();
        let mut room = wanted.saturating_sub(needed);
        let mut benches: Vec<Bench> = Vec::new();
        for (at, bench) in all.iter().enumerate() {
            if first_of_its_profile(at) {
                benches.push(bench.clone());
            } else if room > 0 {
                room -= 1;
                benches.push(bench.clone());
            }
        }
        while simulated && benches.len() < wanted {
            let mut made_up = self.clone();
            made_up.identity = format!("{}-{}", all.first().unwrap_or(self).identity, benches.len() + 1);
            made_up.values.insert("identity".into(), made_up.identity.clone().into());
            made_up.values.insert("serial_number".into(), "".into());
            benches.push(made_up);
        }
        benches
    }

    fn as_station(&self, station: &Station) -> Bench {
        let mut bench = self.clone();
        bench.identity.clone_from(&station.identity);
        if let Some(password) = &station.password {
            bench.password = password.clone();
        }
        if let Some((certificate, key)) = &station.certificate {
            bench.certificate.clone_from(certificate);
            bench.key.clone_from(key);
        }
        if let Some(url) = &station.url {
            bench.url.clone_from(url);
            bench.values.insert("url".into(), url.as_str().into());
        }
        if let Some(profile) = station.security_profile {
            bench.security_profile = profile;
            bench.values.insert("security_profile".into(), profile.into());
        }
        bench.values.insert("identity".into(), station.identity.clone().into());
        bench.values.insert("serial_number".into(), station.serial_number.clone().into());
        if let Some(Value::Object(tokens)) = bench.values.get_mut("tokens") {
            // Expressions write names with underscores.
            tokens.extend(station.tokens.iter().map(|(name, token)| (name.replace('-', "_"), token.clone())));
        }
        bench
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml::Source;

    #[test]
    fn a_station_of_the_pool_takes_from_the_bench_what_it_does_not_say() {
        let text = "password: everybodys-password\nserial-number: ''\nstations:\n  - identity: CS001\n  - identity: CS002\n    password: its-own-password\n    serial-number: SN2\n    certificate: two.pem\n    key: two.key\n    tokens: { valid: { idToken: T2, type: Central }, same-group: { idToken: S2, type: Central } }\n";
        let bench = Bench::read_source(&Source::new("b.yaml", text)).unwrap();
        assert_eq!(bench.pool(), 2);
        let [first, second] = <[Bench; 2]>::try_from(bench.as_stations(8, false)).unwrap();
        assert_eq!((first.identity.as_str(), first.password.expose()), ("CS001", "everybodys-password"));
        assert_eq!(first.values["tokens"]["valid"]["idToken"], "D001D001");
        assert_eq!((second.identity.as_str(), second.password.expose()), ("CS002", "its-own-password"));
        assert_eq!((second.certificate.as_str(), second.key.as_str()), ("two.pem", "two.key"));
        assert_eq!(second.values["identity"], "CS002");
        assert_eq!(second.values["serial_number"], "SN2");
        assert_eq!(second.values["tokens"]["valid"]["idToken"], "T2");
        assert_eq!(second.values["tokens"]["same_group"]["idToken"], "S2");
        assert_eq!(second.values["tokens"]["invalid"]["idToken"], "BAD00001");
        let made_up: Vec<String> = bench.as_stations(4, true).iter().map(|bench| bench.identity.clone()).collect();
        assert_eq!(made_up, ["CS001", "CS002", "CS001-3", "CS001-4"]);
    }

    #[test]
    fn there_is_a_station_of_each_security_profile() {
        let text = "security-profile: 2\nstations:\n  - identity: A\n  - identity: B\n  - identity: C\n    security-profile: 3\n    url: wss://csms:8443\n  - identity: D\n";
        let bench = Bench::read_source(&Source::new("b.yaml", text)).unwrap();
        let of = |jobs: usize| -> Vec<(String, u8)> {
            let benches = bench.as_stations(jobs, false).into_iter();
            benches.map(|bench| (bench.identity, bench.security_profile)).collect()
        };
        assert_eq!(of(1), [("A".to_owned(), 2), ("C".to_owned(), 3)]);
        assert_eq!(of(3), [("A".to_owned(), 2), ("B".to_owned(), 2), ("C".to_owned(), 3)]);
        assert_eq!(of(8).len(), 4);
        assert_eq!(bench.as_stations(2, false)[1].url, "wss://csms:8443");
    }

    #[test]
    fn every_defect_of_the_pool_is_named() {
        let text = "identity: CS000\nstations:\n  - identity: CS001\n    pasword: x\n  - identity: CS001\n  - CS003\n  - password: p\n    certificate: c.pem\n";
        let defects = Bench::read_source(&Source::new("b.yaml", text)).unwrap_err();
        insta::assert_snapshot!(defects.to_string(), @r#"
        b.yaml:1:11: `identity` and `stations` can't both be set
            → add this one to the list, and remove `identity`
        b.yaml:4:5: a station has no key `pasword`
            → did you mean `password`?
        b.yaml:5:5: `CS001` is in the list already
            → give every station an identity of its own
        b.yaml:6:5: a station was expected, found the text "CS003"
            → write `identity: CS001` and the other keys
        b.yaml:7:5: a station has an `identity`
            → add `identity: …`
        b.yaml:7:5: a certificate and its `key` belong together
            → name both PEM files, or neither
        "#);
    }
}
