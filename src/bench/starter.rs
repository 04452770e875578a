//! A bench file to begin with, fit for a product and with a word on what matters.

mod sections;
mod times;

use std::path::Path;

use crate::{
    link::Secret,
    manual_action::{
        actions,
        settings::{CONFIGURE, RESTORE},
    },
    pics::{Pics, Profile, SutKind},
    protocol::{OCPP_2_0_1, Version, semantics::WordSet, transfer::Protocol},
    vocabulary::words_of,
};

/// What a bench file to begin with is made from.
#[derive(Debug)]
pub struct Starter<'s> {
    /// The product's PICS, where there is one.
    pub pics: Option<&'s Pics>,
    /// What is tested.
    pub sut: SutKind,
    /// The name or address by which the station calls us.
    pub host: &'s str,
    /// Where we listen for a station; other services have ports that are reckoned from it.
    pub port: u16,
    /// URL of the CSMS under test.
    pub url: &'s str,
    /// Folder of the authority.
    pub authority: &'s Path,
    /// The station's password.
    pub password: &'s Secret,
    /// Times for a simulator, which does everything at once.
    pub fast: bool,
}

/// A password as every station must take it, letters and digits: OCPP 1.6 wants 16 to 20 of them (security whitepaper, A00.FR.205), OCPP
/// 2.x 16 to 40 (A00.FR.205).
pub fn password() -> Secret {
    use rand::Rng as _;
    let mut random = rand::rng();
    Secret::new((0..20).map(|_| char::from(random.sample(rand::distr::Alphanumeric))).collect::<String>())
}

