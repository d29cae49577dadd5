//! `run`: runs a documented command.

use std::time::Duration;

use super::{Failure, failure, filled_output};
use crate::{
    case::model::CommandStep,
    expectation::{self, Mismatch},
    run::context::CaseContext,
};

/// Runs a command and looks at how it ends and what it prints.
pub(super) async fn perform(
    context: &mut CaseContext<'_>,
    index: usize,
    run: &CommandStep,
) -> Result<(), Failure> {
    context.stale = true;
    let stdin = run.stdin.as_ref().map(|text| context.variables.fill(text));
    let variables = context.variables.clone();
    let done = context.sandbox()?.run(&run.command, stdin, &variables).await?;
    let mut results = Vec::new();
    if done.status != run.exit {
        let seen = format!("status {}\n{}{}", done.status, done.stdout, done.stderr);
        results.push(Err(Mismatch::new("exit status", format!("status {}", run.exit), seen)));
    }
    let versions = &context.session.cluster.versions;
    for (of, wanted, printed) in
        [("stdout", &run.stdout, &done.stdout), ("stderr", &run.stderr, &done.stderr)]
    {
        if let Some(wanted) = wanted {
            let wanted = filled_output(wanted, context);
            results.push(expectation::output(of, &wanted, printed, versions));
        }
    }
    match results.into_iter().find_map(Result::err) {
        Some(mismatch) => Err(failure(context, index, mismatch, Duration::ZERO, None, &[])),
        None => Ok(()),
    }
}
