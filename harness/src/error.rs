//! What the environment lacks, and the other ends of a command that are not its result.

use std::fmt::Write as _;

/// What the environment lacks, or what failed in it. Never a failed expectation.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// No Docker engine answers.
    #[error("no Docker engine answers")]
    Docker(#[source] bollard::errors::Error),
    /// A program is not there.
    #[error("{program} not found at {looked}")]
    Program {
        /// Its name.
        program: &'static str,
        /// Where it was looked for.
        looked: String,
        /// The arguments with which scripts/setup installs it.
        setup: String,
    },
    /// An image is not there.
    #[error("the image {image} is missing")]
    Image {
        /// The image.
        image: String,
        /// The arguments with which scripts/setup pulls or builds it.
        setup: String,
    },
    /// Several things are missing, which were listed.
    #[error("{count} of the things listed above {are} missing", are = if *count == 1 { "is" } else { "are" })]
    Incomplete {
        /// How many.
        count: usize,
        /// The arguments with which scripts/setup installs them.
        setup: String,
    },
    /// kind failed.
    #[error("`kind {what}` failed ({status}); all of its output is in {log}\n{tail}")]
    Kind {
        /// The call.
        what: String,
        /// Its exit status.
        status: String,
        /// Where all of its output is kept.
        log: String,
        /// The end of it.
        tail: String,
    },
    /// A cluster did not become ready.
    #[error("the cluster {cluster} was not ready after {seconds} s: {state}")]
    NotReady {
        /// Its name.
        cluster: String,
        /// How long it had.
        seconds: u64,
        /// What was seen last.
        state: String,
    },
    /// Another process holds what is to be removed or replaced.
    #[error("the cluster {cluster} is in use by another run")]
    InUse {
        /// Its name.
        cluster: String,
    },
    /// A container of that name was made by somebody else.
    #[error(
        "the container {container} belongs to another user or cache folder that shares this Docker engine"
    )]
    Foreign {
        /// The container.
        container: String,
    },
    /// The node of a cluster that is in use went away or does not answer.
    #[error("the node of {cluster} was lost: {why}")]
    Lost {
        /// The cluster's name.
        cluster: String,
        /// What was found instead.
        why: String,
    },
    /// Cases or versions could not be run, as was reported for each.
    #[error("{count} of {all} {what} could not be run")]
    NotRun {
        /// How many.
        count: usize,
        /// Of how many.
        all: usize,
        /// `cases` or `versions`.
        what: &'static str,
    },
    /// A folder has to be rendered, and the program for it is not there.
    #[error("{folder} is a {what}, and {program} is not on the PATH")]
    Renderer {
        /// The folder.
        folder: String,
        /// `chart` or `kustomization`.
        what: &'static str,
        /// The program.
        program: &'static str,
        /// A command that renders it elsewhere.
        instead: &'static str,
    },
    /// Anything else that is not the case's fault.
    #[error("{what}")]
    Other {
        /// What could not be done.
        what: String,
        /// Why.
        #[source]
        source: anyhow::Error,
    },
}

impl EnvironmentError {
    /// Wraps a cause that has no kind of its own.
    pub fn other(what: impl Into<String>) -> impl FnOnce(anyhow::Error) -> Self {
        let what = what.into();
        |source| Self::Other { what, source }
    }

    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Docker(_) => {
                "run ./scripts/setup, which starts or installs one, or set DOCKER_HOST".to_owned()
            }
            Self::Program { setup, .. } | Self::Incomplete { setup, .. } => {
                format!("run ./scripts/setup{setup}")
            }
            Self::Image { setup, .. } => {
                format!("run ./scripts/setup{setup}, which pulls or builds it")
            }
            Self::Renderer { program, instead, .. } => {
                format!(
                    "install {program}, or render it elsewhere: {instead} | pullproof check --static -"
                )
            }
            Self::InUse { .. } => "wait for it to end, or pass --force".to_owned(),
            Self::Foreign { container } => format!(
                "set PULLPROOF_CACHE to another folder; if nobody uses that cluster: docker rm -fv {container}"
            ),
            Self::Lost { .. } => {
                "run again, which replaces a cluster that cannot be used".to_owned()
            }
            Self::Kind { .. }
            | Self::NotReady { .. }
            | Self::NotRun { .. }
            | Self::Other { .. } => {
                return None;
            }
        })
    }
}

/// The run was stopped by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Standard output cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOutput {
    /// Its reader has gone, as `head` does; that is not a mistake.
    #[error("nobody reads the output any more")]
    Closed,
    /// It fails otherwise.
    #[error("standard output cannot be written: {0}")]
    Failed(String),
}

/// An expectation that was not met, after it has been reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{failed} of {cases} cases failed")]
pub struct Failed {
    /// How many did not show what they expect.
    pub failed: usize,
    /// How many ran.
    pub cases: usize,
}

/// Findings of manifests, after they have been reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{findings} finding{s}", s = if *findings == 1 { "" } else { "s" })]
pub struct Found {
    /// How many are not accepted.
    pub findings: usize,
}

/// No container of the pods that were asked for waits for an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nothing fails to pull")]
pub struct NothingFails;

/// Something is wrong with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Returns an error with its causes and hints, one per line.
pub fn format_chain(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    // Writing to a String cannot fail, here and below.
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            write!(text, "\n  cause: {cause}").ok();
        }
    }
    for hint in
        error.chain().filter_map(|cause| cause.downcast_ref()).filter_map(EnvironmentError::hint)
    {
        write!(text, "\n  hint: {hint}").ok();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_come_before_hints() {
        let missing = EnvironmentError::Image {
            image: "node:1.37".into(),
            setup: " --kubernetes 1.37".into(),
        };
        let error = anyhow::Error::from(missing).context("starting the cluster");
        assert_eq!(
            format_chain(&error),
            "starting the cluster\n  cause: the image node:1.37 is missing\n  hint: run ./scripts/setup \
             --kubernetes 1.37, which pulls or builds it"
        );
    }
}
