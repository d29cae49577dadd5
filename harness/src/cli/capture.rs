//! `pullproof capture`

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    capture::{Options, capture},
    case::CaseFile,
    explain::pod_evidence,
};

use super::{
    connection::{Connection, Probing},
    output::{note, put, say},
    reports,
    signals::interruptible,
};

/// What `capture` takes.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads the cluster and changes nothing. The file holds no user name, password, token or \
    e-mail address of the cluster: each is replaced by an invented one of the same shape. `pullproof \
    reproduce FILE` runs it."
)]
pub struct Arguments {
    /// The pod
    #[arg(value_name = "POD")]
    pod: String,
    #[command(flatten)]
    connection: Connection,
    #[command(flatten)]
    probing: Probing,
    /// The file; - is standard output
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Replace the names of hosts too, everywhere alike
    #[arg(long)]
    anonymise: bool,
}

/// Writes a pod of a cluster as a case.
pub async fn main(arguments: Arguments) -> anyhow::Result<()> {
    let prober = arguments.probing.prober()?;
    let read = async {
        let (client, namespace) = arguments.connection.open().await?;
        anyhow::Ok(pod_evidence(&client, &namespace, &arguments.pod, prober.as_ref()).await?)
    };
    let evidence = interruptible(read).await??;
    let options = Options { anonymise: arguments.anonymise, seed: rand::random() };
    let text = capture(&evidence, options)?;
    let file = arguments.output.as_path();
    if file == Path::new("-") {
        put!("{text}");
        return Ok(());
    }
    // What could not be read back would be of no use to its recipient.
    let read_back = CaseFile::parse(file, &text);
    reports::write(Some(file), || Ok(text))?;
    match read_back {
        Ok(case) => {
            say!("wrote {}: {}", file.display(), case.case.title);
            if let Some(note_) = &case.case.note {
                say!("{note_}");
            }
        }
        Err(error) => note(format_args!("warning: the case has to be completed by hand: {error}")),
    }
    Ok(())
}
