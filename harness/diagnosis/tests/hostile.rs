//! Messages that a registry or a proxy made up, by accident or on purpose.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../fuzz/src/message.rs"]
mod target;

use std::time::Instant;

use pullproof_diagnosis::message::Message;
use pullproof_diagnosis::{Evidence, diagnose, explain};

const MESSAGES: &str = concat!(
    include_str!("corpus/pull-failures.jsonl"),
    include_str!("corpus/shapes.jsonl"),
    include_str!("corpus/found.jsonl"),
);

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
    explain::json(&diagnose(&Evidence::of_message(text))).unwrap();
}

#[test]
fn what_has_to_hold_of_any_message_holds() {
    replay::replay(target::message, "message", messages().into_iter().map(String::into_bytes), 500);
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