/// Text in double quotes, as YAML reads it back.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl Starter<'_> {
    /// The port where we listen for a station unless somebody asks for another.
    pub const PORT: u16 = 9000;

    /// The file's text.
    pub fn text(&self) -> String {
        let product =
            self.pics.map_or("a product".to_owned(), |pics| pics.product.designation.replace(['\n', '\r'], " "));
        let mut text = format!(
            "# Test bench for {product}.\n\
             #\n\
             # Look at it before the first run:  ocpp-attest bench check THIS_FILE --pics PICS\n\
             # What is not set here has the value that `ocpp-attest schema bench` tells. A relative path begins at the\n\
             # folder of this file. Times are in seconds.\n\n"
        );
        match self.sut {
            SutKind::ChargingStation => self.station(&mut text),
            SutKind::Csms => self.csms(&mut text),
        }
        self.identity(&mut text);
        if self.sut == SutKind::ChargingStation {
            self.evses(&mut text);
        }
        text.push_str(&times::text(self.sut, self.is_1_6(), self.pics, self.fast));
        if let Some(pics) = self.pics {
            text.push_str(&sections::of(pics));
        }
        text.push_str(TESTED_BY);
        let (csms, is_1_6) = (self.sut == SutKind::Csms, self.is_1_6());
        let is_2_1 = self.pics.is_some_and(|pics| pics.ocpp == Version::V2_1);
        let has = |profile| self.pics.is_some_and(|pics| pics.supports(profile));
        let pays = self.pics.is_some_and(|pics| pics.is_yes("P-2.1") || pics.is_yes("P-0"));
        text.push_str(&sections::tokens(sections::Tokens {
            master_pass: !is_1_6,
            // In OCPP 2.1 smart charging of a CSMS alone has a test case with the contract of an EV.
            emaid: has(Profile::ISO_15118) || (csms && is_2_1 && has(Profile::SMART_CHARGING)),
            prepaid: pays,
            accounts: pays && csms,
        }));
        if self.sut == SutKind::Csms {
            text.push_str(&self.operator());
        }
        text
    }

    fn port_after(&self, offset: u16) -> u16 {
        self.port.saturating_add(offset)
    }

    fn is_1_6(&self) -> bool {
        self.pics.is_some_and(|pics| pics.ocpp == Version::V1_6)
    }

    fn station(&self, text: &mut String) {
        let loopback = ["localhost", "127.0.0.1", "::1"].contains(&self.host);
        let at = if loopback { "127.0.0.1" } else { "0.0.0.0" };
        let protocols = self.pics.map(|pics| Protocol::among(pics.list("ORS-24"))).unwrap_or_default();
        let files = match protocols.iter().copied().find(|protocol| protocol.is_built_in()).unwrap_or(Protocol::Http) {
            Protocol::Http => format!("files: \"{at}:{}\"", self.port_after(80)),
            Protocol::Https => format!("files-https: \"{at}:{}\"", self.port_after(443)),
            Protocol::Ftp => format!("files-ftp: \"{at}:{}\"", self.port_after(21)),
            Protocol::Ftps => format!("files-ftps: \"{at}:{}\"", self.port_after(990)),
            Protocol::Sftp => format!("files-sftp: \"{at}:{}\"", self.port_after(22)),
        };
        // Logs go over each of the two (TC_N_102_CS, TC_N_103_CS).
        let both = self.pics.is_some_and(|pics| pics.ocpp == Version::V2_1)
            && [Protocol::Http, Protocol::Https].iter().all(|protocol| protocols.contains(protocol));
        let files = if both {
            format!("{files}\n# The same over HTTPS, for logs.\nfiles-https: \"{at}:{}\"", self.port_after(443))
        } else {
            files
        };
        // OCPP 1.6 has no second network profile; the address is bound all the same.
        let and_second =
            if self.is_1_6() { "" } else { ", and as the second CSMS that test cases migrate the station to" };
        text.push_str(&format!(
            "# Where we listen as CSMS{and_second}.\n\
             # 0.0.0.0 is every address of this machine.\n\
             listen: \"{at}:{}\"\n\
             listen-second: \"{at}:{}\"\n\
             # Where the station fetches firmware from and uploads logs to.\n\
             {files}\n\
             # The name or address by which the station reaches this machine: certificates are made for it, and network\n\
             # profiles and file locations name it.\n\
             host: {}\n\n\
             # Our certificate authority. Install its root.pem at the station as CSMSRootCertificate. With its key here, the\n\
             # harness makes what certificates test cases ask for: expired ones, ones for another name, signed requests.\n\
             authority: {}\n",
            self.port,
            self.port_after(1),
            quoted(self.host),
            quoted(&self.authority.display().to_string())
        ));
        if self.pics.is_some_and(|pics| pics.has_profile(Profile::ADVANCED_SECURITY)) {
            text.push_str("# station.pem and station.key in the same folder: a client certificate for the station, for profile 3.\n");
        }
        text.push('\n');
        if self.fast {
            text.push_str("# A simulator installs any image, so that ours will do.\nfirmware: { made: true }\n\n");
        }
    }

    fn csms(&self, text: &mut String) {
        text.push_str(&format!(
            "# The CSMS under test; the identity below is appended.\n\
             url: {}\n\
             # The same by TLS, for test cases that go from security profile 1 to 2; empty: wss:// in the place of ws://.\n\
             url-upgraded: \"\"\n\
             # The root that the CSMS's certificate comes from (PEM file). Without it nothing that it shows can be judged.\n\
             root: \"\"\n\n\
             # Our certificate authority: let the CSMS trust its root.pem, for stations with client certificates.\n\
             authority: {}\n\
             # The common name of the station's certificate; empty: the identity.\n\
             serial-number: \"\"\n\
             # Where we serve files to the CSMS's side of transfers.\n\
             files: \"127.0.0.1:9080\"\n\n",
            quoted(self.url),
            quoted(&self.authority.display().to_string())
        ));
    }

    fn identity(&self, text: &mut String) {
        let whose = match self.sut {
            SutKind::ChargingStation => "the station under test",
            SutKind::Csms => "the station that we play, which the CSMS must know",
        };
        let profile = if self.sut == SutKind::Csms && self.url.starts_with("ws:") { 1 } else { 2 };
        let none = if self.is_1_6() { "0: no authentication; " } else { "" };
        text.push_str(&format!(
            "# Identity and Basic authentication password of {whose}.\n\
             # The environment variable OCPP_ATTEST_PASSWORD overrides the password.\n\
             identity: CS001\n\
             password: {}\n\
             # {none}1: Basic authentication, unsecured; 2: TLS and Basic authentication; 3: TLS with client certificates.\n\
             security-profile: {profile}\n\n",
            quoted(self.password.expose())
        ));
    }

    fn evses(&self, text: &mut String) {
        text.push_str("# The EVSE and connector at hand, and a second one where there is one.\n");
        let evses = self.pics.map(|pics| pics.evses.as_slice()).unwrap_or_default();
        for (key, evse) in [("evse", evses.first()), ("evse-second", evses.get(1))] {
            if let Some(evse) = evse {
                let connector = evse.connectors.first().map_or(1, |connector| connector.id);
                text.push_str(&format!("{key}: {{ id: {}, connector: {connector} }}\n", evse.id));
            }
        }
        if evses.is_empty() {
            text.push_str("evse: { id: 1, connector: 1 }\n");
        }
        text.push_str("# How the driver is authorised: local (a token is presented) or remote (the CSMS asks).\nauthorization: local\n");
        if self.is_1_6() {
            text.push('\n');
            return;
        }
        if let Some(pics) = self.pics {
            for (key, what, points) in
                [("tx-start-point", "begins", pics.tx_start_points()), ("tx-stop-point", "ends", pics.tx_stop_points())]
            {
                text.push_str(&format!(
                    "# When a transaction {what}; empty: the first of what the PICS has ({}).\n{key}: \"\"\n",
                    points.join(", ")
                ));
            }
        }
        text.push_str(
            "# Two slots of the station's network configuration: the one by which it is connected, and one that may be written.\n\
             configuration-slot: 1\nconfiguration-slot-second: 2\n\n",
        );
    }
}

