//! The answers to ids, out of rows.

use super::{
    Remarks,
    document::Place,
    keys::Key,
    known_ids,
    rows::{Row, Wording},
    text::letters,
    values::{self, Read},
};
use crate::{
    pics::{
        Answer, Pics, Profile,
        tables::{self, AnswerKind, Part},
    },
    yaml::shorten,
};

/// Reads the answers that belong to the side, edition and baseline.
pub(super) fn read(rows: &[Row], pics: &Pics, remarks: &mut Remarks) -> Vec<(Part, String, Answer)> {
    let sections = tables::sections(pics.sut, pics.baseline);
    let known: Vec<(Part, Option<Profile>, &tables::Row)> =
        sections.iter().flat_map(|section| section.rows().map(|row| (section.part, section.profile, row))).collect();
    let mut found: Vec<(Part, String, Answer, &Row)> = Vec::new();
    let mut contradicted: Vec<String> = Vec::new();
    let mut named: Vec<Profile> = Vec::new();
    let mut seen: Vec<&str> = Vec::new();
    for row in rows {
        let Key::Id(id) = &row.key else { continue };
        let Some((part, profile, of)) = resolved(id, row, &known, pics, remarks) else { continue };
        seen.push(&of.id);
        let Some(answer) = answer(of, row, remarks) else { continue };
        // Edition 3 prints the tables of a profile where it was tested.
        let unclaimed = profile.filter(|profile| pics.edition == 3 && !pics.has_profile(*profile));
        if let Some(profile) = unclaimed.filter(|profile| !named.contains(profile)) {
            named.push(profile);
            let message =
                format!("`{}` is answered, but `{}` is not among the profiles that passed", of.id, profile.title());
            remarks.add(row.place, message, &format!("add `{}` to `profiles:` where it passed", profile.id()));
        }
        match found.iter().find(|(_, known, ..)| *known == of.id) {
            None => found.push((part, of.id.clone(), answer, row)),
            Some((_, _, known, _)) if *known == answer => {}
            Some((.., before)) => {
                let message = format!(
                    "`{}` is \"{}\" here and \"{}\" before ({}); neither was taken",
                    of.id,
                    shorten(&row.answer(), 60),
                    shorten(&before.answer(), 60),
                    match before.place.page {
                        0 => format!("line {}", before.place.at.line),
                        page => format!("page {}, line {}", page + 1, before.place.at.line),
                    }
                );
                remarks.add(row.place, message, &format!("add `{}: …` under `{}:`", of.id, part.key()));
                contradicted.push(of.id.clone());
            }
        }
    }
    missing(&sections, pics, &seen, remarks);
    let order = |id: &str| known.iter().position(|(.., row)| row.id == id);
    let mut answers: Vec<(Part, String, Answer)> = found
        .into_iter()
        .filter(|(_, id, ..)| !contradicted.contains(id))
        .map(|(part, id, answer, _)| (part, id, answer))
        .collect();
    answers.sort_by_key(|(_, id, _)| order(id));
    answers
}

/// Names the rows that a certificate has and this one was not found to have. Answers that no PICS can do without are missed by
/// its reader.
fn missing(sections: &[tables::Section], pics: &Pics, seen: &[&str], remarks: &mut Remarks) {
    // Published certificates leave settings out that do not matter.
    let expected = |section: &&tables::Section| tables::printed(section, pics) && section.part != Part::Settings;
    let printed = sections.iter().filter(expected).flat_map(tables::Section::rows);
    let may_miss = |row: &&tables::Row| {
        !row.optional
            && !matches!(row.kind, AnswerKind::Heading | AnswerKind::YesNo)
            && !seen.contains(&row.id.as_str())
    };
    let missing: Vec<String> = printed.filter(may_miss).map(|row| format!("`{}`", row.id)).collect();
    if !missing.is_empty() {
        let message = format!("not found, and so left without an answer: {}", missing.join(", "));
        remarks.add(Place::default(), message, "fill in those that the certificate answers");
    }
}

