//! Which of the applicable test cases are to be run: by id or glob, by certification profile, by functional block, and
//! a shard of them.

use std::str::FromStr;

use globset::{GlobBuilder, GlobMatcher};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    pics::Profile,
    selection::PlanEntry,
    yaml::{nearest, shorten},
};

/// One pattern on test cases: `TC_B_*_CS`, `profile:core`, `block:B` or `B`.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Id(GlobMatcher),
    Profile(Profile),
    Block(String),
}

/// Why words choose no test case.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct ChoiceError {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub help: String,
}

fn wrong(what: String, help: impl Into<String>) -> ChoiceError {
    ChoiceError { what, help: help.into() }
}

impl Pattern {
    /// Reads one pattern.
    pub fn parse(text: &str) -> Result<Self, ChoiceError> {
        let shown = shorten(text, 60);
        let kind = if let Some(id) = text.strip_prefix("profile:") {
            let profile = Profile::ALL.into_iter().find(|profile| profile.id() == id).ok_or_else(|| {
                let ids = Profile::ALL.map(Profile::id);
                let help = nearest(id, ids)
                    .map_or_else(|| format!("known: {}", ids.join(", ")), |near| format!("did you mean `{near}`?"));
                wrong(format!("unknown certification profile `{shown}`"), help)
            })?;
            Kind::Profile(profile)
        } else {
            // A letter alone is a block, too.
            let letter = |text: &&str| text.len() == 1 && text.starts_with(|letter: char| letter.is_ascii_alphabetic());
            match text.strip_prefix("block:").or(Some(text).filter(letter)) {
                Some(block)
                    if !block.is_empty()
                        && block.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-') =>
                {
                    Kind::Block(block.to_owned())
                }
                Some(_) => {
                    return Err(wrong(
                        format!("unknown functional block `{shown}`"),
                        "a block is a letter or a word, such as `block:B`",
                    ));
                }
                None => Kind::Id(
                    GlobBuilder::new(text)
                        .build()
                        .map_err(|error| {
                            wrong(error.to_string(), "write a pattern such as `TC_B_*_CS`, `profile:core` or `block:B`")
                        })?
                        .compile_matcher(),
                ),
            }
        };
        Ok(Self { text: text.to_owned(), kind })
    }

    /// True where the test case is meant.
    pub fn is_match(&self, entry: &PlanEntry) -> bool {
        match &self.kind {
            Kind::Id(glob) => glob.is_match(&entry.id),
            Kind::Profile(profile) => entry.profiles.iter().any(|id| id == profile.id()),
            Kind::Block(block) => entry.block.eq_ignore_ascii_case(block),
        }
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Refuses a pattern that means no test case of this plan, and names what there is.
    pub fn known(&self, plan: &[PlanEntry]) -> Result<(), ChoiceError> {
        // A profile outside this certification has no test cases in the plan.
        if plan.iter().any(|entry| self.is_match(entry)) {
            return Ok(());
        }
        let help = match &self.kind {
            Kind::Id(_) => {
                // Whoever leaves out the side means the test case of that name.
                let bare = |id: &'_ str| id.rsplit_once('_').map_or(String::new(), |(bare, _)| bare.to_owned());
                let exact = plan.iter().map(|entry| entry.id.as_str()).find(|id| bare(id) == self.text);
                let near = nearest(&self.text, plan.iter().map(|entry| entry.id.as_str()));
                exact.or(near).map_or_else(
                    || {
                        let (first, last) = (plan.first(), plan.last());
                        let id = |entry: Option<&PlanEntry>| entry.map_or(String::new(), |entry| entry.id.clone());
                        format!("the test cases of this side are {} to {}", id(first), id(last))
                    },
                    |near| format!("did you mean `{near}`?"),
                )
            }
            Kind::Profile(_) => {
                let mut ids: Vec<&str> = plan.iter().flat_map(|entry| &entry.profiles).map(String::as_str).collect();
                ids.sort_unstable();
                ids.dedup();
                format!("this certification has {}", ids.join(", "))
            }
            Kind::Block(_) => {
                let mut blocks: Vec<String> = plan.iter().map(|entry| entry.block.clone()).collect();
                blocks.dedup();
                blocks.sort_unstable();
                blocks.dedup();
                format!("the blocks of this side are {}", blocks.join(", "))
            }
        };
        Err(wrong(format!("`{}` matches no test case", shorten(&self.text, 60)), help))
    }
}

/// One of so many shards: the test cases are divided by a digest of their ids alone, so that one more test case moves
/// no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    /// Which, from 1.
    pub number: u32,
    /// Of how many.
    pub of: u32,
}

