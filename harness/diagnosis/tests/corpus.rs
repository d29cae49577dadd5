//! The rules against reports whose cause is settled.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use pullproof_diagnosis::{Cause, Evidence, diagnose};
use serde::Deserialize;

#[derive(Deserialize)]
struct Report {
    id: String,
    message: String,
    cause: Cause,
    decidable: String,
}

#[derive(Debug, Default)]
struct Counts {
    reports: usize,
    alone: usize,
    alone_right: usize,
    asserted_wrong: Vec<String>,
    missed: Vec<String>,
    undecided: Vec<String>,
    listed: usize,
}

fn count(name: &str, lines: &str) -> Counts {
    let mut counts = Counts::default();
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let report: Report = serde_json::from_str(line).unwrap();
        let diagnosis = diagnose(&Evidence::of_message(&report.message));
        let listed: Vec<_> = diagnosis.candidates().iter().map(|candidate| candidate.id).collect();
        assert!(listed.len() <= 4, "{}: more than four candidates", report.id);
        counts.reports += 1;
        let right = diagnosis.cause() == Some(report.cause);
        let alone = report.decidable == "message-alone";
        counts.alone += usize::from(alone);
        counts.alone_right += usize::from(alone && right);
        counts.listed += usize::from(listed.contains(&report.cause));
        let shown = format!("{}: {} is not {:?}", report.id, report.cause, listed);
        match diagnosis.cause() {
            Some(_) if !right => counts.asserted_wrong.push(shown),
            None if !listed.contains(&report.cause) => counts.missed.push(shown),
            None if alone => counts.undecided.push(shown),
            _ => {}
        }
    }
    println!("{name}: {counts:#?}");
    counts
}

fn assert_bar(counts: &Counts) {
    assert!(counts.asserted_wrong.is_empty(), "{:#?}", counts.asserted_wrong);
    assert!(counts.alone_right * 100 >= counts.alone * 95, "{:#?}", counts.undecided);
    assert!(counts.listed * 100 >= counts.reports * 95, "{:#?}", counts.missed);
}

#[test]
fn settled_reports() {
    let counts = count("pull-failures", include_str!("corpus/pull-failures.jsonl"));
    assert_bar(&counts);
    assert_eq!((counts.reports, counts.listed), (54, 54));
    assert_eq!((counts.alone, counts.alone_right), (31, 31));
}

/// Reports of public threads in batches; each cause was settled by its thread before the rules saw
/// the message. What a batch was answered before the rules were mended by it is not kept here.
#[test]
fn found_reports() {
    let counts = count("found", include_str!("corpus/found.jsonl"));
    assert_bar(&counts);
}

/// Messages in the shape of further public threads, with hosts of our own.
#[test]
fn made_up_reports() {
    let counts = count("shapes", include_str!("corpus/shapes.jsonl"));
    assert_bar(&counts);
    assert_eq!((counts.reports, counts.listed), (113, 112));
    assert_eq!((counts.alone, counts.alone_right), (52, 50));
}