type Known<'k> = (Part, Option<Profile>, &'k tables::Row);

/// The id that a row is about. It is the one that stands there, unless the wording is that of another: the programmes have given
/// questions new numbers.
fn resolved<'k>(id: &str, row: &Row, known: &[Known<'k>], pics: &Pics, remarks: &mut Remarks) -> Option<Known<'k>> {
    let by_id = known.iter().find(|(.., of)| of.id == id).copied();
    let worded = match &row.wording {
        Wording::Known(title) => (*title).to_owned(),
        Wording::Other(text) => text.clone(),
    };
    let same = |title: &str| letters(title) == letters(&worded);
    let by_wording = || {
        let mut all = known.iter().filter(|(.., of)| same(&of.title)).copied();
        all.next().filter(|_| all.next().is_none())
    };
    let answer = shorten(&row.answer(), 60);
    if let Some(by_id) = by_id {
        if same(&by_id.2.title) || worded.is_empty() {
            return Some(by_id);
        }
        if let Some(other) = by_wording() {
            let message =
                format!("`{id}` has the wording of `{}` (\"{}\"); it was taken as that", other.2.id, other.2.title);
            remarks.add(row.place, message, "compare it with the certificate");
            return Some(other);
        }
        if !alike(&by_id.2.title, &worded) {
            let message = format!(
                "`{id}` is worded \"{}\" here; known is \"{}\". The answer \"{answer}\" was taken",
                shorten(&worded, 90),
                by_id.2.title
            );
            remarks.add(row.place, message, "check that both mean the same");
        }
        return Some(by_id);
    }
    if let Some(other) = by_wording() {
        let what = if known_ids().is_known(id) {
            format!("`{id}` does not belong to baseline {}", pics.baseline.id())
        } else {
            format!("unknown id `{id}`")
        };
        let message = format!("{what}; its wording is that of `{}`, and it was taken as that", other.2.id);
        remarks.add(row.place, message, "compare it with the certificate");
        return Some(other);
    }
    let (message, help) = if known_ids().is_known(id) {
        let side = if pics.sut == crate::pics::SutKind::Csms { "a CSMS" } else { "a charging station" };
        (
            format!(
                "`{id}` (\"{}\") does not belong to {side}, edition {}, baseline {}; its answer \"{answer}\" was left out",
                shorten(&worded, 60),
                pics.edition,
                pics.baseline.id()
            ),
            "check side, edition and baseline",
        )
    } else {
        (
            format!("unknown id `{id}` (\"{}\"); its answer \"{answer}\" was left out", shorten(&worded, 60)),
            "check that the line was read correctly; nothing can be tested by it",
        )
    };
    remarks.add(row.place, message, help);
    None
}

/// True for wordings that differ in little.
fn alike(one: &str, other: &str) -> bool {
    let (one, other) = (letters(one), letters(other));
    let limit = one.len().max(other.len()) / 6;
    edits(&one, &other) <= limit
}

/// Edits between two texts, of at most 300 characters each.
fn edits(one: &str, other: &str) -> usize {
    let cut = |text: &str| text.chars().take(300).collect::<String>();
    strsim::levenshtein(&cut(one), &cut(other))
}

