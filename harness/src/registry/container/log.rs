//! What a container wrote while it was handed out.

use std::time::Duration;

use bollard::query_parameters::LogsOptionsBuilder;
use futures::StreamExt as _;
use jiff::Timestamp;

use super::Container;

/// How long Docker may take for a line.
const LIMIT: Duration = Duration::from_secs(30);

impl Container {
    /// What the container wrote from a moment on.
    pub async fn logs(&self, since: Timestamp) -> String {
        let options = LogsOptionsBuilder::new()
            .stdout(true)
            .stderr(true)
            .tail("all")
            // Docker looks at seconds only; a container may change hands within one.
            .since(i32::try_from(since.as_second()).unwrap_or(0))
            .timestamps(true)
            .build();
        let mut lines = self.docker.logs(&self.id, Some(options));
        let mut log = String::new();
        loop {
            let next = tokio::time::timeout(LIMIT, lines.next()).await;
            let Ok(line) = next else {
                log.push_str(&format!("the log gave no line within {} s\n", LIMIT.as_secs()));
                break;
            };
            let Some(line) = line else { break };
            match line {
                Ok(line) => log.push_str(since_then(&line.to_string(), since)),
                Err(error) => log.push_str(&format!("the log cannot be read on: {error}\n")),
            }
        }
        log
    }
}

/// A line of Docker's without the time before it; nothing where that is earlier.
fn since_then(line: &str, since: Timestamp) -> &str {
    match line.split_once(' ') {
        Some((time, text)) => match time.parse::<Timestamp>() {
            Ok(time) if time < since => "",
            Ok(_) => text,
            Err(_) => line,
        },
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_begins_at_its_moment_and_shows_no_times() {
        let since = "2026-11-24T08:52:03.5Z".parse().unwrap();
        assert_eq!(since_then("2026-11-24T08:52:03.499999999Z early\n", since), "");
        assert_eq!(since_then("2026-11-24T08:52:03.500000001Z late here\n", since), "late here\n");
        assert_eq!(since_then("no time\n", since), "no time\n");
    }
}
