//! What a registry answered from here, as text.

use std::{fmt::Write as _, sync::Arc};

use crate::probe::{Answers, Asked, Identity, Outcome};

use super::explanation::plain;

/// Appends every request of probes, and from where they were made.
pub(super) fn requests(text: &mut String, probes: &[Arc<Answers>]) {
    if probes.is_empty() {
        return;
    }
    // Writing to a String cannot fail, here and below.
    writeln!(
        text,
        "\n  Asked from here and not from the node, whose network, authorities and mirrors may differ:"
    )
    .ok();
    for Asked { method, url, identity, outcome } in probes.iter().flat_map(|one| &one.requests) {
        let answer = match outcome {
            Ok(status) => status.to_string(),
            Err(failure) => failure.to_string(),
        };
        writeln!(text, "  {method:<4} {url}  {}  {answer}", whom(identity)).ok();
    }
}

/// Returns an outcome as the word of a table.
pub(super) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Status(status) => status.to_string(),
        Outcome::TokenRefused(status) => format!("{status} by the token server"),
        Outcome::NotChallenged => "not asked for".to_owned(),
        Outcome::Failed(failure) => failure.to_string(),
    }
}

fn whom(identity: &Identity) -> String {
    match identity {
        Identity::Nobody => "without credentials".to_owned(),
        Identity::User { user, secret } => format!("as {} of {secret}", plain(user)),
    }
}
