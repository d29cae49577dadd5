//! Every case of the catalogue as a test of its own.
//!
//! `PULLPROOF_KUBERNETES=1.34 cargo test --test e2e` runs them on another version.

use std::{path::PathBuf, sync::OnceLock};

use pullproof::{case::CaseFile, error::story, report, run::Session, settings::Settings};
use rstest::rstest;
use tokio::runtime::{Builder, Runtime};

/// The cluster that the tests of this process share, on a runtime that outlives each of them. What it
/// holds when the process ends is removed by the run's reaper.
fn session() -> &'static (Runtime, Session) {
    static SESSION: OnceLock<(Runtime, Session)> = OnceLock::new();
    SESSION.get_or_init(|| {
        // As many threads as the `pullproof` command has.
        let runtime = Builder::new_multi_thread().worker_threads(8).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let opened = Settings::from_env().map_err(|error| story(&error)).and_then(|settings| {
            let progress: pullproof::cluster::Progress =
                std::sync::Arc::new(|what| eprintln!("{what}"));
            let session = runtime.block_on(Session::open(settings, &progress));
            session.map_err(|error| story(&error.into()))
        });
        match opened {
            Ok(session) => (runtime, session),
            Err(story) => panic!("{story}"),
        }
    })
}

#[rstest]
fn case(#[files("*/*.yaml")] path: PathBuf) {
    let file = CaseFile::read(&path).unwrap_or_else(|error| panic!("{error}"));
    let (runtime, session) = session();
    let outcome = runtime.block_on(session.case(&file));
    println!("{}", report::line(&outcome));
    assert!(outcome.is_good(), "\n{}", report::failure(&outcome));
}
