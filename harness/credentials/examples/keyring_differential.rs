//! Compares this crate with the keyrings of real kubelets on generated secrets and images.
//!
//! `scripts/keyring-differential` builds those and calls this: PAIRS SEED RECORD|- VERSION=PROGRAM...

#[path = "../tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::Write as _;
use std::process::ExitCode;

use flate2::Compression;
use flate2::write::GzEncoder;
use support::generator;
use support::kubelet::{Comparison, compare};
use support::wire::Output;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("PAIRS SEED RECORD|- VERSION=PROGRAM...");
    let (pairs, seed, record) = (next()?.parse()?, next()?.parse()?, next()?);
    let recorded = if record == "-" { None } else { Some(record) };
    let mut outputs: BTreeMap<String, Vec<Output>> = BTreeMap::new();
    let mut failed = false;
    for argument in arguments {
        let (version, program) = argument.split_once('=').ok_or("VERSION=PROGRAM")?;
        let kept = outputs.entry(version.to_owned()).or_default();
        let comparison = compare(version, program, pairs, seed, |output| {
            if recorded.is_some() {
                kept.push(output);
            }
        })?;
        failed |= print(version, pairs, &comparison);
    }
    if let Some(file) = recorded {
        record_pairs(&file, pairs, seed, &outputs)?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Prints a comparison, and returns whether it failed.
fn print(version: &str, pairs: u64, comparison: &Comparison) -> bool {
    for described in &comparison.described {
        println!("{version} differs\n  {described}");
    }
    println!("{version}: {pairs} pairs, {} differences", comparison.differences);
    for (rule, count) in comparison.hits.iter() {
        println!("{count:>10}  {rule}");
    }
    let missing = comparison.missing();
    for rule in &missing {
        println!("{:>10}  {rule}", "never");
    }
    comparison.differences > 0 || !missing.is_empty()
}

/// Writes inputs and outputs, to be compared where there is no Go.
fn record_pairs(
    file: &str,
    pairs: u64,
    seed: u64,
    outputs: &BTreeMap<String, Vec<Output>>,
) -> Result<(), Box<dyn Error>> {
    let mut out = GzEncoder::new(File::create(file)?, Compression::best());
    for number in 0..pairs {
        let place = usize::try_from(number)?;
        let of_versions: BTreeMap<_, _> =
            outputs.iter().map(|(version, outputs)| (version, &outputs[place])).collect();
        serde_json::to_writer(&mut out, &(generator::input(seed, number).0, of_versions))?;
        out.write_all(b"\n")?;
    }
    out.finish()?;
    Ok(())
}
