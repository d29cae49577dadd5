//! The cause of a failed pull, as `pullproof explain` gives it while the case runs.

use std::time::Duration;

use pullproof_diagnosis::{Asked, Cause, Diagnosis, Request as Recorded};

use crate::{
    case::model::RequestKind,
    evidence::PodHistory,
    expectation::Mismatch,
    explain::{Target, gather},
    image::Reference,
    registry::{Authorization, Origin, Request},
};

use crate::{limit::within, run::context::CaseContext};

/// How long reading what decides a cause may take.
const LIMIT: Duration = Duration::from_secs(30);

/// Returns the diagnosis of a pod's container, or of the first that fails: from what a user may read,
/// and again with the registries' record. None if nothing of the pod fails to pull.
///
/// # Errors
/// The cluster cannot be read.
pub(in crate::run) async fn diagnoses(
    context: &CaseContext<'_>,
    pod: &PodHistory,
    container: Option<&str>,
) -> anyhow::Result<Option<[Diagnosis; 2]>> {
    let target = Target::Pod(pod.name.clone());
    let gathered = gather(context.session.client(), &pod.namespace, &target);
    let gathered = within(LIMIT, "reading why the pod cannot pull", gathered).await?;
    let finding_with = |requests: &[Recorded]| {
        gathered.explain(requests).findings.into_iter().find(|finding| {
            let mut pulls = finding.pulls.iter();
            container.is_none_or(|name| pulls.any(|pull| pull.container == name))
        })
    };
    let Some(plain) = finding_with(&[]) else { return Ok(None) };
    let image = plain.pulls.first().map(|pull| Reference::of(&pull.image));
    let requests: Vec<Recorded> = context
        .registries
        .values()
        .flat_map(|live| live.registry.record().since(live.looked))
        .filter_map(|request| recorded(&request, image.as_ref()))
        .collect();
    Ok(finding_with(&requests).map(|witnessed| [plain.diagnosis, witnessed.diagnosis]))
}

/// A request of the node for an image, as a diagnosis takes it.
fn recorded(request: &Request, image: Option<&Reference>) -> Option<Recorded> {
    let asked = match request.kind {
        RequestKind::Token => Asked::Token,
        RequestKind::Manifest => Asked::Manifest,
        RequestKind::Blob => Asked::Blob,
        _ => return None,
    };
    let of_image = request
        .repository
        .as_deref()
        .is_none_or(|name| image.is_none_or(|image| name.ends_with(&image.repository)));
    let credentials = match &request.authorization {
        Authorization::Bearer { subject, .. } => {
            subject.as_deref().is_some_and(|name| !name.is_empty())
        }
        Authorization::None => false,
        Authorization::Basic { .. } | Authorization::Other => true,
    };
    let is_its_own = request.from == Origin::Node && of_image;
    is_its_own.then_some(())?;
    Some(Recorded { asked, credentials, status: request.status? })
}

/// Compares what was diagnosed with the cause that a case states.
pub(in crate::run) fn judge(
    cause: Cause,
    diagnoses: Option<&[Diagnosis; 2]>,
) -> Result<(), Mismatch> {
    let Some(diagnoses) = diagnoses else {
        return Err(Mismatch::new("cause", cause.id(), "nothing of the pod fails to pull"));
    };
    let from = ["cause, from what a user may read", "cause, with the registry's record"];
    for (from, diagnosis) in from.into_iter().zip(diagnoses) {
        let right = match diagnosis.cause() {
            Some(found) => found == cause,
            None => diagnosis.candidates().iter().any(|candidate| candidate.id == cause),
        };
        if !right {
            return Err(Mismatch::new(from, cause.id(), in_line(diagnosis)));
        }
    }
    Ok(())
}

/// A diagnosis in a line: the cause or the candidates, and the sentence.
pub(in crate::run) fn in_line(diagnosis: &Diagnosis) -> String {
    let ids = match diagnosis.cause() {
        Some(cause) => cause.to_string(),
        None => {
            let all: Vec<_> = diagnosis.candidates().iter().map(|one| one.id.id()).collect();
            format!("one of {}", all.join(", "))
        }
    };
    match diagnosis.is_unknown() {
        true => diagnosis.sentence.clone(),
        false => format!("{ids}: {}", diagnosis.sentence),
    }
}

#[cfg(test)]
mod tests {
    use pullproof_diagnosis::{Evidence, diagnose};

    use super::*;
    use crate::expectation::sample;

    #[test]
    fn a_cause_is_right_alone_or_among_candidates_and_from_both_kinds_of_evidence() {
        let certain =
            diagnose(&Evidence::of_message("x509: certificate signed by unknown authority"));
        let open =
            diagnose(&Evidence::of_message("authorization failed: no basic auth credentials"));
        let judge = |cause, one: &Diagnosis, other: &Diagnosis| {
            judge(cause, Some(&[one.clone(), other.clone()]))
        };
        assert_eq!(judge(Cause::TlsUnknownCa, &certain, &certain), Ok(()));
        assert_eq!(judge(Cause::NoCredentials, &open, &open), Ok(()));
        let mismatch = judge(Cause::NoCredentials, &open, &certain).unwrap_err();
        assert_eq!(mismatch.of, "cause, with the registry's record");
        assert!(mismatch.seen.starts_with("tls-unknown-ca: "), "{}", mismatch.seen);
        assert!(judge(Cause::DiskFull, &open, &open).is_err());
        assert!(super::judge(Cause::DiskFull, None).is_err());
    }

    #[test]
    fn requests_of_the_node_for_the_image_count() {
        let of = |line: &str| {
            recorded(&sample::request(line), Some(&Reference::of("registry.example/a/b:v1")))
        };
        let manifest =
            |credentials, status| Some(Recorded { asked: Asked::Manifest, credentials, status });
        assert_eq!(of("node HEAD /v2/a/b/manifests/v1 - 401"), manifest(false, 401));
        assert_eq!(of("node HEAD /v2/a/b/manifests/v1 janedoe 200"), manifest(true, 200));
        for other in [
            "node HEAD /v2/c/manifests/v1 - 401",
            "control HEAD /v2/a/b/manifests/v1 - 401",
            "node GET /v2/ - 401",
            "node HEAD /v2/a/b/manifests/v1 - -",
        ] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
