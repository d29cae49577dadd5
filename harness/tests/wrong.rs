//! Deliberately wrong cases: each must fail, before its time is over, and name what is wrong with it.
//! Needs a cluster.

mod support;

use std::{collections::BTreeMap, fs};

use serde_json::Value;
use support::{pullproof, run};

/// What each case of `tests/wrong` is told: what the mismatch is about, and parts of what was expected
/// and of what was seen.
const VERDICTS: [(&str, &str, &str, &str); 20] = [
    ("absent-request", "registry, tokens janedoe", "200", "basic janedoe 200"),
    ("ephemeral-container-waits", "phase", "Running", "debugger is Pending, ErrImagePull"),
    ("events-of-the-pod-before", "events", "no basic auth credentials", "Pulling"),
    ("fault-never-met", "registry, anonymous", "503", "no request"),
    ("forbidden-event", "events", "no Pulling", "Pulling image"),
    ("no-such-container", "container", "nosuch", "only app"),
    ("no-such-pod", "pod", "ap", "only app"),
    ("preloaded-image", "registry, anonymous", "401", "no request"),
    ("private-called-public", "control pull", "is public", "registry answers 401"),
    (
        "public-image",
        "control pull",
        "a registry of the case that authenticates",
        "`privacyCheck: public`",
    ),
    ("public-under-the-same-name", "control pull", "that authenticates", "jdoe-private:v1"),
    ("refused-manifest", "applying Pod app", "the API server accepts it", "422 Invalid"),
    ("state-of-the-pod-before", "pod", "app", "no pod"),
    ("wrong-cause", "message", "x509", "no basic auth credentials"),
    ("wrong-count", "registry, requests", "0 × janedoe manifest", "→ 200"),
    ("wrong-event-text", "events", "x509", "no basic auth credentials"),
    ("wrong-order", "registry order", "janedoe, then mallory", "mallory, then janedoe"),
    ("wrong-phase", "phase", "Running", "ErrImagePull"),
    ("wrong-status", "registry, authenticated janedoe", "401", "basic janedoe 200"),
    ("wrong-user", "registry, authenticated", "bob", "janedoe: anonymous 401"),
];

/// A case that nothing but the end of its time could decide takes a minute.
const WHOLE_TIME: f64 = 60.0;

#[test]
fn wrong_cases_fail_and_name_the_true_cause() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report.json");
    let cases = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/wrong");
    let mut command = pullproof(&["run", cases, "--json", &report.to_string_lossy()]);
    let ran = run(command.env("PULLPROOF_EVIDENCE", dir.path().join("evidence"))).with_status(1);

    let report: Value = serde_json::from_slice(&fs::read(&report).unwrap()).unwrap();
    let outcomes = report["rounds"][0]["outcomes"].as_array().unwrap();
    let by_name: BTreeMap<&str, &Value> = outcomes
        .iter()
        .map(|one| (one["name"].as_str().unwrap().trim_start_matches("wrong/"), one))
        .collect();
    let names: Vec<&str> = by_name.keys().copied().collect();
    assert_eq!(names, VERDICTS.map(|(name, ..)| name), "{}", ran.stdout);
    let mut wrong = Vec::new();
    for (name, of, expected, seen) in VERDICTS {
        let outcome = by_name[name];
        let mismatch = &outcome["result"]["mismatch"];
        let holds =
            |key: &str, part: &str| mismatch[key].as_str().is_some_and(|text| text.contains(part));
        let named = mismatch["of"] == of && holds("expected", expected) && holds("seen", seen);
        let soon = outcome["took"].as_f64().is_some_and(|took| took < WHOLE_TIME);
        if outcome["result"]["result"] != "failed" || !named || !soon {
            wrong.push(format!("{name}: {} after {} s", outcome["result"], outcome["took"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
