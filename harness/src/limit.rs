//! Waits that end: a case that says what stayed away is worth more than a run that hangs.

use std::{fmt::Display, time::Duration};

/// Waits for something as long as it may take; then it is dropped.
///
/// # Errors
/// What was waited for, in words, and its own error.
pub(crate) async fn within<T, E: Into<anyhow::Error>>(
    limit: Duration,
    what: impl Display,
    work: impl Future<Output = Result<T, E>>,
) -> anyhow::Result<T> {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(too_long(what, limit)),
    }
}

/// A wait that took longer than it may.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} took more than {} s", limit.as_secs())]
pub(crate) struct TimedOut {
    what: String,
    limit: Duration,
}

/// Returns the error of a wait that took longer than it may.
pub(crate) fn too_long(what: impl Display, limit: Duration) -> anyhow::Error {
    TimedOut { what: what.to_string(), limit }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_never_comes_is_named_with_its_limit() {
        let never = std::future::pending::<anyhow::Result<()>>();
        let error = within(Duration::from_millis(1), "starting the registry `one`", never).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "starting the registry `one` took more than 0 s"
        );
    }
}
