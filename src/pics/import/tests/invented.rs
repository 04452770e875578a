//! PICS of invented products.

use rand::{Rng as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};

use super::forms;
use crate::pics::{
    Answer, Baseline, Pics, Profile, SutKind,
    model::{Approval, Approver, Connector, Evse, Laboratory, Performance, Product, References, VendorSetting},
    tables::{self, AnswerKind, Part},
};

const MEASURANDS: [&str; 6] =
    ["Energy.Active.Import.Register", "Voltage", "Current.Import", "SoC", "Power.Active.Import", "Current.Offered"];

struct Inventor(StdRng);

impl Inventor {
    fn chance(&mut self) -> bool {
        self.0.random_bool(0.5)
    }

    fn word(&mut self) -> String {
        let words = ["Nordlicht", "Tramontana", "Meltemi", "Zephyr", "Föhn", "Bora", "Ostro", "Levante", "Harmattan"];
        (*words.choose(&mut self.0).unwrap_or(&"Bora")).to_owned()
    }

    fn words(&mut self, most: usize) -> String {
        let count = self.0.random_range(1..=most);
        (0..count).map(|_| self.word()).collect::<Vec<_>>().join(" ")
    }

    fn some<'w>(&mut self, of: &[&'w str], least: usize) -> Vec<&'w str> {
        let count = self.0.random_range(least..=of.len());
        of.choose_multiple(&mut self.0, count).copied().collect()
    }

    fn approver(&mut self, reviewer: bool) -> Approver {
        let mut text = |text: &str| Some(format!("{} {text}", self.words(2)));
        Approver {
            name: text("Example"),
            date: Some("2025-11-23".into()),
            reviewer: reviewer.then(|| text("Reviewer")).flatten(),
            company: text("Ltd."),
            department: text("Department"),
            position: text("Manager"),
            location: text("Town, Somewhere"),
        }
    }

    fn answer(&mut self, row: &tables::Row) -> Option<Answer> {
        let list = |words: Vec<&str>| Answer::List(words.into_iter().map(str::to_owned).collect());
        Some(match (row.id.as_str(), row.kind) {
            (_, AnswerKind::Heading) => return None,
            (_, AnswerKind::YesNo) => Answer::Bool(self.chance()),
            (_, AnswerKind::Number) => Answer::Number(self.0.random_range(0..2_000_000)),
            ("HFS-10", _) => Answer::Text(["Single", "Per EVSE", "Multiple"].choose(&mut self.0)?.to_string()),
            ("HFS-9", _) => list(self.some(&["Wired", "WiFi", "Mobile Network"], 1)),
            ("C-23", _) => list(self.some(&["Heartbeat", "NTP", "GPS"], 1)),
            ("C-41", _) => list(self.some(
                &[
                    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                    "TLS_RSA_WITH_AES_128_GCM_SHA256",
                ],
                1,
            )),
            ("ORS-24", _) => list(self.some(&["HTTP", "HTTPS", "FTP", "FTPS", "SFTP"], 1)),
            (_, AnswerKind::ListOrNo) if self.chance() => Answer::Bool(false),
            (_, AnswerKind::ListOrNo | AnswerKind::List) => list(self.some(&["LRU", "LFU", "CUSTOM"], 1)),
            (_, AnswerKind::Text) => Answer::Text(self.word()),
            (_, AnswerKind::Measurands) => {
                let supported = self.some(&MEASURANDS, 1);
                let tested = self.some(&supported, 1);
                let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
                Answer::Measurands { tested: owned(tested), supported: owned(supported) }
            }
        })
    }
}

