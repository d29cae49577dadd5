//! Why pods cannot pull, as text.

use std::fmt::Write as _;

use pullproof_credentials::{
    Difference, HostDifference, Lookup, NearSecret, NoKeys, PathDifference, Reason, Sent, UseOf,
};
use pullproof_diagnosis::{Candidate, Diagnosis, Step, message::is_hidden};

use crate::{
    explain::{Explanation, Pull},
    probe::{Answers, Outcome},
};

use super::probe::{outcome, requests};

/// Pulls of a finding that are listed by name.
const LISTED: usize = 5;
/// Rows of a table that are shown.
const SHOWN: usize = 20;

/// Returns an explanation as text: of each finding the cause first, then what its secrets hold, then
/// what to do.
pub fn explanation(explanation: &Explanation) -> String {
    let mut text = String::new();
    for (at, finding) in explanation.findings.iter().enumerate() {
        if at > 0 {
            text.push('\n');
        }
        subject(&mut text, &finding.pulls);
        diagnosis(&mut text, &finding.diagnosis);
        let probe = finding.probes.first().map(AsRef::as_ref);
        table(&mut text, finding.lookup.as_ref(), probe);
        requests(&mut text, &finding.probes);
        remedy(&mut text, &finding.diagnosis);
    }
    // Writing to a String cannot fail, here and below.
    for note in &explanation.notes {
        writeln!(text, "\nnote: {}", plain(note)).ok();
    }
    for unread in &explanation.unread {
        writeln!(text, "\nwarning: {}", plain(unread)).ok();
    }
    text
}

/// Returns a diagnosis alone as text.
pub fn diagnosis_alone(of: &Diagnosis) -> String {
    let mut text = String::new();
    diagnosis(&mut text, of);
    remedy(&mut text, of);
    text
}

fn subject(text: &mut String, pulls: &[Pull]) {
    let Some(first) = pulls.first() else { return };
    let Pull { namespace, pod, container, image, reason, .. } = first;
    let (image, reason) = (plain(image), plain(reason));
    if pulls.len() == 1 {
        writeln!(text, "{namespace}/{pod}: container {container} cannot pull {image} ({reason})")
            .ok();
        return;
    }
    writeln!(text, "{} containers of the namespace {namespace} cannot pull", pulls.len()).ok();
    for Pull { pod, container, image, .. } in pulls.iter().take(LISTED) {
        writeln!(text, "  {pod}: container {container}, {}", plain(image)).ok();
    }
    if pulls.len() > LISTED {
        writeln!(text, "  … and {} more", pulls.len() - LISTED).ok();
    }
}

fn diagnosis(text: &mut String, of: &Diagnosis) {
    let sentence = capitalised(&of.sentence);
    match of.cause() {
        Some(cause) => {
            writeln!(text, "\n  {sentence}.\n  cause: {cause}: {}", cause.meaning()).ok();
        }
        None => {
            writeln!(text, "\n  {sentence}.").ok();
            for Candidate { id, meaning, decides } in of.candidates() {
                writeln!(text, "  candidate: {id}: {meaning}\n    decided by: {decides}").ok();
            }
        }
    }
}

fn remedy(text: &mut String, of: &Diagnosis) {
    if let Some(Step { text: step, command }) = &of.remedy {
        writeln!(text, "\n  hint: {step}").ok();
        if let Some(command) = command {
            writeln!(text, "    {command}").ok();
        }
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase().collect::<String>());
    first.unwrap_or_default() + characters.as_str().trim_end_matches('.')
}

fn table(text: &mut String, lookup: Option<&Lookup>, probe: Option<&Answers>) {
    let mut all: Vec<Row> = lookup.into_iter().flat_map(|lookup| rows(lookup, probe)).collect();
    // What matches or nearly does comes first if not all is shown.
    if all.len() > SHOWN {
        all.sort_by_key(|row| (!row.matches, !row.near));
    }
    let more = all.len().saturating_sub(SHOWN);
    all.truncate(SHOWN);
    let none = || "-".to_owned();
    let mut cells: Vec<[String; 5]> = all
        .into_iter()
        .map(|row| {
            let matches = match row.why {
                Some(why) => format!("no: {why}"),
                None => "yes".to_owned(),
            };
            let answer = row.answer.map_or_else(none, outcome);
            let key = row.key.unwrap_or_else(none);
            [row.secret, key, matches, row.sent_words, answer].map(|cell| plain(&cell))
        })
        .collect();
    if let Some(probe) = probe {
        let without = "no credentials".to_owned();
        cells.push([none(), none(), none(), without, outcome(probe.anonymous)]);
    }
    if cells.is_empty() {
        return;
    }
    let heads = ["SECRET", "KEY", "MATCHES", "SENT", "ANSWER"].map(str::to_owned);
    cells.insert(0, heads);
    let shown = if probe.is_some() { 5 } else { 4 };
    let width = |column: usize| {
        cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    };
    let widths = [0, 1, 2, 3, 4].map(width);
    text.push('\n');
    for row in &cells {
        let cells = row.iter().zip(widths).take(shown);
        let line: String = cells.map(|(cell, width)| format!("  {cell:<width$}")).collect();
        writeln!(text, "{}", line.trim_end()).ok();
    }
    if more > 0 {
        writeln!(text, "  … and {more} more keys").ok();
    }
}

