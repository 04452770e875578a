use super::*;

fn formatted(text: &str) -> String {
    format(&Source::new("f.yaml", text)).map_or_else(|defects| defects.to_string(), Option::unwrap_or_default)
}

#[test]
fn keys_stand_in_the_order_of_the_language_with_their_comments() {
    let text = "\
# A test case.
steps:
  - as: booted   # its name
    # Which of them.
    match: { reason: PowerUp }
    expect: BootNotification
  # The group.
  - any-order:
      - {with: {a: 1}, run: Booted}
    when: x is defined # where it is known

title:   A title
id: 'TC_X'   # as in Part 6
certification: {}


";
    insta::assert_snapshot!(formatted(text), @r#"
    # A test case.
    id: "TC_X"  # as in Part 6

    title: A title
    certification: {}
    steps:
      - expect: BootNotification
        # Which of them.
        match: { reason: PowerUp }
        as: booted  # its name
      # The group.
      - when: x is defined  # where it is known
        any-order:
          - { run: Booted, with: { a: 1 } }
    "#);
}

#[test]
fn what_is_too_long_for_a_line_becomes_a_block_and_a_list_of_words_goes_on() {
    let word = "abcdefghijklmnopqrstuvwxyz";
    let words = [word; 6].join(", ");
    let text = format!(
        "state: S\npurpose: P\nrequirements: [{words}]\nsteps:\n  - set: {{ one: {word}, two: {word}, three: {{ a: {word}, b: {word} }}, four: \"x, }}\" }}\n  - {{ set: {{ list: [{{ a: {word}{word} }}, {{ b: {word}{word} }}, [c, d]] }} }}\n"
    );
    insta::assert_snapshot!(formatted(&text), @r#"
    state: S
    purpose: P
    requirements: [abcdefghijklmnopqrstuvwxyz, abcdefghijklmnopqrstuvwxyz, abcdefghijklmnopqrstuvwxyz, abcdefghijklmnopqrstuvwxyz,
      abcdefghijklmnopqrstuvwxyz, abcdefghijklmnopqrstuvwxyz]
    steps:
      - set:
          one: abcdefghijklmnopqrstuvwxyz
          two: abcdefghijklmnopqrstuvwxyz
          three: { a: abcdefghijklmnopqrstuvwxyz, b: abcdefghijklmnopqrstuvwxyz }
          four: "x, }"
      - set:
          list:
            - { a: abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz }
            - { b: abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz }
            - [c, d]
    "#);
}

#[test]
fn comments_of_consecutive_lines_stand_below_each_other() {
    let text =
        "state: S\npurpose: P\nparameters:\n  one: 1 # first\n  three: 3      # third\n  none: 0\n  other: 1 # alone\n";
    insta::assert_snapshot!(formatted(text), @r"
    state: S
    purpose: P
    parameters:
      one: 1    # first
      three: 3  # third
      none: 0
      other: 1  # alone
    ");
}

#[test]
fn the_order_of_what_is_the_author_s_own_stays() {
    let text = "state: S\npurpose: P\nparameters: { z: 1, a: 2 }\nsteps:\n  - set: { z: 1, a: 2 }\n  - send: Reset\n    payload: { type: Immediate, evseId: 1 }\n";
    assert_eq!(formatted(text), text);
}

#[test]
fn what_is_none_of_our_files_has_no_form() {
    assert_eq!(format(&Source::new("f.yaml", "a: 1\n")), Ok(None));
    let deep = format!("state: {}{}\npurpose: x\n", "[".repeat(40), "]".repeat(40));
    insta::assert_snapshot!(formatted(&deep), @r"
    f.yaml:1:39: this is nested more than 32 deep
        → write it flatter
    ");
}

/// Every file of the repository that has one form.
fn files() -> Vec<Source> {
    fn walk(folder: &std::path::Path, found: &mut Vec<Source>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "yaml") {
                found.push(Source::read(&path).unwrap());
            }
        }
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for folder in ["testcases", "pics", "examples", "fixtures"] {
        walk(&root.join(folder), &mut found);
    }
    found
}

#[test]
fn the_form_of_every_file_means_the_same_and_is_its_own_form() {
    let mut count = 0;
    for source in files() {
        let Some(text) = format(&source).unwrap_or_else(|defects| panic!("{defects}")) else { continue };
        count += 1;
        // A file that is its own form already means what it meant.
        if text == *source.text {
            continue;
        }
        let form = Source::new(source.name.clone(), text);
        assert_eq!(form.parse().unwrap().to_json(), source.parse().unwrap().to_json(), "{}", source.name);
        assert_eq!(format(&form), Ok(Some(form.text.to_string())), "{}", source.name);
        let comments = |text: &str| {
            let mut lines: Vec<String> =
                text.lines().filter_map(|line| Some(line.split_once(" # ")?.1.to_owned())).collect();
            lines.sort();
            lines
        };
        assert_eq!(comments(&form.text), comments(&source.text), "{}", source.name);
    }
    assert!(count > 700, "{count}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_and_what_it_forms_stays(
        text in "(id: x\n|state: S\npurpose: P\n|steps:\n|  - |  |expect: A|run: B|match: |\\{|\\}|\\[|\\]|, |a: |'|\"|# c\n|\n|\\| |> |é|&a |\\*a|!t |\\? |- ){0,30}"
    ) {
        let source = Source::new("f.yaml", format!("state: S\npurpose: P\n{text}\n"));
        if let Ok(Some(form)) = format(&source) {
            let again = Source::new("f.yaml", form.as_str());
            proptest::prop_assert_eq!(again.parse().unwrap().to_json(), source.parse().unwrap().to_json());
            proptest::prop_assert_eq!(format(&again), Ok(Some(form)));
        }
    }
}
