//! Whatever is changed in a package is told and refused.

use std::collections::BTreeMap;

use ocpp_attest::{
    evidence::check::{self, Checked, Outcome, Trust},
    record::{
        chain::{self, Chain, sha256},
        seal,
    },
};
use serde_json::Value;

use crate::evidence::{MADE, Members, members, written};

fn checked(members: Members) -> Checked {
    check::check(&written(members), &Trust::default()).unwrap()
}

/// What differs, a line each.
fn differences(checked: &Checked) -> String {
    let differ = checked.lines.iter().filter(|line| line.outcome == Outcome::Differs);
    differ.map(|line| line.text.clone() + "\n").collect()
}

/// Changes a run in a package, and then seal and manifest, as somebody would who knows how they are made and has no key.
fn forged(change: impl FnOnce(&mut Members)) -> String {
    let mut all = members(&MADE.package);
    change(&mut all);
    let own = |all: &Members| -> Members {
        all.iter()
            .filter_map(|(path, content)| Some((path.strip_prefix("runs/1/")?.to_owned(), content.clone())))
            .collect()
    };
    let hashes: BTreeMap<String, String> = own(&all)
        .into_iter()
        .filter(|(path, _)| seal::is_evidence(path))
        .map(|(path, content)| (path, sha256(&content)))
        .collect();
    let list = seal::list(hashes.iter().map(|(path, hash)| (path.as_str(), hash.as_str())));
    all.insert("runs/1/seal.sha256".into(), list.clone().into_bytes());
    let mut manifest: Value = serde_json::from_slice(&all["manifest.json"]).unwrap();
    manifest["runs"][0]["seal"] = sha256(list.as_bytes()).into();
    manifest["members"] = own(&all)
        .iter()
        .map(|(path, content)| {
            (format!("runs/1/{path}"), serde_json::json!({ "sha256": sha256(content), "size": content.len() }))
        })
        .collect::<serde_json::Map<_, _>>()
        .into();
    all.insert("manifest.json".into(), serde_json::to_vec(&manifest).unwrap());
    differences(&checked(all))
}

/// The lines of a member, changed; with `chained` the hash chain is made again.
fn lines(all: &mut Members, path: &str, chained: bool, change: impl FnOnce(&mut Vec<String>)) {
    let member = all.get_mut(&format!("runs/1/{path}")).unwrap();
    let mut lines: Vec<String> = std::str::from_utf8(member).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    let (mut chain, mut out) = (Chain::begin(path), Vec::new());
    for line in lines {
        if chained {
            chain.add(&chain::split(line.as_bytes()).0, &mut out);
        } else {
            out.extend(line.into_bytes());
            out.push(b'\n');
        }
    }
    *member = out;
}

