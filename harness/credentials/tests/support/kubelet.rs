//! Asking a real keyring, and comparing its answers with this crate's.

use std::error::Error;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use pullproof_credentials::KubernetesVersion;

use super::compare::Outcome;
use super::generator::{self, SHAPES};
use super::question::{Answer, Question};
use super::rules::Hits;

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

    /// Compares one answer.
    pub fn add(&mut self, question: &Question, answer: &Answer) {
        let outcome = Outcome::of(question, self.version);
        self.hits.count(&outcome);
        if !outcome.agrees_with(answer) {
            self.differences += 1;
            if self.described.len() < DESCRIBED {
                self.described.push(describe(question, answer, &outcome));
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

fn describe(question: &Question, answer: &Answer, outcome: &Outcome) -> String {
    let json = |answer: &Answer| serde_json::to_string(answer).unwrap_or_default();
    let mut lines = vec![serde_json::to_string(question).unwrap_or_default()];
    for secret in &question.secrets {
        let data = secret.data.iter().map(|(key, data)| {
            format!("{} {key} {}", secret.kind, String::from_utf8_lossy(&data.0))
        });
        lines.extend(data);
    }
    lines.push(format!("image   {}", String::from_utf8_lossy(&question.image.0)));
    lines.push(format!("kubelet {}", json(answer)));
    lines.push(format!("here    {}", json(&outcome.answer())));
    lines.join("\n  ")
}

/// Asks the program of `scripts/keyring` as many questions, and compares its answers. Each answer is
/// shown to `kept` as well.
pub fn compare(
    version: &str,
    program: &str,
    pairs: u64,
    seed: u64,
    mut kept: impl FnMut(Answer),
) -> Result<Comparison, Box<dyn Error>> {
    let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let asking = ask(&mut child, pairs, seed)?;
    let mut comparison = Comparison::new(version.parse()?);
    let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?).lines();
    for number in 0..pairs {
        let line = lines.next().ok_or("the program ended early")??;
        let answer: Answer = serde_json::from_str(&line)?;
        let (question, shapes) = generator::question(seed, number);
        shapes.into_iter().for_each(|shape| comparison.hits.count_shape(shape));
        comparison.add(&question, &answer);
        kept(answer);
    }
    asking.join().map_err(|_| "asking failed")??;
    if !child.wait()?.success() {
        return Err(format!("{program} failed").into());
    }
    Ok(comparison)
}

/// Asks in a thread, so that neither side waits for the other's pipe. The questions are generated
/// again for the comparison.
fn ask(
    child: &mut Child,
    pairs: u64,
    seed: u64,
) -> Result<thread::JoinHandle<std::io::Result<()>>, &'static str> {
    let mut input: BufWriter<ChildStdin> = BufWriter::new(child.stdin.take().ok_or("no input")?);
    Ok(thread::spawn(move || {
        for number in 0..pairs {
            serde_json::to_writer(&mut input, &generator::question(seed, number).0)?;
            input.write_all(b"\n")?;
        }
        input.flush()
    }))
}