/// What comes of a key of a secret, or of a secret without keys.
pub(super) struct Row {
    pub(super) secret: String,
    pub(super) key: Option<String>,
    pub(super) matches: bool,
    pub(super) near: bool,
    pub(super) sent: bool,
    pub(super) sent_words: String,
    pub(super) user: Option<String>,
    pub(super) why: Option<String>,
    /// What the registry answers to its credentials, if it was asked.
    pub(super) answer: Option<Outcome>,
}

pub(super) fn rows(lookup: &Lookup, probe: Option<&Answers>) -> impl Iterator<Item = Row> {
    // A probe has the credentials that are sent, in the order of the look-up.
    let mut answers = probe.into_iter().flat_map(|probe| &probe.logins);
    lookup.rows().map(move |row| {
        let (secret, key) = (row.secret.name.clone(), row.key.map(str::to_owned));
        match row.use_of {
            UseOf::Tried(credential) => {
                let user = credential.user().into_owned();
                let why_not = match &credential.sent {
                    Sent::Yes => None,
                    Sent::Helper(name) => Some(format!("{name} of another machine has them")),
                    Sent::Token => Some("only a token, which the kubelet does not read".to_owned()),
                    Sent::Empty => Some("neither user nor password".to_owned()),
                    Sent::NoUser => Some("no user".to_owned()),
                    Sent::NoPassword => Some("no password".to_owned()),
                };
                let sent = why_not.is_none();
                Row {
                    secret,
                    key,
                    answer: if sent { answers.next().map(|login| login.outcome) } else { None },
                    matches: true,
                    near: true,
                    sent,
                    sent_words: match why_not {
                        None => format!("yes, as {}", plain(&user)),
                        Some(why) => format!("no: {why}"),
                    },
                    user: Some(user).filter(|user| !user.is_empty()),
                    why: None,
                }
            }
            UseOf::PassedOver(reason) => Row {
                secret,
                key,
                matches: false,
                answer: None,
                near: reason.is_near(),
                sent: false,
                sent_words: "no".to_owned(),
                user: None,
                why: Some(why(reason)),
            },
        }
    })
}

/// A text of the cluster, on one line and without what a terminal acts on.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if is_hidden(c) { '\u{fffd}' } else { c }).collect()
}

fn why(reason: &Reason) -> String {
    match reason {
        Reason::Absent(None) => "no such secret in the pod's namespace".to_owned(),
        Reason::Absent(Some(NearSecret::OtherNamespace(namespace))) => {
            format!("the secret is in the namespace {namespace}")
        }
        Reason::Absent(Some(NearSecret::Name(name))) => {
            format!("no such secret; there is {name}")
        }
        Reason::WrongType { kind, .. } => {
            format!("the type {} is not a pull secret's", plain(kind))
        }
        Reason::WrongDataKey { expected, .. } => format!("its data has no key {expected}"),
        Reason::EmptyData => "its data is empty".to_owned(),
        Reason::Undecodable { error, wrapped: false } => format!("cannot be decoded: {error}"),
        Reason::Undecodable { error, wrapped: true } => {
            format!("cannot be decoded: {error}; a .dockercfg holds a whole config.json")
        }
        Reason::Neighbour(secret) => format!("not used, as {} cannot be decoded", secret.name),
        Reason::NoKeys(NoKeys::Store(store)) => {
            format!("no keys: they are in the store {} of another machine", plain(store))
        }
        Reason::NoKeys(NoKeys::Helpers(helpers)) => {
            format!("no keys: they are with {} of another machine", plain(&helpers.join(", ")))
        }
        Reason::NoKeys(NoKeys::Unwrapped) => "its keys are not under `auths`".to_owned(),
        Reason::NoKeys(NoKeys::Nothing) => "it has no keys".to_owned(),
        Reason::Wrapped => {
            "`auths` of a config.json in a .dockercfg, which has no such level".to_owned()
        }
        Reason::NotUrl(error) => format!("not a URL: {error}"),
        Reason::ImageNotUrl(error) => format!("the image's host is not a URL's: {error}"),
        Reason::Mismatch(differences) => {
            differences.iter().map(difference).collect::<Vec<_>>().join(", ")
        }
        Reason::OtherKeyMatches(key) => format!("used only if no other matches, and {key} does"),
    }
}

