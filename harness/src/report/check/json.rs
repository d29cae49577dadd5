//! What was checked, as JSON.

use pullproof_manifests::{CheckedPod, Finding, Outcome};
use serde::Serialize;

use super::{CheckReport, words};

/// The version of the JSON. It grows if a field goes or changes its meaning; new fields may come.
const VERSION: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportJson<'a> {
    version: u32,
    summary: String,
    pods: Vec<PodJson<'a>>,
    findings: Vec<FindingJson<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodJson<'a> {
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    /// Where in the object.
    path: &'a str,
    hook: Option<&'a str>,
    rendered_from: Option<&'a str>,
    service_account: &'a str,
    secrets: &'a [String],
    containers: Vec<ContainerJson<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContainerJson<'a> {
    kind: &'static str,
    name: &'a str,
    image: &'a str,
    file: &'a str,
    line: u64,
    /// `authenticated`, `public`, `refused` or `failed`.
    outcome: &'static str,
    secret: Option<&'a str>,
    key: Option<&'a str>,
    user: Option<&'a str>,
    cause: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FindingJson<'a> {
    id: &'a str,
    rule: &'static str,
    accepted: bool,
    file: &'a str,
    line: u64,
    column: u64,
    namespace: &'a str,
    kind: &'a str,
    name: &'a str,
    container: Option<&'a str>,
    image: Option<&'a str>,
    rendered_from: Option<&'a str>,
    sentence: String,
    hint: String,
}

/// Returns what was checked, as JSON.
pub fn json(report: &CheckReport<'_>) -> String {
    let checked = report.checked;
    let json = ReportJson {
        version: VERSION,
        summary: report.summary(),
        pods: checked.pods.iter().map(pod_json).collect(),
        findings: checked.findings.iter().map(|finding| finding_json(report, finding)).collect(),
        notes: &checked.notes,
    };
    format!("{:#}\n", serde_json::json!(json))
}

fn pod_json(pod: &CheckedPod) -> PodJson<'_> {
    let template = &pod.template;
    PodJson {
        namespace: &template.object.namespace,
        kind: &template.object.kind,
        name: &template.object.name,
        path: &template.path,
        hook: template.hook.as_deref(),
        rendered_from: template.rendered_from.as_deref(),
        service_account: &pod.service_account,
        secrets: &pod.secrets,
        containers: pod
            .containers()
            .map(|(container, outcome)| {
                let (word, [secret, key, user], cause) = match outcome {
                    Outcome::Authenticated { secret, key, user } => {
                        ("authenticated", [secret, key, user].map(|it| Some(it.as_str())), None)
                    }
                    Outcome::Public => ("public", [None; 3], None),
                    Outcome::Refused => ("refused", [None; 3], None),
                    Outcome::Failed(failure) => ("failed", [None; 3], Some(failure.cause.id())),
                };
                ContainerJson {
                    kind: words::kind(container.kind),
                    name: &container.name,
                    image: &container.image,
                    file: &container.location.file,
                    line: container.location.line,
                    outcome: word,
                    secret,
                    key,
                    user,
                    cause,
                }
            })
            .collect(),
    }
}

fn finding_json<'a>(report: &CheckReport<'_>, finding: &'a Finding) -> FindingJson<'a> {
    let container = finding.container.as_ref();
    FindingJson {
        id: &finding.id,
        rule: finding.rule.id(),
        accepted: report.accepted.accepts(finding),
        file: &finding.location.file,
        line: finding.location.line,
        column: finding.location.column,
        namespace: &finding.object.namespace,
        kind: &finding.object.kind,
        name: &finding.object.name,
        container: container.map(|it| it.name.as_str()),
        image: container.map(|it| it.image.as_str()),
        rendered_from: finding.rendered_from.as_deref(),
        sentence: words::sentence(finding),
        hint: words::hint(finding),
    }
}