impl Shard {
    /// True where the test case falls into this shard.
    pub fn holds(self, id: &str) -> bool {
        let digest = Sha256::digest(id);
        let value = digest.iter().take(8).fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        value % u64::from(self.of) == u64::from(self.number - 1)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
        match parts {
            Some((number, of)) if (1..=of).contains(&number) && of <= 1000 => Ok(Self { number, of }),
            _ => Err("write a shard such as 2/4, the second of four, with at most 1000 shards".into()),
        }
    }
}

impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// Which of the applicable test cases are to be run, as it was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Choice {
    /// Only these; none: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub test: Vec<String>,
    /// Not these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub skip: Vec<String>,
    /// Of what is left, this shard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub shard: Option<Shard>,
}

impl Choice {
    /// A choice from arguments, each a pattern or several with commas between.
    pub fn new(test: &[String], skip: &[String], shard: Option<Shard>) -> Self {
        let words = |arguments: &[String]| arguments.iter().flat_map(|argument| split(argument)).collect();
        Self { test: words(test), skip: words(skip), shard }
    }

    /// True where nothing was asked for.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }

    /// The chosen test cases of a plan, in its order. Only a shard may be empty.
    pub fn of<'p>(&self, plan: &'p [PlanEntry]) -> Result<Vec<&'p PlanEntry>, ChoiceError> {
        let patterns = |words: &[String]| -> Result<Vec<Pattern>, ChoiceError> {
            words
                .iter()
                .map(|word| {
                    let pattern = Pattern::parse(word)?;
                    pattern.known(plan).map(|()| pattern)
                })
                .collect()
        };
        let (test, skip) = (patterns(&self.test)?, patterns(&self.skip)?);
        let any = |patterns: &[Pattern], entry: &PlanEntry| patterns.iter().any(|pattern| pattern.is_match(entry));
        let meant = |entry: &&PlanEntry| (test.is_empty() || any(&test, entry)) && !any(&skip, entry);
        let chosen: Vec<&PlanEntry> = plan.iter().filter(meant).filter(|entry| entry.applicable).collect();
        if chosen.is_empty() {
            let left_out = plan.iter().find(meant);
            let why = left_out.map(|entry| format!(" ({}: {})", entry.id, entry.reason)).unwrap_or_default();
            let help = "`ocpp-attest list --pics FILE --all` shows which apply, and why the others do not";
            return Err(wrong(format!("none of the selected test cases applies to this product{why}"), help));
        }
        Ok(chosen.into_iter().filter(|entry| self.shard.is_none_or(|shard| shard.holds(&entry.id))).collect())
    }

    /// The test cases of a plan that were asked for by their ids and don't apply, with the reason: nobody should take them for tested.
    pub fn left_out<'p>(&self, plan: &'p [PlanEntry]) -> Vec<&'p PlanEntry> {
        plan.iter().filter(|entry| !entry.applicable && self.test.contains(&entry.id)).collect()
    }
}