fn difference(difference: &Difference) -> String {
    match difference {
        Difference::Host(host) => match host {
            HostDifference::Labels { key, image } => {
                format!("{key} labels, the image's host has {image}")
            }
            HostDifference::Case => "capitals differ".to_owned(),
            HostDifference::Similar(1) => "one letter differs".to_owned(),
            HostDifference::Similar(letters) => format!("{letters} letters differ"),
            HostDifference::DockerHub => "Docker Hub's key is index.docker.io".to_owned(),
            HostDifference::Ipv6WithoutPort => {
                "an IPv6 address without a port matches nothing".to_owned()
            }
            HostDifference::BadPattern => "the pattern is malformed".to_owned(),
            HostDifference::Other => "another host".to_owned(),
        },
        Difference::Port { key, image } => match (key, image) {
            (None, Some(image)) => format!("no port, the image has {image}"),
            (Some(key), None) => format!("port {key}, the image has none"),
            (Some(key), Some(image)) => format!("port {key}, the image has {image}"),
            (None, None) => "the port differs".to_owned(),
        },
        Difference::Path(path) => match path {
            PathDifference::ApiVersion => "the API version is a path without a slash behind it",
            PathDifference::TrailingSlash => "a slash behind the repository",
            PathDifference::TagOrDigest => "a tag or digest is not part of a key",
            PathDifference::Case => "capitals of the path differ",
            PathDifference::Library => "Docker Hub's official images are below library/",
            PathDifference::DockerHub => "Docker Hub's key has no path",
            PathDifference::Pattern => "a pattern in the path stands for itself",
            PathDifference::Other => "another path",
        }
        .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use pullproof_credentials::{Image, Keyring, KubernetesVersion, PullSecret};
    use pullproof_diagnosis::{Evidence, diagnose};

    use super::*;
    use crate::{
        explain::Finding,
        report::{explanation_json, explanation_schema},
    };

    fn example() -> Explanation {
        let version = KubernetesVersion::new(37, 2);
        let config = r#"{"auths": {"registry.example": {"auth": "amFuZTpjNG40cnk="},
            "quay.io": {"username": "jane", "password": "c4n4ry"}}}"#;
        let secrets = [PullSecret::docker_config_json("shop", "regcred", config)];
        let image = Image::parse("registry.example:5000/team/app:v1", version).unwrap();
        let lookup = Keyring::new(&secrets, version).unwrap().lookup(&image);
        let message = "failed to pull and unpack image \"registry.example:5000/team/app:v1\": failed to \
            resolve reference \"registry.example:5000/team/app:v1\": pull access denied, repository does \
            not exist or may require authorization: authorization failed: no basic auth credentials";
        let evidence = Evidence {
            keyring: Some(pullproof_diagnosis::keyring::Lookup::Read(
                pullproof_diagnosis::pull_secrets::of_lookup(&lookup),
            )),
            image: Some("registry.example:5000/team/app:v1".into()),
            ..Evidence::of_message(message)
        };
        Explanation {
            findings: vec![Finding {
                diagnosis: diagnose(&evidence),
                lookup: Some(lookup),
                pulls: vec![Pull {
                    namespace: "shop".into(),
                    pod: "web".into(),
                    container: "web".into(),
                    image: "registry.example:5000/team/app:v1".into(),
                    node: Some("node-1".into()),
                    reason: "ImagePullBackOff".into(),
                }],
                probes: Vec::new(),
            }],
            unread: vec!["the node node-1 may not be read".into()],
            notes: Vec::new(),
        }
    }

    #[test]
    fn the_cause_comes_first_then_the_keys_then_the_remedy() {
        insta::assert_snapshot!(explanation(&example()));
    }

    #[test]
    fn nothing_of_a_password_is_in_any_form() {
        for text in [explanation(&example()), explanation_json(&example())] {
            assert!(!text.contains("c4n4ry") && !text.contains("amFuZTpjNG40cnk"), "{text}");
        }
    }

    #[test]
    fn the_json_has_a_version_and_the_cause() {
        let json: serde_json::Value = serde_json::from_str(&explanation_json(&example())).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["findings"][0]["cause"], "key-mismatch");
        assert_eq!(json["findings"][0]["keyring"][0]["matches"], false);
        assert_eq!(json["findings"][0]["pulls"][0]["pod"], "web");
    }

    #[test]
    fn the_kept_schema_is_that_of_the_json() {
        let kept = include_str!("../../../docs/explain.schema.json");
        assert_eq!(
            kept,
            explanation_schema(),
            "repair it with: cargo run -q -- explain --schema > docs/explain.schema.json"
        );
    }
}
