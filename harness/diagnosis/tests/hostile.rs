//! Messages that a registry or a proxy made up, by accident or on purpose.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::time::Instant;

use pullproof_diagnosis::message::Message;
use pullproof_diagnosis::{Evidence, diagnose, explain};

const MESSAGES: &str = concat!(
    include_str!("corpus/pull-failures.jsonl"),
    include_str!("corpus/shapes.jsonl"),
    include_str!("corpus/found.jsonl"),
);

/// A small generator of the same numbers on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }
}

fn messages() -> Vec<String> {
    let lines = MESSAGES.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["message"].as_str().unwrap().to_owned()
        })
        .collect()
}

fn look(text: &str) {
    let diagnosis = diagnose(&Evidence::of_message(text));
    assert!(diagnosis.candidates().len() <= 4);
    let json = explain::json(&diagnosis).unwrap();
    assert!(!json.contains(['\u{1b}', '\u{9b}', '\n', '\u{202e}']), "{json:?}");
}

#[test]
fn mutated_messages_do_not_panic() {
    let messages = messages();
    let mut numbers = Numbers(7);
    for round in 0..3_000 {
        let mut chars: Vec<char> = messages[round % messages.len()].chars().collect();
        for _ in 0..=numbers.next(6) {
            let at = numbers.next(chars.len());
            match numbers.next(5) {
                0 => chars.truncate(at),
                1 => drop(chars.drain(..at)),
                2 => chars.insert(
                    at,
                    ['"', '\\', '\u{1b}', '\u{0}', 'é', '[', ':', '\u{202e}'][numbers.next(8)],
                ),
                3 => {
                    let other: Vec<_> = messages[numbers.next(messages.len())].chars().collect();
                    let cut = numbers.next(other.len());
                    drop(chars.splice(at..at, other[cut..].iter().copied()));
                }
                _ => chars.reverse(),
            }
        }
        look(&chars.into_iter().collect::<String>());
    }
}

#[test]
fn random_bytes_do_not_panic() {
    let mut numbers = Numbers(11);
    for _ in 0..500 {
        let bytes: Vec<u8> =
            (0..numbers.next(2_000)).map(|_| u8::try_from(numbers.next(256)).unwrap()).collect();
        look(&String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn very_long_messages_take_no_longer() {
    const LENGTH: usize = 1 << 20;
    let words = [
        "a",
        "\\\"",
        "\"",
        ": ",
        "[",
        "\u{1b}[",
        "\u{1b}]",
        "é",
        "lookup ",
        "denied: ",
        "https://",
        "status code ",
        ", rpc error: code = ",
    ];
    for word in words {
        let text =
            format!("Failed to pull image \"a\": {}: not found", word.repeat(LENGTH / word.len()));
        let start = Instant::now();
        look(&text);
        assert!(start.elapsed().as_secs() < 2, "{word:?} took {:?}", start.elapsed());
    }
}

#[test]
fn long_messages_are_read_at_both_ends() {
    let filler = "<p>blocked</p>".repeat(1 << 16);
    let message = Message::read(&format!(
        "Failed to pull image \"reg.example.net/a\": {filler}: x509: certificate signed by unknown authority"
    ));
    assert_eq!(message.host(), Some("reg.example.net"));
    assert_eq!(message.signs().count(), 1);
}

/// Run with `--release` for the figure that counts: 1,000 messages in at most 0.2 s.
#[test]
fn a_thousand_messages_are_quick() {
    let messages = messages();
    look(&messages[0]);
    let start = Instant::now();
    for message in messages.iter().cycle().take(1_000) {
        look(message);
    }
    let took = start.elapsed();
    println!("1,000 messages: {took:?}");
    let most = if cfg!(debug_assertions) { 5_000 } else { 200 };
    assert!(took.as_millis() <= most, "{took:?}");
}
