//! One folder of `harness/tests/check` per way to get it wrong: `findings` has the file, line and rule of
//! each finding, and the mended manifest has none. `arguments` are those of the command.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod support;

use std::fs;
use std::path::PathBuf;

use rstest::rstest;
use support::{found, input};

#[rstest]
fn each_way_is_found_at_its_line_and_mended(
    #[files("../tests/check/*/findings")] findings: PathBuf,
) {
    let folder = findings.parent().unwrap();
    let check = |file: &str| {
        let (check, manifests) = input(folder, file);
        check.run(&manifests)
    };
    let expected = fs::read_to_string(&findings).unwrap();
    let file = expected.split(':').next().unwrap();
    let checked = check(file);
    assert_eq!(found(&checked), expected);
    // Neither the findings nor what came of each pull may show a password.
    assert!(!format!("{checked:?}").contains("c4n4ry"));
    let mended = check(&file.replace("manifests", "mended"));
    assert_eq!(found(&mended), "");
    assert!(mended.authenticated() + usize::from(folder.ends_with("public-host")) > 0);
}
