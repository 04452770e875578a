//! What a row of a certificate's tables begins with: an id, a certification profile, a KPI; and the wording that is known for it.

use std::sync::LazyLock;

use regex::Regex;

use super::{PROTOCOL, known_ids, text::letters, values};
use crate::{
    pics::{Profile, tables::AnswerKind},
    protocol::semantics::KpiDefinition,
};

/// What a row is about.
#[derive(Debug, Clone)]
pub(super) enum Key {
    /// `C-09.1`; it need not be known.
    Id(String),
    /// A row of the test result summary.
    Profile(Profile),
    /// A row of the performance tables.
    Kpi(&'static KpiDefinition),
}

/// What may stand as the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// An answer to an id.
    Answer(AnswerKind),
    /// Whatever an id takes that is not known.
    Anything,
    /// The result of a profile, and its description.
    Result,
    /// Numbers, units and a description.
    Measured,
}

impl Key {
    /// The wordings that are known for it.
    pub(super) fn titles(&self) -> Vec<&'static str> {
        match self {
            Key::Id(id) => {
                let mut titles: Vec<&str> = known_ids().rows_of(id).map(|row| row.title.as_str()).collect();
                titles.dedup();
                titles
            }
            Key::Profile(profile) => vec![profile.title()],
            Key::Kpi(definition) => vec![definition.name],
        }
    }

    /// What may stand as its answer.
    pub(super) fn wanted(&self) -> Wanted {
        match self {
            Key::Id(id) => known_ids().rows_of(id).next().map_or(Wanted::Anything, |row| Wanted::Answer(row.kind)),
            Key::Profile(_) => Wanted::Result,
            Key::Kpi(_) => Wanted::Measured,
        }
    }
}

const PREFIXES: &str = "HFS|ORS|ISO|AS|LA|DM|UI|SC|AQ|C|R";
const DASH: &str = "[-\u{2010}-\u{2015}\u{2212}]";

/// The id at the beginning of a text, and what follows it.
pub(super) fn id(text: &str) -> Option<(String, &str)> {
    static ID: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!(r"^({PREFIXES}) ?{DASH} ?(\d{{1,3}}(?:\.\d{{1,2}})?)(?:[:.)]?(?: |$))")).ok()
    });
    static DASHLESS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"^({PREFIXES})(\d{{1,3}}(?:\.\d{{1,2}})?)$")).ok());
    if let Some(found) = ID.as_ref()?.captures(text) {
        let rest = text[found[0].len()..].trim();
        return Some((known(&found[1], &found[2]), rest));
    }
    // `pdftotext` takes the dash of an id that is broken over lines for a hyphen.
    let found = DASHLESS.as_ref()?.captures(text)?;
    Some((known(&found[1], &found[2]), "")).filter(|(id, _)| known_ids().is_known(id))
}

/// What looks like an id of a kind that is not known, and what follows it.
pub(super) fn foreign_id(text: &str) -> Option<(String, &str)> {
    static ID: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(&format!(r"^([A-Z][A-Z0-9]{{0,5}}) ?{DASH} ?(\d{{1,3}}(?:\.\d{{1,2}})?)(?: |$)")).ok()
    });
    let found = ID.as_ref()?.captures(text)?;
    Some((format!("{}-{}", &found[1], &found[2]), text[found[0].len()..].trim()))
}

/// The first part of an id that is broken over lines, `C-` or `C-40.`, and what follows it.
pub(super) fn first_part(text: &str) -> Option<(&str, &str)> {
    static PART: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(&format!(r"^((?:{PREFIXES}){DASH}(?:\d{{1,2}}\.)?)(?: |$)")).ok());
    let found = PART.as_ref()?.captures(text)?.get(1)?;
    Some((found.as_str(), text[found.end()..].trim()))
}

/// The second part of an id whose first part is given, and what follows it.
pub(super) fn second_part<'t>(first: &str, text: &'t str) -> Option<(String, &'t str)> {
    let end = text.find(' ').unwrap_or(text.len());
    let whole = format!("{first}{}", &text[..end]);
    let digits = text[..end].starts_with(|c: char| c.is_ascii_digit());
    id(&whole).filter(|(_, rest)| digits && rest.is_empty()).map(|(id, _)| (id, text[end..].trim()))
}

