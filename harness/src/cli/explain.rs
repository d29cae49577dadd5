//! `pullproof explain`

use std::io::Read as _;

use clap::Args;
use pullproof_diagnosis::{
    Evidence, diagnose,
    explain::{json, line},
};

use crate::{
    error::{NothingFails, Usage},
    explain::{self, Target},
    report,
};

use super::{
    connection::{Connection, Probing},
    output::{Format, put, say},
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
    /// Every pod of the cluster that cannot pull, grouped by cause
    #[arg(long, short = 'A', conflicts_with_all = ["pod", "namespace"])]
    all_namespaces: bool,
    #[command(flatten)]
    connection: Connection,
    /// A message or event alone, without a cluster; - reads it from standard input, and with
    /// --output json one JSON object per line, {"message": …}
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["pod", "all_namespaces", "namespace", "context", "kubeconfig", "probe"])]
    message: Option<String>,
    #[command(flatten)]
    probing: Probing,
    /// The form of the answer; the schema of its JSON is docs/explain.schema.json
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
    /// Print the JSON Schema of --output json
    #[arg(long)]
    schema: bool,
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
    let prober = arguments.probing.prober()?;
    let read = async {
        let (client, namespace) = arguments.connection.open().await?;
        anyhow::Ok(explain::read(&client, &namespace, &target, prober.as_ref()).await?)
    };
    let explanation = interruptible(read).await??;
    match arguments.output {
        Format::Text => put!("{}", report::explanation(&explanation)),
        Format::Json => put!("{}", report::explanation_json(&explanation)),
    }
    match explanation.findings.is_empty() {
        true => Err(NothingFails.into()),
        false => Ok(()),
    }
}

fn of_message(message: &str, output: Format) -> anyhow::Result<()> {
    if message != "-" {
        return answer(message, output);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    match output {
        Format::Text if text.trim().is_empty() => {
            Err(Usage("standard input holds no message".to_owned()).into())
        }
        Format::Text => answer(text.trim(), output),
        Format::Json => answer_lines(&text),
    }
}

fn answer(message: &str, output: Format) -> anyhow::Result<()> {
    let diagnosis = diagnose(&Evidence::of_message(message));
    match output {
        Format::Text => put!("{}", report::diagnosis_alone(&diagnosis)),
        Format::Json => say!("{}", json(&diagnosis)?),
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