/// The PICS of a product that was never built. The same seed gives the same.
pub(crate) fn pics(sut: SutKind, baseline: Baseline, seed: u64) -> Pics {
    let mut of = Inventor(StdRng::seed_from_u64(seed));
    let edition = baseline.edition();
    let is_csms = sut == SutKind::Csms;
    let version = format!("{}.{}.0-rc{}", of.0.random_range(0..9), of.0.random_range(0..99), of.0.random_range(0..9));
    let vendor = format!("{} Ladetechnik GmbH & Co. KG", of.words(2));
    let mut profiles = vec![Profile::CORE];
    for &profile in baseline.version().protocol().profiles.iter().skip(1) {
        let is_feature = baseline.is_core_feature(profile);
        if !is_feature && of.0.random_bool(0.4) {
            profiles.push(profile);
        }
    }
    let number = if is_csms { "OCA.0201.9998.CSMS" } else { "OCA.0201.9999.CS" };
    let laboratory = format!("{} Prüfhaus", of.word());
    let mut pics = Pics {
        sut,
        ocpp: crate::protocol::Version::V2_0_1,
        edition,
        baseline,
        product: Product {
            holder: format!("{} Holding", of.word()),
            vendor,
            designation: format!("{} ({}_{}-X)", of.words(2), of.word(), of.0.random_range(1..999)),
            firmware_version: (!is_csms).then(|| version.clone()),
            software_version: is_csms.then_some(version),
            config_id: of.chance().then(|| "6A870098-5B1F42C8".into()),
            subtype: None,
            firmware_hash: (!is_csms).then(|| format!("{:064x}", of.0.random::<u128>())),
        },
        profiles,
        hardware: indexmap::IndexMap::new(),
        evses: Vec::new(),
        features: indexmap::IndexMap::new(),
        questions: indexmap::IndexMap::new(),
        settings: indexmap::IndexMap::new(),
        vendor_settings: Vec::new(),
        performance: Performance { communication: Some("WiFi".into()), ..Performance::default() },
        laboratory: Laboratory {
            name: Some(laboratory),
            location: Some(format!("{}, Nowhere", of.word())),
            test_location: None,
            report_reference: Some("TR_0815.001".into()),
        },
        approval: Approval { vendor: of.approver(false), laboratory: of.approver(true) },
        references: References {
            certificate: Some(number.into()),
            certification_date: Some("February 24, 2026".into()),
            specification: None,
            tested: Some(format!("{} Prüfhaus November 23, 2025", of.word())),
            evidence: Some("Invented_PICS-2.2.0 - signed".into()),
            tool_version: Some("Release_2025-09_v4".into()),
            tool_instance: Some("0123456789abcdef0123456789abcdef".into()),
        },
    };
    pics.references.specification = Some(forms::statement(&pics));
    for kpi in crate::protocol::OCPP_2_0_1.semantics.kpis(sut == SutKind::ChargingStation) {
        pics.performance.maximum.insert(kpi.key.to_owned(), f64::from(of.0.random_range(1..600_u16)) / 4.0);
    }
    for number in 0..of.0.random_range(0..3_u8) {
        pics.vendor_settings.push(VendorSetting {
            name: format!("{}Ctrlr::Setting{number}", of.word()),
            value: of.0.random_range(0..99_u8).to_string(),
            description: of.words(12),
        });
    }
    for id in 1..=if is_csms { 0 } else { of.0.random_range(1..4_u32) } {
        let connectors = (1..=of.0.random_range(1..3_u32)).map(|id| Connector {
            id,
            kind: "cType2".into(),
            cable: if of.0.random_bool(0.5) { "fixed" } else { "detachable" }.into(),
        });
        let connectors = connectors.collect();
        let phases = ["1", "3", "1 & 3"].choose(&mut of.0).unwrap_or(&"1").to_string();
        pics.evses.push(Evse { id, current: if of.chance() { "AC" } else { "DC" }.into(), phases, connectors });
    }
    for section in tables::sections(sut, baseline) {
        if !tables::printed(&section, &pics) {
            continue;
        }
        for row in section.rows() {
            let Some(answer) = of.answer(row) else { continue };
            let map = match section.part {
                Part::Hardware => &mut pics.hardware,
                Part::Features => &mut pics.features,
                Part::Questions => &mut pics.questions,
                Part::Settings => &mut pics.settings,
            };
            map.insert(row.id.clone(), answer);
        }
    }
    pics
}
