//! `pullproof explain`

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use pullproof_diagnosis::{
    Evidence, diagnose,
    explain::{json, line},
};

use crate::{
    error::{NothingFails, Usage},
    explain::{self, Target},
    input,
    probe::{Prober, ProberError},
    report,
};

use super::{
    output::{put, say},
    signals::interruptible,
};

/// What `explain` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads the cluster and changes nothing. Exits with 0 if it has an answer (several \
    candidates are one), with 1 if nothing fails to pull, and with 3 if the cluster cannot be read."
)]
pub struct Arguments {
    /// The pod, or a workload: deployment/web, job/import
    #[arg(value_name = "POD", required_unless_present_any = ["all_namespaces", "message", "schema"])]
    pod: Option<Target>,
    /// The namespace [default: that of the context]
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Every pod of the cluster that cannot pull, grouped by cause
    #[arg(long, short = 'A', conflicts_with_all = ["pod", "namespace"])]
    all_namespaces: bool,
    /// The context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// The kubeconfig [default: KUBECONFIG, then ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// A message or event alone, without a cluster; - reads it from standard input, and with
    /// --output json one JSON object per line, {"message": …}
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["pod", "all_namespaces", "namespace", "context", "kubeconfig"])]
    message: Option<String>,
    /// Ask the registry as well, from here and not from the node: the head of the image's manifest,
    /// without credentials and with those that the kubelet would use. Proxies are not used
    #[arg(long, conflicts_with = "message")]
    probe: bool,
    /// Authorities that a probe trusts beside those of this machine, as PEM
    #[arg(long, value_name = "FILE", requires = "probe")]
    ca: Option<PathBuf>,
    /// A registry as the image names it, port included, whose certificate a probe does not verify, and
    /// which may answer plain HTTP; repeatable
    #[arg(long, value_name = "HOST", requires = "probe")]
    insecure_registry: Vec<String>,
    /// The form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Output,
    /// Print the JSON Schema of --output json
    #[arg(long)]
    schema: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Output {
    /// Text for people
    #[default]
    Text,
    /// JSON, by docs/explain.schema.json
    Json,
}

/// Explains why pods cannot pull.
pub async fn main(arguments: Arguments) -> anyhow::Result<()> {
    if arguments.schema {
        put!("{}", report::explanation_schema());
        return Ok(());
    }
    if let Some(message) = &arguments.message {
        return of_message(message, arguments.output);
    }
    let target = match arguments.pod {
        Some(target) => target,
        None => Target::All,
    };
    let prober = match arguments.probe {
        true => Some(prober(arguments.ca.as_deref(), arguments.insecure_registry)?),
        false => None,
    };
    let (kubeconfig, context) = (arguments.kubeconfig.as_deref(), arguments.context.as_deref());
    let read = async {
        let (client, default) = explain::connect(kubeconfig, context).await?;
        let namespace = arguments.namespace.as_deref().unwrap_or(&default);
        anyhow::Ok(explain::read(&client, namespace, &target, prober.as_ref()).await?)
    };
    let explanation = interruptible(read).await??;
    match arguments.output {
        Output::Text => put!("{}", report::explanation(&explanation)),
        Output::Json => put!("{}", report::explanation_json(&explanation)),
    }
    match explanation.findings.is_empty() {
        true => Err(NothingFails.into()),
        false => Ok(()),
    }
}

fn prober(ca: Option<&Path>, insecure: Vec<String>) -> Result<Prober, Usage> {
    let wrong = |file: &Path, problem: &str| Usage(format!("--ca {}: {problem}", file.display()));
    let pem = ca.map(|file| input::read(file).map_err(|error| wrong(file, &error.problem)));
    let made = Prober::new(pem.transpose()?.as_deref(), insecure);
    made.map_err(|error| match (&error, ca) {
        (ProberError::NoCertificate, Some(file)) => wrong(file, &error.to_string()),
        (ProberError::Host(_), _) => Usage(format!("--insecure-registry: {error}")),
        _ => Usage(error.to_string()),
    })
}

fn of_message(message: &str, output: Output) -> anyhow::Result<()> {
    if message != "-" {
        return answer(message, output);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    match output {
        Output::Text if text.trim().is_empty() => {
            Err(Usage("standard input holds no message".to_owned()).into())
        }
        Output::Text => answer(text.trim(), output),
        Output::Json => answer_lines(&text),
    }
}

fn answer(message: &str, output: Output) -> anyhow::Result<()> {
    let diagnosis = diagnose(&Evidence::of_message(message));
    match output {
        Output::Text => put!("{}", report::diagnosis_alone(&diagnosis)),
        Output::Json => say!("{}", json(&diagnosis)?),
    }
    Ok(())
}

/// Answers a line per line.
fn answer_lines(text: &str) -> anyhow::Result<()> {
    let objects = text.lines().enumerate().filter(|(_, object)| !object.trim().is_empty());
    for (at, object) in objects {
        let answered = line(object)
            .map_err(|error| Usage(format!("standard input, line {}: {error}", at + 1)))?;
        say!("{answered}");
    }
    Ok(())
}