/// Words between commas, but for commas within braces (`TC_{A,B}_*`).
pub fn split(argument: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut depth = 0_usize;
    for c in argument.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        match words.last_mut() {
            Some(word) if c != ',' || depth > 0 => word.push(c),
            _ => words.push(String::new()),
        }
    }
    words.iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{pics::reader, selection, testcase::catalogue::Catalogue};

    fn plan() -> Vec<PlanEntry> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("pics/cp-flex-plus-eu.yaml");
        selection::plan(&reader::read(&path).unwrap(), &Catalogue::embedded(crate::protocol::Version::V2_0_1).unwrap())
    }

    fn chosen(plan: &[PlanEntry], test: &str, skip: &str) -> Vec<String> {
        let choice = Choice::new(&[test.to_owned()], &[skip.to_owned()], None);
        choice.of(plan).unwrap_or_else(|error| panic!("{error}")).iter().map(|entry| entry.id.clone()).collect()
    }

    #[test]
    fn ids_globs_profiles_and_blocks_choose_and_leave_out() {
        let plan = plan();
        let all = chosen(&plan, "", "");
        assert_eq!(all.len(), 163);
        assert_eq!(chosen(&plan, "TC_B_01_CS, TC_B_02_CS", ""), ["TC_B_01_CS", "TC_B_02_CS"]);
        let of_block = |block: &str| all.iter().filter(|id| id.starts_with(&format!("TC_{block}_"))).cloned().collect();
        let blocks: [Vec<String>; 2] = [of_block("B"), of_block("C")];
        assert_eq!(chosen(&plan, "B", ""), blocks[0]);
        assert_eq!(chosen(&plan, "block:B,c", ""), blocks.concat());
        assert_eq!(chosen(&plan, "TC_{B,C}_*", ""), blocks.concat());
        assert_eq!(chosen(&plan, "TC_B_*", "TC_B_0*"), chosen(&plan, "TC_B_[1-9]*", ""));
        let some = chosen(&plan, "profile:advanced-security", "");
        assert!(!some.is_empty() && some.len() < all.len() / 4);
        assert_eq!(chosen(&plan, "", "profile:advanced-security").len(), all.len() - some.len());
    }

    #[test]
    fn what_matches_nothing_is_told_with_what_exists() {
        let plan = plan();
        let told = |test: &str| {
            let error = Choice::new(&[test.to_owned()], &[], None).of(&plan).unwrap_err();
            format!("{error}\n  {}", error.help)
        };
        let all: Vec<String> =
            ["TC_B_01_C", "X_*", "profile:reservation", "profile:cor", "Q", "block:BB", "TC_[", "TC_H_01_CS"]
                .map(told)
                .into();
        insta::assert_snapshot!(all.join("\n"));
        assert!(told("TC_B_09").ends_with("did you mean `TC_B_09_CS`?"), "{}", told("TC_B_09"));
    }

    #[test]
    fn what_is_asked_for_by_its_id_and_does_not_apply_is_known() {
        let plan = plan();
        let choice = Choice::new(&["TC_B_01_CS,TC_H_01_CS".to_owned(), "TC_H_0*".to_owned()], &[], None);
        let left_out: Vec<&str> = choice.left_out(&plan).into_iter().map(|entry| entry.id.as_str()).collect();
        assert_eq!(left_out, ["TC_H_01_CS"]);
    }

    #[test]
    fn shards_divide_the_test_cases_and_stay_when_one_is_added() {
        let plan = plan();
        let ids = chosen(&plan, "", "");
        let shards: Vec<Shard> = (1..=4).map(|number| Shard { number, of: 4 }).collect();
        for id in &ids {
            assert_eq!(shards.iter().filter(|shard| shard.holds(id)).count(), 1, "{id}");
        }
        for shard in &shards {
            let of_it = Choice { shard: Some(*shard), ..Choice::default() }.of(&plan).unwrap().len();
            assert!((20..70).contains(&of_it), "{shard} holds {of_it}");
        }
        // The assignment is a contract: the shards of a nightly run keep their test cases.
        assert!(Shard { number: 4, of: 4 }.holds("TC_B_01_CS"));
        for wrong in ["0/4", "5/4", "1", "1/0", "a/b", "1/1001", "-1/4"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
        assert_eq!("2/4".parse(), Ok(Shard { number: 2, of: 4 }));
    }
}
