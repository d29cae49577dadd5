//! `pullproof check`

use std::{
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use pullproof_manifests::{Baseline, Check, Checked, GivenSecret, Manifests, PublicHost};

use crate::{
    check::{self, Input},
    error::{EnvironmentError, Found, Usage},
    input,
    report::check::{self as report, CheckReport},
    run::Session,
    settings::Settings,
};

use super::{
    close,
    manifest_files::{self, Texts},
    output::{Format, hide_progress, note, put, show_progress},
    progress, reports,
    signals::interruptible,
};

/// What `check` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Takes every image for private, except those of --public, and checks that the pull \
    secrets of the manifests serve it: a pod of each template pulls stand-ins of its images on pullproof's \
    own cluster, from a registry that takes the place of every image host. With --static, the rules of \
    admission and kubelet are applied without a cluster. Exits with 0 if each image would be pulled with \
    credentials, with 1 if there are findings, with 2 if the input cannot be read, and with 3 if the \
    cluster, helm or kubectl is needed and missing or fails."
)]
pub struct Arguments {
    /// Files, folders, charts (by helm), kustomizations (by kustomize or kubectl), or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Check by the rules of admission and kubelet alone, without a cluster
    #[arg(long = "static")]
    without_cluster: bool,
    /// The namespace of objects that name none
    #[arg(long, short, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// A registry, or a part of one, whose images are public; may be repeated
    #[arg(long, value_name = "HOST[/PATH]")]
    public: Vec<PublicHost>,
    /// A pull secret that will be there, for all private registries unless a config.json is named; may be
    /// repeated
    #[arg(long, value_name = "NAME[=FILE]")]
    secret: Vec<NamedSecret>,
    /// A baseline: findings that are accepted
    #[arg(long, value_name = "FILE")]
    expect: Option<PathBuf>,
    /// Write a baseline that accepts all findings of now
    #[arg(long, value_name = "FILE")]
    write_expect: Option<PathBuf>,
    /// The form of the report
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Write a report as JUnit XML
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the findings as SARIF, for code scanning
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Add a report in Markdown to a file [default: GITHUB_STEP_SUMMARY, if it is set]
    #[arg(long, value_name = "FILE")]
    summary: Option<PathBuf>,
}

/// The value of `--secret`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct NamedSecret {
    name: String,
    file: Option<PathBuf>,
}

impl FromStr for NamedSecret {
    type Err = Usage;

    fn from_str(text: &str) -> Result<Self, Usage> {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text, None),
        };
        match name.is_empty() {
            true => Err(Usage("a secret needs a name: NAME or NAME=FILE".to_owned())),
            false => Ok(Self { name: name.to_owned(), file }),
        }
    }
}

impl NamedSecret {
    fn read(&self) -> anyhow::Result<GivenSecret> {
        let Some(file) = &self.file else {
            let password = format!("{:032x}", rand::random::<u128>());
            return Ok(GivenSecret::new(&self.name).with_password(password.into()));
        };
        let given = GivenSecret::with_config(&self.name, read(file)?.as_bytes());
        Ok(given.map_err(|error| Usage(format!("{}: {error}", file.display())))?)
    }
}

/// Checks manifests.
pub async fn main(arguments: Arguments, settings: Settings) -> anyhow::Result<()> {
    let accepted = match &arguments.expect {
        Some(file) => Baseline::parse(&read(file)?),
        None => Baseline::default(),
    };
    let given = arguments.secret.iter().map(NamedSecret::read).collect::<Result<_, _>>()?;
    let version = settings.kubernetes.parse()?;
    let check = Check { version, public: arguments.public.clone(), given };
    let Texts { texts, notes } =
        interruptible(manifest_files::read(&arguments.paths, &settings.path)).await??;
    let sources = texts.iter().map(manifest_files::ManifestText::source);
    let manifests = Manifests::read(sources, &arguments.namespace)?;
    let (mut checked, session) = if arguments.without_cluster {
        (check.run(&manifests), None)
    } else {
        let (checked, session) = on_cluster(Input { check, manifests }, settings).await?;
        (checked, Some(session))
    };
    checked.notes.extend(notes);
    let gone = accepted.gone(&checked.findings).into_iter();
    let gone: Vec<_> = gone.map(|id| format!("accepted and not found any more: {id}")).collect();
    checked.notes.extend(gone);
    let report = CheckReport { checked: &checked, accepted: &accepted };
    let written = write(&arguments, &report);
    if written.is_ok() {
        match arguments.output {
            Format::Text => put!("{}", report::text(&report)),
            Format::Json => put!("{}", report::json(&report)),
        }
    }
    let closed = match session {
        Some(session) => close(session).await,
        None => Ok(()),
    };
    written.and(closed)?;
    match report.new_findings().count() {
        0 => Ok(()),
        // They are accepted from now on.
        _ if arguments.write_expect.is_some() => Ok(()),
        findings => Err(Found { findings }.into()),
    }
}

/// Runs a check on the cluster that the settings mean. What it made is there until the session is closed.
async fn on_cluster(input: Input, settings: Settings) -> anyhow::Result<(Checked, Session)> {
    let session = interruptible(Session::open(settings, &progress())).await??;
    let shown = |decided, all| show_progress(format!("{decided} of {all} pods"));
    let inputs = [input];
    let checked = interruptible(check::run(&session, &inputs, shown)).await;
    hide_progress();
    let failed = EnvironmentError::other("the manifests could not be checked on the cluster");
    match checked {
        Ok(Ok(mut checked)) => Ok((checked.remove(0), session)),
        Ok(Err(error)) => {
            session.close().await;
            Err(failed(error).into())
        }
        Err(interrupted) => {
            session.abandon().await;
            Err(interrupted)
        }
    }
}

fn write(arguments: &Arguments, report: &CheckReport<'_>) -> anyhow::Result<()> {
    reports::write(arguments.junit.as_deref(), || report::junit(report))?;
    reports::write(arguments.sarif.as_deref(), || Ok(report::sarif(report)))?;
    reports::write(arguments.write_expect.as_deref(), || {
        Ok(Baseline::of(&report.checked.findings).to_string())
    })?;
    let of_step = env::var_os("GITHUB_STEP_SUMMARY").filter(|file| !file.is_empty());
    match (&arguments.summary, of_step) {
        (Some(file), _) => append(file, &report::markdown(report)),
        (None, Some(file)) => {
            append(Path::new(&file), &report::markdown(report)).or_else(|error| {
                // Nobody asked this command for it.
                note(format_args!("warning: {error}"));
                Ok(())
            })
        }
        (None, None) => Ok(()),
    }
}

/// Adds to a file: other steps and commands write into the same one.
fn append(file: &Path, text: &str) -> anyhow::Result<()> {
    let opened = fs::OpenOptions::new().create(true).append(true).open(file);
    let written = opened.and_then(|mut file| file.write_all(text.as_bytes()));
    let what = format!("{} cannot be written", file.display());
    Ok(written.map_err(|error| EnvironmentError::other(what)(error.into()))?)
}

fn read(file: &Path) -> anyhow::Result<String> {
    let text = input::read(file);
    Ok(text.map_err(|error| Usage(format!("{}: {error}", file.display())))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_has_a_name_and_perhaps_a_file() {
        let named = |text: &str| NamedSecret::from_str(text).ok();
        let secret = |file: Option<&str>| {
            Some(NamedSecret { name: "regcred".into(), file: file.map(PathBuf::from) })
        };
        assert_eq!(named("regcred"), secret(None));
        assert_eq!(named("regcred=a=b.json"), secret(Some("a=b.json")));
        assert_eq!(named("=a.json"), None);
    }
}