/// The id as it is known: with or without a leading zero.
fn known(prefix: &str, number: &str) -> String {
    let plain = format!("{prefix}-{number}");
    let other = match number.strip_prefix('0') {
        Some(rest) => format!("{prefix}-{rest}"),
        None => format!("{prefix}-0{number}"),
    };
    if !known_ids().is_known(&plain) && known_ids().is_known(&other) { other } else { plain }
}

/// The profile with whose name a row of the summary begins; the name may go on in the next line.
pub(super) fn profile(text: &str) -> Option<Profile> {
    let found = letters(text);
    let whole = PROTOCOL.profiles.iter().copied().find(|profile| {
        let title = wording(profile.title());
        match consume(&title, 0, text) {
            Some((taken, rest)) if taken == title.len() => rest.is_empty() || values::begins_with_result(rest),
            // What stands in the next cell runs into a name that goes on in the next line.
            Some((_, rest)) => !rest.is_empty(),
            None => false,
        }
    });
    whole.or_else(|| {
        let begun = |profile: &Profile| found.len() > 6 && letters(profile.title()).starts_with(&found);
        let mut begun = PROTOCOL.profiles.iter().copied().filter(begun);
        begun.next().filter(|_| begun.next().is_none())
    })
}

/// The KPI with whose name a row begins; the name may go on in the next line.
pub(super) fn kpi(text: &str) -> Option<&'static KpiDefinition> {
    let found = letters(text);
    let all = || [true, false].into_iter().flat_map(|station| PROTOCOL.semantics.kpis(station));
    all().find(|kpi| found.starts_with(&letters(kpi.name))).or_else(|| {
        // Two begin alike; only what tells them apart tells which it is.
        let mut begun = all().filter(|kpi| found.len() > 12 && letters(kpi.name).starts_with(&found));
        begun.next().filter(|_| begun.next().is_none())
    })
}

/// A name without the number of the next cell, which may stand one blank behind it.
pub(super) fn without_number(name: &str) -> &str {
    name.rsplit_once(' ').filter(|(_, last)| is_number(last)).map_or(name, |(name, _)| name)
}

fn is_number(text: &str) -> bool {
    text.replace(',', ".").parse::<f64>().is_ok_and(f64::is_finite)
}

/// True for the beginning of the name of a profile or a KPI.
pub(super) fn begins_name(text: &str) -> bool {
    let found = letters(text);
    let kpis = [true, false].into_iter().flat_map(|station| PROTOCOL.semantics.kpis(station)).map(|kpi| kpi.name);
    !found.is_empty()
        && PROTOCOL
            .profiles
            .iter()
            .map(|profile| profile.title())
            .chain(kpis)
            .any(|name| letters(name).starts_with(&found))
}

/// True when the two halves make a key that neither makes: a row that goes on on the next page.
pub(super) fn is_broken(upper: &str, lower: &str) -> bool {
    let whole = |text: &str| {
        id(text).is_some_and(|(_, rest)| rest.is_empty())
            || PROTOCOL.profiles.iter().any(|profile| letters(profile.title()) == letters(text))
            || kpi(text).is_some_and(|kpi| letters(kpi.name) == letters(text))
    };
    let both = if upper.ends_with(['-', '.']) { format!("{upper}{lower}") } else { format!("{upper} {lower}") };
    whole(&both) && !whole(upper) && !whole(lower)
}

