//! The modules of the library know each other in one direction only.
//!
//! The top-level modules of `src/` and the paths `crate::…` in them are a graph. It has no cycle: a module can be read, tested and
//! moved without what stands on it. Tests are left out, for they may look at everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Which module names which other, and the files in which it does.
type Graph = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && stem != "tests" {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && stem != "tests"
            && !stem.ends_with("_tests")
        {
            found.push(path);
        }
    }
}

/// Code without comments, and without what stands between quotes.
fn bare(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(letter) = rest.chars().next() {
        let skipped = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("r\"") || rest.starts_with("r#") && !out.ends_with(|c: char| c.is_alphanumeric()) {
            let hashes = rest[1..].chars().take_while(|c| *c == '#').count();
            let end = format!("\"{}", "#".repeat(hashes));
            let from = hashes + 2;
            rest.get(from..).and_then(|inside| inside.find(&end)).map_or(1, |at| from + at + end.len())
        } else if letter == '"' {
            let mut escaped = false;
            let end = rest[1..].find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.map_or(rest.len(), |end| end + 2)
        } else if ["'\"'", "'{'", "'}'", "'\\''", "'/'"].iter().any(|quoted| rest.starts_with(quoted)) {
            rest[1..].find('\'').map_or(1, |end| end + 2).max(3)
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        };
        out.push(' ');
        rest = &rest[skipped..];
    }
    out
}

/// Where the brackets that begin the text are closed again.
fn closing(text: &str) -> usize {
    let mut depth = 0_i32;
    for (at, letter) in text.char_indices() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == '}' && depth == 0 {
            return at;
        }
    }
    text.len()
}

/// Code without its `#[cfg(test)]` (and `#[cfg(all(test, …))]`) items.
fn without_tests(code: &str) -> String {
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = ["#[cfg(test)]", "#[cfg(all(test"].iter().filter_map(|mark| rest.find(mark)).min() {
        out.push_str(&rest[..at]);
        let item = &rest[at..];
        let (block, semicolon) = (item.find('{').unwrap_or(item.len()), item.find(';').unwrap_or(item.len()));
        rest = if semicolon < block {
            &item[semicolon + 1..]
        } else {
            item.get(block + closing(&item[block..]) + 1..).unwrap_or_default()
        };
    }
    out + rest
}

fn word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

/// The modules that paths from the root of the crate begin with.
fn named(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        // `$crate::` is the same root, `other_crate::` is none.
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_') {
            continue;
        }
        let path = &code[at + "crate::".len()..];
        let Some(list) = path.strip_prefix('{') else {
            names.insert(word(path));
            continue;
        };
        let list = &list[..closing(path) - 1];
        let mut depth = 0;
        let mut from = 0;
        for (at, letter) in list.char_indices() {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 0 => {
                    names.insert(word(&list[from..at]));
                    from = at + 1;
                }
                _ => {}
            }
        }
        names.insert(word(&list[from..]));
    }
    names.retain(|name| !name.is_empty());
    names
}

fn graph() -> Graph {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut read: Vec<(String, String, BTreeSet<String>)> = Vec::new();
    for path in files {
        let file = path.strip_prefix(&src).unwrap().to_string_lossy().replace('\\', "/");
        let module = file.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        if !["lib", "main"].contains(&module.as_str()) {
            read.push((module, file, named(&without_tests(&bare(&fs::read_to_string(&path).unwrap())))));
        }
    }
    let modules: BTreeSet<String> = read.iter().map(|(module, ..)| module.clone()).collect();
    let mut graph = Graph::new();
    for (module, file, names) in read {
        let known = graph.entry(module.clone()).or_default();
        for name in names.into_iter().filter(|name| *name != module && modules.contains(name)) {
            known.entry(name).or_default().insert(file.clone());
        }
    }
    graph
}

/// The modules that can be reached from one.
fn reached<'g>(graph: &'g Graph, from: &str) -> BTreeSet<&'g str> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![from];
    while let Some(module) = waiting.pop() {
        for next in graph.get(module).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(next.as_str()) {
                waiting.push(next);
            }
        }
    }
    reached
}

/// The edges that are part of a cycle, with the files that make them.
fn cyclic(graph: &Graph) -> Vec<String> {
    let mut edges = Vec::new();
    for (from, all) in graph {
        for (to, files) in all {
            if reached(graph, to).contains(from.as_str()) {
                let files: Vec<&str> = files.iter().map(String::as_str).collect();
                edges.push(format!("{from} -> {to}: {}", files.join(", ")));
            }
        }
    }
    edges
}

#[test]
fn no_module_stands_on_one_that_stands_on_it() {
    let graph = graph();
    assert!(graph.len() > 20 && graph["engine"].contains_key("testcase"), "the sources were read: {graph:#?}");
    let cyclic = cyclic(&graph);
    assert!(
        cyclic.is_empty(),
        "these uses of one module by another close a cycle (tests are left out). Move what both need into a module below \
         them:\n{}",
        cyclic.join("\n")
    );
}

#[test]
fn a_cycle_is_found_with_its_files_and_tests_are_left_out() {
    let edge = |files: &[&str]| files.iter().map(|file| (*file).to_owned()).collect::<BTreeSet<_>>();
    let known = |edges: &[(&str, &[&str])]| {
        edges.iter().map(|(to, files)| ((*to).to_owned(), edge(files))).collect::<BTreeMap<_, _>>()
    };
    let graph: Graph = [
        ("a".to_owned(), known(&[("b", &["a/one.rs", "a/two.rs"]), ("d", &["a/one.rs"])])),
        ("b".to_owned(), known(&[("c", &["b.rs"])])),
        ("c".to_owned(), known(&[("a", &["c.rs"])])),
        ("d".to_owned(), known(&[])),
    ]
    .into();
    assert_eq!(cyclic(&graph), ["a -> b: a/one.rs, a/two.rs", "b -> c: b.rs", "c -> a: c.rs"]);

    let code = "
        use crate::{clock::Clock, link::{self, tls}, yaml};
        // crate::comment
        /// [`crate::documented`]
        fn f() -> crate::verdict::Verdict { \"crate::text {\"; r#\"crate::raw \"{\"#; '{'; '\"'; other_crate::x() }
        #[cfg(test)]
        use crate::tested;
        #[cfg(test)]
        mod tests { use crate::engine; fn g() { crate::runner::run() } }
        pub use crate::selection::PlanEntry;
    ";
    let names: Vec<String> = named(&without_tests(&bare(code))).into_iter().collect();
    assert_eq!(names, ["clock", "link", "selection", "verdict", "yaml"]);
}
