//! What a bench says of file transfers: the protocol, where the servers listen, who may use them.

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use super::Bench;
use crate::{
    link::Secret,
    pics::{Pics, SutKind},
    protocol::transfer::Protocol,
    yaml::Defects,
};

/// Shortest password for files; what is shorter could not be told from other text and so not be kept out of artefacts.
const MIN_PASSWORD: usize = 8;

/// File transfers.
#[derive(Debug, Clone)]
pub struct FileBench {
    /// The protocol that is used; `None`: the first that the product has.
    pub protocol: Option<Protocol>,
    /// Where the server for each protocol listens, `host:port`.
    listen: [(Protocol, String); 5],
    /// `host` or `host:port` in URLs, where NAT makes it another; empty: the bench's host.
    pub host: String,
    /// User that the servers demand; empty: anybody may transfer.
    pub user: String,
    /// Its password.
    pub password: Secret,
    /// Ports for FTP's data connections.
    pub passive_ports: RangeInclusive<u16>,
}

/// The keys with their defaults.
pub(super) fn defaults() -> Value {
    json!({
        "file-protocol": "",
        "files": "127.0.0.1:9080",
        "files-https": "127.0.0.1:9443",
        "files-ftp": "127.0.0.1:9021",
        "files-ftps": "127.0.0.1:9990",
        "files-sftp": "127.0.0.1:9022",
        "file-host": "",
        "file-user": "",
        "file-password": "",
        "ftp-passive-ports": "50000-50100",
        "firmware": {
            "image": "",
            "signature": "",
            "certificate": "",
            "broken-image": "",
            "broken-signature": "",
            "broken-certificate": "",
            "made": false,
        },
    })
}

/// `files: 0` for an address: this port at the address of the default; 0 is one that is free.
pub(super) fn port_alone(key: &str, default: &Value, given: &Value) -> Option<Value> {
    let port = u16::try_from(given.as_u64().filter(|_| is_address(key))?).ok()?;
    let (host, _) = default.as_str()?.rsplit_once(':')?;
    Some(format!("{host}:{port}").into())
}

/// True for the keys that say where a file server listens.
pub(crate) fn is_address(key: &str) -> bool {
    key == "files" || Protocol::ALL.iter().any(|protocol| key.strip_prefix("files-") == Some(protocol.scheme()))
}

/// Keys that no artefact may show.
pub(super) const SECRET: &str = "file-password";

fn ports(text: &str) -> Option<RangeInclusive<u16>> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (from.trim().parse::<u16>().ok()?, to.trim().parse::<u16>().ok()?);
    (0 < from && from <= to).then_some(from..=to)
}

impl FileBench {
    pub(super) fn of(values: &Map<String, Value>) -> Self {
        let text = |key: &str| values.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let key = |protocol: Protocol| match protocol {
            Protocol::Http => "files".to_owned(),
            other => format!("files-{}", other.scheme()),
        };
        Self {
            protocol: Protocol::parse(&text("file-protocol")),
            listen: Protocol::ALL.map(|protocol| (protocol, text(&key(protocol)))),
            host: text("file-host"),
            user: text("file-user"),
            password: Secret::new(text("file-password")),
            passive_ports: ports(&text("ftp-passive-ports")).unwrap_or(50000..=50100),
        }
    }

    /// Where the server for a protocol listens.
    pub fn listen(&self, protocol: Protocol) -> &str {
        self.listen.iter().find(|(known, _)| *known == protocol).map_or("", |(_, address)| address)
    }

    /// What is wrong in the bench alone.
    pub(super) fn defects(&self, bench: &Bench) -> Vec<crate::yaml::Defect> {
        let text = |key: &str| bench.text(key);
        let mut defects = Vec::new();
        let names = Protocol::ALL.map(Protocol::name).join(", ");
        if !text("file_protocol").is_empty() && self.protocol.is_none() {
            defects.push(bench.defect(
                "file-protocol",
                format!("unknown file transfer protocol `{}`", text("file_protocol")),
                format!("write one of {names}"),
            ));
        }
        if ports(text("ftp_passive_ports")).is_none() {
            let message = format!("invalid port range `{}`", text("ftp_passive_ports"));
            defects.push(bench.defect("ftp-passive-ports", message, "write the first and the last, as in 50000-50100"));
        }
        match (self.user.is_empty(), self.password.expose().len()) {
            (true, 0) => {}
            (true, _) => defects.push(bench.defect(
                "file-password",
                "a password for files, but no user",
                "name the user with `file-user`",
            )),
            // None at all may still come from outside the file.
            (false, length) if length > 0 => defects.extend(self.weak_password(bench)),
            _ => {}
        }
        defects
    }

