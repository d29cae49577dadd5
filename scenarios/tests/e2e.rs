//! Every case of the catalogue as a test of its own: the files that `pullproof run scenarios` finds.
//!
//! `cargo test --test e2e documentation/` runs those of a theme, `PULLPROOF_KUBERNETES=1.34` means
//! another version. A case that is not about the version is ignored.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use pullproof::{
    case::{CaseFile, find_cases},
    cluster::Progress,
    error::story,
    report,
    run::{Result as CaseResult, Session},
    settings::Settings,
};
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // As the tests of cargo do; .cargo/config.toml says how many.
    let threads = std::env::var("RUST_TEST_THREADS").ok().and_then(|number| number.parse().ok());
    arguments.test_threads = arguments.test_threads.or(threads);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    match find_cases(root) {
        Ok(files) => {
            let trials = files.into_iter().map(|file| trial(root, file)).collect();
            libtest_mimic::run(&arguments, trials).exit_code()
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// The test of a file, named by its path without ending.
fn trial(root: &Path, file: PathBuf) -> Trial {
    let name = file.strip_prefix(root).unwrap_or(&file).with_extension("");
    Trial::ignorable_test(name.to_string_lossy(), move || case(&file))
}

fn case(path: &Path) -> Result<Completion, Failed> {
    let file = CaseFile::read(path)?;
    let (runtime, session) = session().as_ref()?;
    let outcome = runtime.block_on(session.case(&file));
    match &outcome.result {
        CaseResult::Passed => Ok(Completion::Completed),
        CaseResult::NotApplicable { speaks_of } => {
            Ok(Completion::ignored_with(format!("it is about {speaks_of}")))
        }
        _ => Err(format!("{}\n{}", report::line(&outcome), report::failure(&outcome)).into()),
    }
}

/// The cluster that the tests of this process share, on a runtime that outlives each of them; opened by
/// the first that needs it. What it holds when the process ends is removed by the run's reaper.
fn session() -> &'static Result<(Runtime, Session), String> {
    static SESSION: OnceLock<Result<(Runtime, Session), String>> = OnceLock::new();
    SESSION.get_or_init(|| {
        // As many threads as the `pullproof` command has.
        let runtime = Builder::new_multi_thread().worker_threads(8).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let settings = Settings::from_env().map_err(|error| story(&error))?;
        let progress: Progress = Arc::new(|what| eprintln!("{what}"));
        let session = runtime.block_on(Session::open(settings, &progress));
        Ok((runtime, session.map_err(|error| story(&error.into()))?))
    })
}
