//! Every case of the catalogue as a test of its own: the files that `pullproof run scenarios` finds.
//!
//! `cargo test --test e2e documentation/` runs those of a theme, `PULLPROOF_KUBERNETES=1.34` means
//! another version. A case that is not about the version is ignored. After the last one the node has to
//! be what it was before the first.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex, PoisonError},
};

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use pullproof::{
    case::{CaseFile, find_cases},
    cluster::Progress,
    error::format_chain,
    outcome::Result as CaseResult,
    report,
    run::Session,
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
            let conclusion = libtest_mimic::run(&arguments, trials);
            let left = end();
            for line in &left {
                eprintln!("left on the node: {line}");
            }
            if left.is_empty() { conclusion.exit_code() } else { ExitCode::FAILURE }
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
    let shared = shared()?;
    let outcome = shared.runtime.block_on(shared.session.case(&file));
    match &outcome.result {
        CaseResult::Passed => Ok(Completion::Completed),
        CaseResult::NotApplicable { applies_to } => {
            Ok(Completion::ignored_with(format!("it is about {applies_to}")))
        }
        _ => Err(format!("{}\n{}", report::line(&outcome), report::failure(&outcome)).into()),
    }
}

/// What the tests of this process share.
struct Shared {
    runtime: Runtime,
    session: Session,
    /// What was on the node before the first case.
    before: BTreeSet<String>,
}

static SHARED: Mutex<Option<Result<Arc<Shared>, String>>> = Mutex::new(None);

/// The cluster, on a runtime that outlives each test; opened by the first that needs it.
fn shared() -> Result<Arc<Shared>, String> {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.get_or_insert_with(|| open().map(Arc::new)).clone()
}

fn open() -> Result<Shared, String> {
    // As many threads as the `pullproof` command has.
    let runtime = Builder::new_multi_thread().worker_threads(8).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    let settings = Settings::from_env().map_err(|error| format_chain(&error))?;
    let progress: Progress = Arc::new(|what| eprintln!("{what}"));
    let session = runtime.block_on(Session::open(settings, &progress));
    let session = session.map_err(|error| format_chain(&error.into()))?;
    let before = runtime.block_on(session.cluster.node.inventory());
    let before = before.map_err(|error| format_chain(&error))?;
    Ok(Shared { runtime, session, before })
}

/// Ends the run, and returns what is on the node that was not there before.
fn end() -> Vec<String> {
    let shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Shared { runtime, session, before }) =
        shared.and_then(Result::ok).and_then(Arc::into_inner)
    else {
        return Vec::new();
    };
    let node = session.cluster.node.clone();
    let after = runtime.block_on(async {
        session.close().await;
        node.inventory().await
    });
    match after {
        Ok(after) => after.difference(&before).cloned().collect(),
        Err(error) => vec![format_chain(&error)],
    }
}