    /// A user of the file servers without a password that may be called one.
    fn weak_password(&self, bench: &Bench) -> Option<crate::yaml::Defect> {
        let length = self.password.expose().len();
        (!self.user.is_empty() && length < MIN_PASSWORD).then(|| {
            bench.defect(
                if length == 0 { "file-user" } else { "file-password" },
                format!("a password for files of {length} characters"),
                format!(
                    "give `file-password`, or OCPP_ATTEST_FILE_PASSWORD, at least {MIN_PASSWORD} characters; the SUT gets it in URLs"
                ),
            )
        })
    }
}

impl Bench {
    /// Takes a password for the file servers in the place of its own, if there is one; and their user must have one then.
    pub fn take_file_password(&mut self, password: Option<&str>) -> Result<(), Defects> {
        if let Some(password) = password {
            self.files.password = Secret::new(password);
        }
        match self.files.weak_password(self) {
            Some(defect) => Err(self.defects(vec![defect])),
            None => Ok(()),
        }
    }

    /// What of the bench contradicts a PICS.
    pub fn fits(&self, pics: &Pics) -> Result<(), Defects> {
        let profiles =
            self.stations.iter().filter_map(|station| station.security_profile).chain([self.security_profile]);
        if profiles.min() == Some(0) && !pics.ocpp.protocol().semantics.has_profile_0() {
            return Err(self.defects(vec![self.defect(
                if self.security_profile == 0 { "security-profile" } else { "stations" },
                format!("{} has no security profile 0", pics.ocpp.protocol().name),
                "write 1, 2 or 3; only OCPP 1.6 knows stations that do not authenticate",
            )]));
        }
        let claimed = Protocol::among(pics.list("ORS-24"));
        let Some(protocol) = self.files.protocol else { return Ok(()) };
        if pics.sut == SutKind::Csms || claimed.is_empty() || claimed.contains(&protocol) {
            return Ok(());
        }
        let names: Vec<&str> = claimed.iter().map(|protocol| protocol.name()).collect();
        Err(self.defects(vec![self.defect(
            "file-protocol",
            format!("the PICS does not claim {protocol}: its ORS-24 has {}", names.join(", ")),
            "choose one of these, leave `file-protocol` out, or correct the PICS",
        )]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pics::reader, yaml::Source};

    fn read(text: &str) -> Result<Bench, Defects> {
        Bench::read_source(&Source::new("b.yaml", text))
    }

    #[test]
    fn what_is_wrong_with_files_has_a_place() {
        let defects = read("file-protocol: TFTP\nftp-passive-ports: \"9-3\"\nfile-user: me\nfile-password: short\n");
        insta::assert_snapshot!(defects.unwrap_err().to_string(), @r"
        b.yaml:1:16: unknown file transfer protocol `TFTP`
            → write one of HTTP, HTTPS, FTP, FTPS, SFTP
        b.yaml:2:20: invalid port range `9-3`
            → write the first and the last, as in 50000-50100
        b.yaml:4:16: a password for files of 5 characters
            → give `file-password`, or OCPP_ATTEST_FILE_PASSWORD, at least 8 characters; the SUT gets it in URLs
        ");
        assert!(read("file-password: long enough\n").unwrap_err().to_string().contains("no user"));
    }

    #[test]
    fn a_bench_for_files_is_read_and_its_password_is_not_shown() {
        let bench = read("file-protocol: sftp\nfiles-sftp: 0.0.0.0:22\nfile-user: me\nfile-password: not to be seen\nftp-passive-ports: 40000-40010\n").unwrap();
        assert_eq!(bench.files.protocol, Some(Protocol::Sftp));
        assert_eq!(bench.files.listen(Protocol::Sftp), "0.0.0.0:22");
        assert_eq!(bench.files.listen(Protocol::Http), "127.0.0.1:9080");
        assert_eq!(bench.files.passive_ports, 40000..=40010);
        let shown = serde_json::to_string(&bench.values).unwrap();
        assert!(shown.contains("file_user") && !shown.contains("not to be seen"));
        assert!(!format!("{bench:?}").contains("not to be seen"));
    }

    #[test]
    fn a_protocol_that_the_pics_does_not_claim_is_a_contradiction() {
        let pics = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics/beny-bcpcv-ct2m-p.yaml");
        let pics = reader::read(&pics).unwrap();
        insta::assert_snapshot!(read("host: x\nfile-protocol: SFTP\n").unwrap().fits(&pics).unwrap_err().to_string(), @r"
        b.yaml:2:16: the PICS does not claim SFTP: its ORS-24 has HTTP, FTP
            → choose one of these, leave `file-protocol` out, or correct the PICS
        ");
        assert!(read("file-protocol: FTP\n").unwrap().fits(&pics).is_ok());
        assert!(read("").unwrap().fits(&pics).is_ok());
    }
}
