//! The crate against the keyrings of Kubernetes 1.34 and 1.37: as recorded, and as built here.

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::Command;

use flate2::read::GzDecoder;
use support::kubelet::{Comparison, compare};
use support::wire::{Input, Output};

/// Made by `scripts/keyring-differential 4000 --seed 1 --record FILE`.
const RECORDED: &[u8] = include_bytes!("data/recorded.jsonl.gz");

#[test]
fn recorded_answers_are_this_crates() {
    let mut comparisons: BTreeMap<String, Comparison> = BTreeMap::new();
    for line in BufReader::new(GzDecoder::new(RECORDED)).lines() {
        let (input, outputs): (Input, BTreeMap<String, Output>) =
            serde_json::from_str(&line.unwrap()).unwrap();
        for (version, output) in outputs {
            let new = || Comparison::new(version.parse().unwrap());
            comparisons.entry(version.clone()).or_insert_with(new).add(&input, &output);
        }
    }
    assert_eq!(comparisons.len(), 2);
    for (version, comparison) in comparisons {
        assert!(comparison.described.is_empty(), "{version}\n  {}", comparison.described[0]);
        let missing = comparison.missing();
        let rules: Vec<_> = missing.iter().filter(|rule| !rule.starts_with("shape")).collect();
        assert!(rules.is_empty(), "{version}: never {rules:?}");
    }
}

#[test]
fn a_real_keyring_answers_the_same() {
    if Command::new("go").arg("version").output().is_err() {
        eprintln!("skipped: building a keyring needs Go; recorded outputs are compared");
        return;
    }
    let build = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/keyring/build");
    let built = Command::new(build).args(["1.34", "1.37"]).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    for line in String::from_utf8(built.stdout).unwrap().lines() {
        let (version, program) = line.split_once('=').unwrap();
        let comparison = compare(version, program, 3000, rand::random(), drop).unwrap();
        assert!(comparison.described.is_empty(), "{version}\n  {}", comparison.described[0]);
    }
}
