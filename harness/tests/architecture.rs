//! Data flows one way through the folders of `src`: what is below knows nothing of what is above.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// The rooms that docs/architecture.md describes, from the lowest to the highest.
const ROOMS: [&str; 17] = [
    "redaction",
    "versions",
    "case",
    "error",
    "settings",
    "image",
    "registry",
    "cluster",
    "evidence",
    "probe",
    "explain",
    "capture",
    "expectation",
    "outcome",
    "run",
    "check",
    "report",
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

/// The modules of the crate that a text names, tests left out.
fn named(text: &str) -> BTreeSet<String> {
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    let word = |text: &str| -> String {
        text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect()
    };
    let mut named = BTreeSet::new();
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        let Some(list) = rest.strip_prefix('{') else {
            named.insert(word(rest));
            continue;
        };
        let mut depth = 0_i32;
        let mut begins = true;
        for (at, c) in list.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => begins = true,
                c if begins && c.is_ascii_alphabetic() => {
                    named.insert(word(&list[at..]));
                    begins = false;
                }
                _ => {}
            }
        }
    }
    named
}

#[test]
fn no_room_knows_one_above_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let rank = |room: &str| ROOMS.iter().position(|known| *known == room);
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut upwards = Vec::new();
    for file in &files {
        let path = file.strip_prefix(&root).unwrap();
        // Helpers of tests may know anything.
        if path.ends_with("sample.rs") || path.ends_with("tests.rs") {
            continue;
        }
        let first = path.iter().next().unwrap().to_str().unwrap().trim_end_matches(".rs");
        let Some(own) = rank(first) else { continue };
        *known.entry(ROOMS[own]).or_default() += 1;
        for other in named(&fs::read_to_string(file).unwrap()) {
            if rank(&other).is_some_and(|other| other > own) || other == "cli" {
                upwards.push(format!("{} knows {other}", path.display()));
            }
        }
    }
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
    assert_eq!(known.len(), ROOMS.len(), "a room is gone: {known:?}");
}

#[test]
fn names_are_found_in_every_form_of_an_import() {
    let text = "use crate::{\n    case::{A, model::B},\n    run,\n};\nuse crate::image::C;\nfn f() { crate::report::g() }\n\
                #[cfg(test)]\nmod tests { use crate::cli; }";
    let expected = ["case", "image", "report", "run"].map(str::to_owned);
    assert_eq!(named(text), BTreeSet::from(expected));
}