/// Takes as much of a title out of a text as goes on with it at `at`, in letters and digits: how far the title is taken then, and
/// what is left of the text. None when the text does not go on with the title.
pub(super) fn consume<'t>(title: &[char], at: usize, text: &'t str) -> Option<(usize, &'t str)> {
    let mut taken = at;
    let mut end = 0;
    for (index, c) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
        if title.get(taken).is_none_or(|wanted| c.to_lowercase().next() != Some(*wanted)) {
            break;
        }
        taken += 1;
        end = index + c.len_utf8();
    }
    if taken == at {
        return None;
    }
    let rest = &text[end..];
    let bare = rest.trim_matches(['?', '.', ':', ')', '*', ' ', ',']);
    let whole = taken == title.len();
    // A dash alone behind a whole wording is an answer.
    if bare.is_empty() || !whole && !bare.chars().any(char::is_alphanumeric) {
        return Some((taken, ""));
    }
    // Cells that run into each other: `Local Authorization ListNot`.
    let next = rest.trim();
    let is_answer = || {
        ["Yes", "No", "Not", "Pass", "Not Tested"].contains(&next)
            || rest.starts_with(' ')
                && (is_number(next) || next.split(' ').next().is_some_and(values::is_known_measurand))
    };
    let glued = taken - at > 3 && is_answer();
    let behind = rest.trim_start_matches(['?', '.', ')', '*']);
    let divided = whole && (behind.starts_with(' ') || behind.starts_with(':'));
    (divided || glued).then(|| (taken, behind.trim_start_matches(':').trim()))
}

/// A wording as [`consume`] wants it.
pub(super) fn wording(title: &str) -> Vec<char> {
    title.chars().filter(|c| c.is_alphanumeric()).filter_map(|c| c.to_lowercase().next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_known_however_they_are_set() {
        let found = |text: &'static str| id(text).map(|(id, rest)| format!("{id}|{rest}"));
        assert_eq!(found("C-09.1").as_deref(), Some("C-09.1|"));
        assert_eq!(found("C-1 Support for").as_deref(), Some("C-01|Support for"));
        assert_eq!(found("HFS-01 Has").as_deref(), Some("HFS-1|Has"));
        assert_eq!(found("C – 40.2: Sampled").as_deref(), Some("C-40.2|Sampled"));
        assert_eq!(found("C-999").as_deref(), Some("C-999|"));
        assert_eq!(found("C-2024-06"), None);
        assert_eq!(found("C-12.1Support"), None);
        assert_eq!(found("CS-1 x"), None);
        assert_eq!(first_part("AQ- Does your"), Some(("AQ-", "Does your")));
        assert_eq!(second_part("AQ-", "10 Secu"), Some(("AQ-10".into(), "Secu")));
        assert_eq!(second_part("C-", "40.1"), Some(("C-40.1".into(), "")));
        assert_eq!(second_part("C-", "Yes"), None);
    }

    #[test]
    fn titles_are_taken_out_of_what_stands_there() {
        let title = wording("Has a cable, or not?");
        let taken = |at: usize, text: &'static str| consume(&title, at, text);
        assert_eq!(taken(0, "Has a cable, or not? Yes"), Some((14, "Yes")));
        assert_eq!(taken(0, "Has a cable,"), Some((9, "")));
        assert_eq!(taken(9, "or not"), Some((14, "")));
        assert_eq!(taken(9, "Or nothing"), None);
        assert_eq!(taken(0, "Yes"), None);
        assert_eq!(taken(0, "Has a cableNo"), Some((9, "No")));
    }

    #[test]
    fn profiles_and_kpis_may_go_on_in_the_next_line() {
        assert_eq!(profile("Core"), Some(Profile::CORE));
        assert_eq!(profile("Core Pass Basic"), Some(Profile::CORE));
        assert_eq!(profile("Advanced Device"), Some(Profile::ADVANCED_DEVICE_MANAGEMENT));
        assert_eq!(profile("Advanced"), None);
        assert_eq!(profile("Local Authorization ListNot"), Some(Profile::LOCAL_AUTHORIZATION_LIST));
        assert_eq!(profile("Description"), None);
        assert_eq!(kpi("OCPP response time").map(|kpi| kpi.key), Some("response-time"));
        assert_eq!(kpi("Transaction authorization").map(|kpi| kpi.key), None);
        assert_eq!(kpi("Transaction authorization end time by").map(|kpi| kpi.key), Some("stop-authorization"));
    }
}