/// Who tests, for the abstract.
const TESTED_BY: &str = "\
# Who tests and who approves, for the abstract of a run with a real product. Nobody is named unless it stands here.
# laboratory: { name: \"\", location: \"\", test-location: \"\", report-reference: \"\" }
# approval:
#   vendor: { name: \"\", company: \"\", department: \"\", position: \"\", location: \"\" }
#   laboratory: { name: \"\", reviewer: \"\", company: \"\" }

";

/// What only a CSMS's bench has, as a comment: nothing of it is known beforehand. `ACTIONS` and `MESSAGES` stand for lists.
const OPERATOR: &str = "\
\n# More stations that the CSMS knows, in the place of `identity`: `run --jobs 8` runs so many test cases side by side.
# stations:
#   - identity: CS001
#   - identity: CS002
#
# What the CSMS's operator does is done by a person (`run --operator web`), or asked of the CSMS's API by requests. docs/csms-bench.md
# has all of it; fixtures/benches/csms-own-api.yaml is an example with a comment on every line.
# operator:
#   http:
#     base: http://127.0.0.1:8080
#     # Manual actions, each of which may have a request of its own:
ACTIONS
#     send:                     # any message of OCPP
#       url: \"/stations/{{ station | url_encoded }}/{{ action | kebab }}\"
#       body: \"{{ payload }}\"
#     # Messages that `send` is asked for; what one needs that differs from `send` stands under `messages:`, as in
#     # `messages: { Reset: { url: /reset } }`. A sentence instead of a request says why it is not possible.
MESSAGES
#     configure:                # what the next BootNotification is answered, where AQ-17 or C-44 is yes
#       next-boot: \"the API has no request for it\"
#     restore: not-needed
#     check-variable:           # whether the CSMS shows what the station told it
#       method: GET
#       url: \"/stations/{{ station | url_encoded }}/variables/{{ parameters.component }}/{{ parameters.variable }}\"
#       done-when: response.value == parameters.value
";

/// The manual actions for the operator of a CSMS.
const OF_A_CSMS: [&str; 5] = ["send", CONFIGURE, RESTORE, "check-variable", "check-monitor"];
/// Those for the operator of a CSMS with payments.
const OF_PAYMENTS: [&str; 4] = ["limit-transaction", "pay-at-kiosk", "pay-on-page", "check-page-refused"];

/// A list as comments within the comment.
fn listed(words: &[String]) -> String {
    let lines = crate::text::wrap(&words.join(", "), 110);
    lines.iter().map(|line| format!("#     #   {line}")).collect::<Vec<_>>().join("\n")
}

impl Starter<'_> {
    fn operator(&self) -> String {
        let pays = self.pics.is_some_and(|pics| pics.is_yes("P-0"));
        let of_payments = OF_PAYMENTS.iter().filter(|_| pays);
        let actions: Vec<String> = OF_A_CSMS
            .iter()
            .chain(of_payments)
            .filter_map(|name| actions::find(name))
            .map(|action| {
                let parameters: Vec<&str> = action.parameters.iter().map(|parameter| parameter.name).collect();
                format!("{} ({})", action.name, parameters.join(" "))
            })
            .collect();
        let protocol = self.pics.map_or(&OCPP_2_0_1, |pics| pics.ocpp.protocol());
        let messages = words_of(WordSet::RequestsOfCsms, Some(protocol));
        OPERATOR.replace("ACTIONS", &listed(&actions)).replace("MESSAGES", &listed(&messages))
    }
}
