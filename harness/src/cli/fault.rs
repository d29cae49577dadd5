//! Whose fault an error is, which decides the exit status, in one place.

use pullproof_manifests::ManifestError;

use crate::{
    case::CaseError,
    error::{
        EnvironmentError, Failed, Found, Interrupted, NoOutput, NothingFails, Usage, format_chain,
    },
    explain::ReadError,
    limit::TimedOut,
    process::CallError,
    versions::{UnknownVersion, VersionsFileError},
};

/// Whose fault it is that a command did not do what was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An expectation was not met.
    Expectation,
    /// The command line, a case file, a manifest or a version is wrong.
    Usage,
    /// Something of the environment is missing or failed.
    Environment,
    /// It is one of this program.
    Internal,
    /// A signal ended the run.
    Interrupted,
    /// Nobody reads the output any more.
    Closed,
}

impl Fault {
    /// Returns the fault that the first cause in an error's chain of a known kind stands for. Errors of
    /// other programs and services are the environment's; one of no known kind is this program's.
    pub fn of(error: &anyhow::Error) -> Self {
        error.chain().find_map(Self::of_cause).unwrap_or(Self::Internal)
    }

    fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if cause.is::<Failed>() || cause.is::<NothingFails>() || cause.is::<Found>() {
            Some(Self::Expectation)
        } else if cause.is::<CaseError>()
            || cause.is::<UnknownVersion>()
            || cause.is::<VersionsFileError>()
            || cause.is::<Usage>()
            || cause.is::<ManifestError>()
        {
            Some(Self::Usage)
        } else if cause.is::<Interrupted>() {
            Some(Self::Interrupted)
        } else if let Some(output) = cause.downcast_ref() {
            Some(match output {
                NoOutput::Closed => Self::Closed,
                NoOutput::Failed(_) => Self::Environment,
            })
        } else if cause.is::<EnvironmentError>()
            || cause.is::<ReadError>()
            || cause.is::<TimedOut>()
            || cause.is::<CallError>()
            || cause.is::<std::io::Error>()
            || cause.is::<kube::Error>()
            || cause.is::<bollard::errors::Error>()
        {
            Some(Self::Environment)
        } else {
            None
        }
    }

    /// Returns the exit status of a command.
    pub fn status(self) -> u8 {
        match self {
            Self::Expectation => 1,
            Self::Usage => 2,
            Self::Environment => 3,
            // As sysexits.h has it: EX_SOFTWARE.
            Self::Internal => 70,
            // As a shell counts signals: SIGINT and SIGPIPE.
            Self::Interrupted => 130,
            Self::Closed => 141,
        }
    }
}

/// Returns the exit status of a command that ended.
pub fn exit_status(result: &anyhow::Result<()>) -> u8 {
    result.as_ref().map_or_else(|error| Fault::of(error).status(), |()| 0)
}

/// Returns what a command prints of the error that it ends with.
pub fn final_words(error: &anyhow::Error) -> String {
    let text = format_chain(error);
    match Fault::of(error) {
        Fault::Internal => format!(
            "{text}\n  hint: this is a fault of pullproof itself; please report it with this output"
        ),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn a_fault_is_known_by_the_first_cause_that_has_a_kind() {
        let io = || std::io::Error::other("no space");
        let wrapped = Err::<(), _>(io()).context("writing a file").unwrap_err();
        assert_eq!(Fault::of(&wrapped), Fault::Environment);
        let usage = anyhow::Error::from(Usage("--shard".into())).context("reading the arguments");
        assert_eq!(Fault::of(&usage).status(), 2);
        assert_eq!(Fault::of(&anyhow::anyhow!("a list was empty")).status(), 70);
        assert_eq!(exit_status(&Err(Failed { failed: 1, cases: 2 }.into())), 1);
        assert_eq!(exit_status(&Err(NoOutput::Closed.into())), 141);
        assert_eq!(exit_status(&Ok(())), 0);
    }

    #[test]
    fn a_fault_of_its_own_asks_to_be_reported() {
        assert!(final_words(&anyhow::anyhow!("a list was empty")).contains("please report it"));
        assert!(!final_words(&Usage("--shard".into()).into()).contains("report"));
    }
}