/// The answer of a row.
fn answer(of: &tables::Row, row: &Row, remarks: &mut Remarks) -> Option<Answer> {
    let text = row.answer();
    let id = of.id.as_str();
    let mut unreadable = |message: String| {
        let help = format!("fill it in: `{id}: …` ({})", of.kind.describe());
        remarks.add(row.place, message, &help);
    };
    if text.is_empty() {
        if !matches!(of.kind, AnswerKind::Heading) {
            unreadable(format!("`{id}` ({}) has no answer", of.title));
        }
        // A list may well be empty.
        return None;
    }
    let wrong = format!("`{id}` ({}) has an answer that can't be read: \"{}\"", of.title, shorten(&text, 80));
    let (answer, guessed) = match of.kind {
        AnswerKind::YesNo | AnswerKind::Heading => match values::yes_no(&text) {
            Some(Read { value, guessed }) => (Answer::Bool(value), guessed),
            None => {
                unreadable(wrong);
                return None;
            }
        },
        AnswerKind::Number => match values::number(&text) {
            Some(Read { value, guessed }) => (Answer::Number(value), guessed),
            None => {
                unreadable(if values::is_none(&text) {
                    format!("`{id}` ({}) is \"{text}\"; it was left out", of.title)
                } else {
                    wrong
                });
                return None;
            }
        },
        AnswerKind::Text if values::is_none(&text) => {
            unreadable(format!("`{id}` ({}) is \"{text}\"; it was left out", of.title));
            return None;
        }
        AnswerKind::Text => (Answer::Text(text), None),
        AnswerKind::ListOrNo if values::yes_no(&text).is_some_and(|read| !read.value) => {
            (Answer::Bool(false), values::yes_no(&text).and_then(|read| read.guessed))
        }
        AnswerKind::List | AnswerKind::ListOrNo => {
            let Read { value, guessed } = values::words(id, &text);
            let strange: Vec<&str> =
                value.iter().map(String::as_str).filter(|word| !values::is_usual(id, word)).collect();
            if !strange.is_empty() {
                let message = format!(
                    "`{id}` ({}) names what is not usual there: {}",
                    of.title,
                    shorten(&strange.join(", "), 80)
                );
                remarks.add(row.place, message, "check that the line was read correctly");
            }
            (Answer::List(value), guessed)
        }
        AnswerKind::Measurands => measurands(of, row, remarks),
    };
    if row.centred {
        let message = format!("`{id}`: which lines belong to it was guessed, by how the cells are centred");
        remarks.add(row.place, message, "compare it with the certificate, or give the PDF itself");
    }
    if let Some(guessed) = guessed {
        remarks.add(row.place, format!("`{id}`: {guessed}"), "compare it with the certificate");
    }
    Some(answer)
}

/// The measurands of a row: in two columns, or in one that has to be divided.
fn measurands(of: &tables::Row, row: &Row, remarks: &mut Remarks) -> (Answer, Option<String>) {
    let columns = row.columns();
    let mut guesses = Vec::new();
    let mut words = |text: &str| {
        let Read { value, guessed } = values::measurands(text);
        guesses.extend(guessed);
        value
    };
    let (tested, supported) = match columns.as_slice() {
        [tested, supported] => (words(tested), words(supported)),
        _ => {
            let all = words(&columns.concat());
            match values::border(&all) {
                Some(at) => {
                    let (tested, supported) = all.split_at(at);
                    let message = if tested.is_empty() {
                        "no column tells which measurands were tested; all were taken as supported, none as tested"
                            .to_owned()
                    } else {
                        format!(
                            "no column tells tested and supported measurands apart; the first {at} were taken as tested, for the \
                             others name them again"
                        )
                    };
                    guesses.push(message);
                    (tested.to_vec(), supported.to_vec())
                }
                None => {
                    guesses.push(
                        "no column tells tested and supported measurands apart; all were taken as supported".to_owned(),
                    );
                    (Vec::new(), all)
                }
            }
        }
    };
    if !values::agree(&tested, &supported) {
        let message = format!("`{}` names a measurand twice, or as tested and not as supported", of.id);
        remarks.add(
            row.place,
            message,
            "compare it with the certificate: lines of a neighbouring row may have been taken",
        );
    }
    let mut all = tested.clone();
    all.extend(supported.iter().filter(|word| !tested.contains(word)).cloned());
    let strange = values::unknown_measurands(&all);
    if !strange.is_empty() {
        let message = format!("`{}`: unknown OCPP 2.0.1 measurand {}", of.id, shorten(&strange.join(", "), 80));
        remarks.add(row.place, message, "check that the line was read correctly");
    }
    (Answer::Measurands { tested, supported }, (!guesses.is_empty()).then(|| guesses.join("; ")))
}
