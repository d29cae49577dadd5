//! `run`: runs a documented command.

use std::time::Duration;

use super::{Failure, failure, filled_output};
use crate::{
    case::model::CommandStep,
    expectation::{self, Mismatch},
    run::scene::Scene,
};

/// Runs a command and looks at how it ends and what it prints.
pub(super) async fn perform(
    scene: &mut Scene<'_>,
    index: usize,
    run: &CommandStep,
) -> Result<(), Failure> {
    scene.stale = true;
    let stdin = run.stdin.as_ref().map(|text| scene.variables.fill(text));
    let variables = scene.variables.clone();
    let done = scene.workplace()?.run(&run.command, stdin, &variables).await?;
    let mut results = Vec::new();
    if done.status != run.exit {
        let seen = format!("status {}\n{}{}", done.status, done.stdout, done.stderr);
        results.push(Err(Mismatch::new("exit status", format!("status {}", run.exit), seen)));
    }
    let versions = &scene.session.cluster.versions;
    for (of, wanted, printed) in
        [("stdout", &run.stdout, &done.stdout), ("stderr", &run.stderr, &done.stderr)]
    {
        if let Some(wanted) = wanted {
            let wanted = filled_output(wanted, scene);
            results.push(expectation::output(of, &wanted, printed, versions));
        }
    }
    match results.into_iter().find_map(Result::err) {
        Some(mismatch) => Err(failure(scene, index, mismatch, Duration::ZERO, None, &[])),
        None => Ok(()),
    }
}
