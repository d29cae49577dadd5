//! Runs a fuzz target without libFuzzer: over its corpus, and over mutations of it.

use std::{fs, path::Path, thread};

/// What parsers trip over.
const TOKENS: [&[u8]; 24] = [
    b"\0",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    b"\\ud800",
    b"\\udc00\\ud83d",
    b"\x1b[31m",
    b"\x1b]0;",
    b"\xc2\x9b2J",
    b"\xe2\x80\xae",
    b"\n",
    b"\r\n",
    b"\"",
    b"\\",
    b"\\\"",
    b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    b"{\"a\":{\"a\":{\"a\":{\"a\":",
    b"1e999999999",
    b"-99999999999999999999999999",
    b"null",
    b"\"auths\":{\"a\":{\"auth\":\"YTpi\"}}",
    b"%00%zz",
    b"@sha256:",
    b": ",
];

/// Runs a target over each file of its corpus, `more`, and as many mutations of them as `rounds`: the
/// same ones on every run.
pub fn replay(
    target: fn(&[u8]),
    name: &str,
    more: impl IntoIterator<Item = Vec<u8>>,
    rounds: usize,
) {
    let mut inputs = corpus(name);
    inputs.extend(more);
    inputs.iter().for_each(|input| look(target, input));
    let mut numbers = Numbers(7);
    for round in 0..rounds {
        let mut input = inputs[round % inputs.len()].clone();
        for _ in 0..=numbers.below(4) {
            mutate(&mut input, &inputs, &mut numbers);
        }
        look(target, &input);
    }
}

/// The files of a target's corpus, in the order of their names.
fn corpus(name: &str) -> Vec<Vec<u8>> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let folder = crates.map(|crates| crates.join("fuzz/corpus").join(name)).unwrap_or_default();
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    assert!(!files.is_empty(), "no corpus in {}", folder.display());
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap_or_default()).collect()
}

fn look(target: fn(&[u8]), input: &[u8]) {
    let shown = ShownIfItPanics(input);
    target(input);
    drop(shown);
}

struct ShownIfItPanics<'a>(&'a [u8]);

impl Drop for ShownIfItPanics<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the input is b\"{}\"", self.0.escape_ascii());
        }
    }
}

fn mutate(input: &mut Vec<u8>, inputs: &[Vec<u8>], numbers: &mut Numbers) {
    let at = numbers.below(input.len() + 1);
    let end = at + numbers.below(input.len() - at + 1);
    match numbers.below(7) {
        0 => input.truncate(at),
        1 => drop(input.drain(at..end)),
        2 => drop(input.splice(at..at, TOKENS[numbers.below(TOKENS.len())].iter().copied())),
        3 => drop(input.splice(at..end, TOKENS[numbers.below(TOKENS.len())].iter().copied())),
        4 => {
            let other = &inputs[numbers.below(inputs.len())];
            drop(input.splice(at..end, other[numbers.below(other.len() + 1)..].iter().copied()));
        }
        5 if end - at < 4096 => input.extend_from_within(at..end),
        _ => {
            if let Some(byte) = input.get_mut(at) {
                *byte ^= 1 << numbers.below(8);
            }
        }
    }
}

/// Numbers that are the same on every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit
    }
}
