//! Whose fault an error is, which decides its heading and the exit code, in one place.

use std::process::ExitCode;

use crate::{
    case::CaseError,
    versions::{UnknownVersion, VersionsFileError},
};

/// What the environment lacks, or what failed in it. Never a failed expectation.
///
/// The message says what to do; the cause is the source.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// No Docker engine answers.
    #[error(
        "no Docker engine answers\n  run ./scripts/setup, which starts or installs one, or set DOCKER_HOST"
    )]
    Docker(#[source] bollard::errors::Error),
    /// A program is not there.
    #[error("{program} is missing: looked for {looked}\n  run ./scripts/setup{setup}")]
    Program {
        /// Its name.
        program: &'static str,
        /// Where it was looked for.
        looked: String,
        /// What else to give to scripts/setup.
        setup: String,
    },
    /// An image is not there.
    #[error("the image {image} is missing\n  run ./scripts/setup{setup}, which pulls or builds it")]
    Image {
        /// The image.
        image: String,
        /// What else to give to scripts/setup.
        setup: String,
    },
    /// kind failed; the end of its output tells why.
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
    #[error(
        "the cluster {cluster} is in use by another run\n  wait for it to end, or give --force"
    )]
    InUse {
        /// Its name.
        cluster: String,
    },
    /// A container of that name was made by somebody else.
    #[error(
        "the container {container} belongs to another user or cache folder that shares this Docker engine\n  \
         set PULLPROOF_CACHE to another folder; if nobody uses that cluster: docker rm -fv {container}"
    )]
    Foreign {
        /// The container.
        container: String,
    },
    /// The node of a cluster that is in use went away or does not answer.
    #[error(
        "the node of {cluster} was lost: {why}\n  run again, which replaces a cluster that cannot be used"
    )]
    Lost {
        /// The cluster's name.
        cluster: String,
        /// What was found instead.
        why: String,
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
}

/// The run was stopped by a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("interrupted")]
pub struct Interrupted;

/// Standard output cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoOutput {
    /// Its reader has gone, as `head` does; that is no mistake.
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

/// What a process of pullproof exits with.
pub mod exit {
    /// Everything was as expected.
    pub const OK: u8 = 0;
    /// An expectation was not met.
    pub const FAILED: u8 = 1;
    /// The command line, a case file or a version is wrong.
    pub const USAGE: u8 = 2;
    /// Something of the environment is missing or failed.
    pub const ENVIRONMENT: u8 = 3;
    /// A signal ended the run.
    pub const INTERRUPTED: u8 = 130;
    /// Nobody reads the output any more: as a shell counts SIGPIPE.
    pub const CLOSED: u8 = 141;
}

/// The exit code of an error, by the first cause in its chain that says whose fault it is.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    let code = error.chain().find_map(|cause| {
        if cause.is::<Failed>() {
            Some(exit::FAILED)
        } else if cause.is::<CaseError>()
            || cause.is::<UnknownVersion>()
            || cause.is::<VersionsFileError>()
            || cause.is::<Usage>()
        {
            Some(exit::USAGE)
        } else if cause.is::<Interrupted>() {
            Some(exit::INTERRUPTED)
        } else if cause.downcast_ref() == Some(&NoOutput::Closed) {
            Some(exit::CLOSED)
        } else {
            None
        }
    });
    ExitCode::from(code.unwrap_or(exit::ENVIRONMENT))
}

/// Something is wrong with what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// An error with its causes, one a line.
pub fn story(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str("\n  cause: ");
            text.push_str(&cause);
        }
    }
    text
}
