//! The audit explains every survivor, and finds a check that nothing can break.

use std::path::Path;

use crate::common::pics;
use ocpp_attest::{
    audit::{self, Audit, Concern, Fate, Kind, Mutation, Programme},
    pics::SutKind,
    testcase::{catalogue::Catalogue, library::Library},
};

fn audited(catalogue: &Catalogue, product: &str, ids: &[&str]) -> Audit {
    let product = pics(product);
    let library = Library::load(catalogue, product.sut).unwrap();
    let programmes = [Programme { catalogue: catalogue.clone(), library }];
    audit::audit(&programmes, &[product], &|id| ids.contains(&id), 2)
}

#[test]
fn no_check_is_vacuous_and_every_survivor_is_explained() {
    let catalogue = Catalogue::embedded(ocpp_attest::protocol::Version::V2_0_1).unwrap();
    for (product, ids) in [
        (
            "cp-flex-plus-eu.yaml",
            ["TC_B_01_CS", "TC_B_06_CS", "TC_C_08_CS", "TC_B_02_CS", "TC_E_15_CS", "TC_G_13_CS"].as_slice(),
        ),
        ("greenflux-ev-platform.yaml", ["TC_A_03_CSMS", "TC_B_01_CSMS", "TC_B_58_CSMS", "TC_C_08_CSMS"].as_slice()),
    ] {
        let audit = audited(&catalogue, product, ids);
        assert!(audit.without.is_empty(), "{:?}", audit.without);
        assert!(audit.cases.len() >= 3, "{product}: {}", audit.cases.len());
        for case in &audit.cases {
            assert!(case.unexplained().is_empty(), "{}: {:#?}", case.id, case.unexplained());
            let killed = case.mutations.iter().filter(|mutation| matches!(mutation.fate, Fate::Killed { .. })).count();
            assert!(killed > 0 && case.checks > 0, "{}", case.id);
            let at_step = |mutation: &&Mutation| matches!(mutation.fate, Fate::Killed { at: Concern::Step, .. });
            assert!(case.mutations.iter().filter(at_step).count() * 4 > killed, "{}", case.id);
        }
        let kinds: Vec<Kind> =
            audit.cases.iter().flat_map(|case| &case.mutations).map(|mutation| mutation.kind).collect();
        for kind in [Kind::Value, Kind::Removed, Kind::Type, Kind::Dropped, Kind::Delayed, Kind::Duplicated, Kind::Rule]
        {
            assert!(kinds.contains(&kind), "{product}: {kind:?}");
        }
    }
}

#[test]
fn a_check_that_nothing_can_break_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("testcases/2.x/charging-station");
    let side = folder.path().join("charging-station");
    std::fs::create_dir_all(side.join("B")).unwrap();
    std::fs::create_dir_all(side.join("states")).unwrap();
    for entry in std::fs::read_dir(from.join("states")).unwrap().flatten() {
        std::fs::copy(entry.path(), side.join("states").join(entry.file_name())).unwrap();
    }
    let text = std::fs::read_to_string(from.join("B/TC_B_06_CS.yaml")).unwrap();
    let loose = text.replace("component.name: { is: OCPPCommCtrlr,", "component.name: { matches: '.*',");
    assert_ne!(text, loose);
    std::fs::write(side.join("B/TC_B_06_CS.yaml"), loose).unwrap();
    let catalogue = Catalogue::from_folder(folder.path(), ocpp_attest::protocol::Version::V2_0_1).unwrap();
    assert!(catalogue.states.keys().all(|(sut, _)| *sut == SutKind::ChargingStation));
    let audit = audited(&catalogue, "cp-flex-plus-eu.yaml", &["TC_B_06_CS"]);
    let unexplained = audit.cases[0].unexplained();
    assert_eq!(unexplained.len(), 1, "{unexplained:#?}");
    assert!(unexplained[0].contains("check getVariableResult[0].component.name"), "{unexplained:#?}");
}
