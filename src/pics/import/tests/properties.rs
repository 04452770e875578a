//! What holds for every certificate, whole or torn.

use super::{forms, import, invented, yaml};
use crate::pics::{
    Answer, Baseline, Pics, SutKind,
    import::{Remark, certificate, document::Document},
};

/// A PICS without what was guessed by how cells are centred.
fn certain(pics: &Pics, remarks: &[Remark]) -> String {
    let mut pics = pics.clone();
    for remark in remarks {
        if let Some(id) =
            remark.message.strip_suffix(": which lines belong to it was guessed, by how the cells are centred")
        {
            let id = id.trim_matches('`');
            for map in [&mut pics.hardware, &mut pics.features, &mut pics.settings] {
                map.shift_remove(id);
            }
        }
        if remark.message.starts_with("where the cells of the vendor specific settings begin") {
            pics.vendor_settings.clear();
        }
    }
    yaml(&pics)
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    #[test]
    fn every_form_of_a_certificate_gives_the_pics_it_was_made_of(
        (sut, baseline, seed) in (
            proptest::sample::select(vec![SutKind::ChargingStation, SutKind::Csms]),
            proptest::sample::select(vec![Baseline::B2024_06, Baseline::B2025_09, Baseline::B2026_02]),
            0..u64::MAX,
        ),
    ) {
        let pics = invented::pics(sut, baseline, seed);
        let lines = forms::certificate(&pics);
        let texts = [
            forms::between(&lines, "\t"),
            forms::between(&lines, "    "),
            forms::between(&lines, " | "),
            forms::markdown(&lines),
            forms::page(&lines, false),
        ];
        for text in &texts {
            proptest::prop_assert_eq!(yaml(&import(text).pics), yaml(&pics), "{}", text);
        }
        let texts = [forms::between(&lines, " "), forms::page(&lines, true)];
        for text in texts {
            let imported = import(&text);
            // What is guessed may be wrong, and is told.
            let (found, wanted) = (certain(&imported.pics, &imported.remarks), certain(&pics, &imported.remarks));
            let differ: Vec<_> = found.lines().zip(wanted.lines()).find(|(one, other)| one != other).into_iter().collect();
            proptest::prop_assert!(found == wanted, "{differ:#?}\n{text}");
        }
    }

    #[test]
    fn what_is_lost_or_torn_changes_no_other_answer_unsaid(
        (sut, seed, form, at, how) in (
            proptest::sample::select(vec![SutKind::ChargingStation, SutKind::Csms]),
            0..u64::MAX,
            0..6_usize,
            0.0..1.0_f64,
            0..4_usize,
        ),
    ) {
        let pics = invented::pics(sut, Baseline::B2025_09, seed);
        let lines = forms::certificate(&pics);
        let text = match form {
            0 => forms::between(&lines, "\t"),
            1 => forms::between(&lines, "    "),
            2 => forms::between(&lines, " "),
            3 => forms::markdown(&lines),
            form => forms::page(&lines, form == 5),
        };
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (20.0 + at * (lines.len() - 22) as f64) as usize;
        match how {
            0 => {
                lines.remove(at);
            }
            1 => {
                let next = lines.remove(at + 1);
                lines[at] += &format!(" {}", next.trim_start());
            }
            2 => {
                let half = lines[at].chars().count() / 2;
                let rest: String = lines[at].chars().skip(half).collect();
                lines[at] = lines[at].chars().take(half).collect();
                lines.insert(at + 1, rest);
            }
            _ => lines.insert(at, "Page 3 of 8    Certificate of an invented product    Yes".into()),
        }
        let torn = lines.join("\n");
        let Ok(imported) = certificate(&Document::from_text("x", &torn), None) else { return Ok(()) };
        let maps = |pics: &Pics| {
            let maps = [&pics.hardware, &pics.features, &pics.questions, &pics.settings];
            maps.into_iter().flatten().map(|(id, answer)| (id.clone(), answer.clone())).collect::<Vec<_>>()
        };
        let wanted = maps(&pics);
        let found = maps(&imported.pics);
        proptest::prop_assert!(found.len() + 3 > wanted.len(), "{} of {}", found.len(), wanted.len());
        for (id, answer) in found {
            if !matches!(answer, Answer::Bool(_) | Answer::Number(_)) {
                continue;
            }
            let right = wanted.iter().any(|(known, wanted)| *known == id && *wanted == answer);
            let said = imported.remarks.iter().any(|remark| remark.message.contains(&id));
            proptest::prop_assert!(right || said, "{id}: {answer:?}, line {at}\n{}", lines[at.saturating_sub(4)..(at + 4).min(lines.len())].join("\n"));
        }
    }

    #[test]
    fn no_text_makes_it_panic(
        text in "(C-0[1-9]|C-|40\\.1|HFS-9|AQ-1|Yes|No|Name|Max Value|Core|Pass|EVSE|1 AC 1 1 x Fixed|Vendor name:|Statement of Approval|\
                 OCPP 2\\.0\\.1|reference specification OCPP 2\\.0\\.1 \\(Edition 3, Errata 2024-06\\)|Configuration Setting|\t|\\||\n|\n\n| |   |é|\u{a0}){0,60}",
    ) {
        let document = Document::from_text("x", &text);
        for defects in certificate(&document, None).err().into_iter().flatten() {
            for report in defects.reports() {
                let _ = format!("{:?}", miette::Report::new(report));
            }
        }
        let _ = certificate(&document, Some(Baseline::B2024_06));
    }
}