fn frame_at(lines: &[String]) -> usize {
    lines.iter().position(|line| line.contains(r#""event":"frame""#)).unwrap()
}

#[test]
fn one_changed_byte_in_any_member_is_told_and_refused() {
    let all = members(&MADE.package);
    assert!(all.len() > 20);
    let flip = |members: &mut Members, path: &str| {
        let content = members.get_mut(path).unwrap();
        let middle = content.len() / 2;
        content[middle] ^= 1;
    };
    let told = |path: &str| format!("{path} was changed: it does not have the hash of the manifest\n");
    let paths: Vec<&String> = all.keys().filter(|path| *path != "manifest.json").collect();
    let mut changed = all.clone();
    for path in &paths {
        flip(&mut changed, path);
    }
    let every = differences(&checked(changed));
    for path in paths {
        assert!(every.contains(&told(path)), "{path}: {every}");
    }
    for path in ["runs/1/abstract.md", "runs/1/inputs/TC_B_06_CS.jsonl", "runs/1/trace.jsonl"] {
        let mut changed = all.clone();
        flip(&mut changed, path);
        assert!(differences(&checked(changed)).starts_with(&told(path)), "{path}");
    }
    let mut without = all.clone();
    without.remove("runs/1/pics.yaml");
    assert!(differences(&checked(without)).contains("runs/1/pics.yaml is in the manifest, but not in the package"));
    let mut more = all.clone();
    more.insert("runs/1/more.txt".into(), b"more".to_vec());
    assert!(differences(&checked(more)).contains("runs/1/more.txt is in the package, but not in its manifest"));
}

#[test]
fn a_message_that_is_removed_inserted_or_changed_is_told() {
    for (path, marks) in [("trace.jsonl", r#""event":"frame""#), ("inputs/TC_B_06_CS.jsonl", r#"{"told""#)] {
        let at = |lines: &[String]| lines.iter().position(|line| line.contains(marks)).unwrap();
        let removed = forged(|all| lines(all, path, false, |lines| drop(lines.remove(at(lines)))));
        assert!(removed.starts_with(&format!("{path}: the hash chain breaks at line ")), "{removed}");
        let inserted = forged(|all| lines(all, path, false, |lines| lines.insert(at(lines), lines[at(lines)].clone())));
        assert!(inserted.starts_with(&format!("{path}: the hash chain breaks at line ")), "{inserted}");
        let changed = forged(|all| {
            lines(all, path, false, |lines| {
                let at = at(lines);
                lines[at] = lines[at].replacen('1', "2", 1);
            });
        });
        assert!(changed.starts_with(&format!("{path}: the hash chain breaks at line ")), "{changed}");
    }
}

/// Who makes hash chain, seal and manifest again is found out by judging again.
#[test]
fn whatever_is_forged_the_recordings_tell() {
    let removed = forged(|all| lines(all, "trace.jsonl", true, |lines| drop(lines.remove(frame_at(lines)))));
    assert!(removed.contains("the trace has") && removed.contains("or their times differ"), "{removed}");
    let recorded = forged(|all| {
        lines(all, "inputs/TC_B_06_CS.jsonl", true, |lines| {
            let at = lines.iter().rposition(|line| line.contains(r#"attributeStatus\":\"Accepted"#)).unwrap();
            lines[at] = lines[at].replacen(r#"attributeStatus\":\"Accepted"#, r#"attributeStatus\":\"Rejected"#, 1);
        });
    });
    assert!(
        recorded.contains("TC_B_06_CS: judged again it comes to pass, too, but in another way than recorded"),
        "{recorded}"
    );
    // Reports show the trace.
    let text = forged(|all| {
        lines(all, "trace.jsonl", true, |lines| {
            let at = lines.iter().rposition(|line| line.contains(r#"attributeStatus\":\"Accepted"#)).unwrap();
            lines[at] = lines[at].replacen(r#"attributeStatus\":\"Accepted"#, r#"attributeStatus\":\"Rejected"#, 1);
        });
    });
    assert!(text.contains("_CS: the message of the product at "), "{text}");
    assert!(text.contains(" is another one in the trace than in the recording"), "{text}");
    let date = forged(|all| {
        lines(all, "trace.jsonl", true, |lines| {
            let at = frame_at(lines);
            let year = lines[at].find(r#""wall":"20"#).unwrap() + r#""wall":"2"#.len();
            lines[at].replace_range(year..=year, "1");
        });
    });
    assert!(date.contains(" has another date in the trace than in the recording"), "{date}");
    let verdict = forged(|all| {
        for file in ["results.json", "results.jsonl"] {
            let member = all.get_mut(&format!("runs/1/{file}")).unwrap();
            let text = String::from_utf8(member.clone()).unwrap();
            *member = text
                .replacen(r#""verdict": "pass""#, r#""verdict": "fail""#, 2)
                .replacen(r#""verdict":"pass""#, r#""verdict":"fail""#, 1)
                .into_bytes();
        }
    });
    assert!(verdict.contains("results.json says fail, the recording says pass"), "{verdict}");
    let kpi = forged(|all| {
        let mut results: Value = serde_json::from_slice(&all["runs/1/results.json"]).unwrap();
        let kpi = results["kpis"].as_array_mut().unwrap().iter_mut().find(|kpi| kpi["max-s"].is_number()).unwrap();
        kpi["max-s"] = 0.0001.into();
        all.insert("runs/1/results.json".into(), serde_json::to_vec(&results).unwrap());
    });
    assert!(kpi.contains("results.json has what does not follow from verdicts and trace: the KPIs"), "{kpi}");
    let words = forged(|all| {
        let text = String::from_utf8(all["runs/1/abstract.md"].clone()).unwrap();
        all.insert("runs/1/abstract.md".into(), text.replace("Failed: 0", "Failed: 1").into_bytes());
    });
    assert_eq!(words, "abstract.md does not say what the results say: made again it is another file\n");
    let case = forged(|all| {
        let path = all.keys().find(|path| path.ends_with("TC_B_06_CS.yaml")).unwrap().clone();
        let text = String::from_utf8(all[&path].clone()).unwrap();
        all.insert(path, (text + "# laxer\n").into_bytes());
    });
    // A comment changes no verdict; the seal on the abstract is another then.
    assert!(!case.contains("judged again") && case.starts_with("abstract.html does not say"), "{case}");
}

/// A member would be judged as one run's alone.
#[test]
fn a_run_within_the_folder_of_another_is_refused() {
    for folder in ["runs/1", "runs/1/inputs", "runs"] {
        let mut all = members(&MADE.package);
        let mut manifest: Value = serde_json::from_slice(&all["manifest.json"]).unwrap();
        let runs = manifest["runs"].as_array_mut().unwrap();
        let mut further = runs[0].clone();
        further["folder"] = folder.into();
        runs.push(further);
        all.insert("manifest.json".into(), serde_json::to_vec(&manifest).unwrap());
        let told = differences(&checked(all));
        assert!(told.contains("the manifest names no run, or two in one folder"), "{folder}: {told}");
    }
}
