//! Running a real keyring, and comparing its outputs with this crate's.

use std::error::Error;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use pullproof_credentials::KubernetesVersion;

use super::compare::Outcome;
use super::generator::{self, SHAPES};
use super::rules::Hits;
use super::wire::{Input, Output};

/// How many differences are described.
const DESCRIBED: usize = 5;

/// What came of comparing.
pub struct Comparison {
    version: KubernetesVersion,
    pub differences: usize,
    /// The first differences, each with all that reproduces it.
    pub described: Vec<String>,
    pub hits: Hits,
}

impl Comparison {
    pub fn new(version: KubernetesVersion) -> Self {
        Self { version, differences: 0, described: Vec::new(), hits: Hits::default() }
    }

    /// Compares one output.
    pub fn add(&mut self, input: &Input, output: &Output) {
        let outcome = Outcome::of(input, self.version);
        self.hits.count(&outcome);
        if !outcome.agrees_with(output) {
            self.differences += 1;
            if self.described.len() < DESCRIBED {
                self.described.push(describe(input, output, &outcome));
            }
        }
    }

    /// Returns the rules, and what is generated, that never came up.
    pub fn missing(&self) -> Vec<&'static str> {
        let counted = |shape: &&str| self.hits.iter().any(|(hit, _)| hit == *shape);
        let shapes = SHAPES.iter().copied().filter(|shape| !counted(shape));
        self.hits.missing(self.version).into_iter().chain(shapes).collect()
    }
}

fn describe(input: &Input, output: &Output, outcome: &Outcome) -> String {
    let json = |output: &Output| serde_json::to_string(output).unwrap_or_default();
    let mut lines = vec![serde_json::to_string(input).unwrap_or_default()];
    for secret in &input.secrets {
        let data = secret.data.iter().map(|(key, data)| {
            format!("{} {key} {}", secret.kind, String::from_utf8_lossy(&data.0))
        });
        lines.extend(data);
    }
    lines.push(format!("image   {}", String::from_utf8_lossy(&input.image.0)));
    lines.push(format!("kubelet {}", json(output)));
    lines.push(format!("here    {}", json(&outcome.output())));
    lines.join("\n  ")
}

/// Runs the program of `scripts/keyring` on as many inputs and compares its outputs, each of which
/// `kept` gets as well.
pub fn compare(
    version: &str,
    program: &str,
    pairs: u64,
    seed: u64,
    mut kept: impl FnMut(Output),
) -> Result<Comparison, Box<dyn Error>> {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let feeding = feed(&mut child, pairs, seed)?;
    let mut comparison = Comparison::new(version.parse()?);
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    for number in 0..pairs {
        let line = lines.next().ok_or("the program ended early")??;
        let output: Output = serde_json::from_str(&line)?;
        let (input, shapes) = generator::input(seed, number);
        shapes.into_iter().for_each(|shape| comparison.hits.count_shape(shape));
        comparison.add(&input, &output);
        kept(output);
    }
    feeding.join().map_err(|_| "writing the inputs failed")??;
    if !child.wait()?.success() {
        return Err(format!("{program} failed").into());
    }
    Ok(comparison)
}

/// Writes in a thread, so that neither side waits for the other's pipe. The inputs are generated
/// again for the comparison.
fn feed(
    child: &mut Child,
    pairs: u64,
    seed: u64,
) -> Result<thread::JoinHandle<std::io::Result<()>>, &'static str> {
    let mut input: BufWriter<ChildStdin> = BufWriter::new(child.stdin.take().ok_or("no input")?);
    Ok(thread::spawn(move || {
        for number in 0..pairs {
            serde_json::to_writer(&mut input, &generator::input(seed, number).0)?;
            input.write_all(b"\n")?;
        }
        input.flush()
    }))
}
