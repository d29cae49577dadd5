//! What kubelet, kubectl and logs put around an error: prefixes, image names, lists of errors.

use crate::message::field;

/// The image of the message, as the pod names it and as the runtime completed it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Images {
    pub requested: Option<String>,
    pub completed: Option<String>,
}

/// Words before the image as the pod names it.
const REQUESTED: &[&str] = &[
    "Failed to pull image",
    "Back-off pulling image",
    "failed to get sandbox image",
    "Failed to apply default image tag",
    "Failed to inspect image",
    "Container image",
    "Error pulling image",
    "Pull image",
    "PullImage",
    "failed pulling image",
    "Pulling image",
    "image=",
];

/// Words before the image as the runtime completed it.
const COMPLETED: &[&str] = &[
    "failed to pull and unpack image",
    "failed to resolve reference",
    "failed to pull image",
    "failed to resolve image",
];

/// Words that stand only where a pod sandbox is made.
const SANDBOX: &[&str] = &[
    "sandbox image",
    // dockershim and cri-dockerd, core/helpers.go
    "failed pulling image",
    "Failed to create pod sandbox",
    "Failed create pod sandbox",
    "CreatePodSandbox",
    "FailedCreatePodSandBox",
    "failed to start sandbox",
    "Failed to create sandbox for pod",
    "RunPodSandbox",
];

pub(crate) fn images(text: &str) -> Images {
    let first = |words: &[&str]| {
        words.iter().find_map(|word| field::quoted_after(text, word)).map(str::to_owned)
    };
    let completed = first(COMPLETED).or_else(|| leading(text));
    let requested = first(REQUESTED).or_else(|| unquoted(text)).or_else(|| completed.clone());
    Images { requested, completed }
}

/// What is left of containerd's frame if its first words are cut off.
fn leading(text: &str) -> Option<String> {
    let (image, _) = text.strip_prefix('"')?.split_once("\": ")?;
    let is_image = image.contains('/') && !image.contains([' ', '"', '=']);
    is_image.then(|| image.to_owned())
}

/// Old wordings put no quotes around the image.
fn unquoted(text: &str) -> Option<String> {
    const BEFORE: &[&str] =
        &["image pull failed for ", "pull access denied for ", "manifest for ", "docker://"];
    BEFORE.iter().find_map(|words| {
        let rest = &text[text.find(words)? + words.len()..];
        let image = rest.split_whitespace().next()?.trim_end_matches([',', ':', '.', '"', ']']);
        (!image.is_empty()).then(|| image.to_owned())
    })
}

pub(crate) fn is_sandbox(text: &str) -> bool {
    SANDBOX.iter().any(|words| text.contains(words))
}

/// Returns the error of the pull itself: without CRI-O's second try as an artifact
/// (`internal/storage/image.go`, from 1.33), and without the mirrors that failed before
/// (containers/image `docker/docker_image_src.go`).
pub(crate) fn primary(text: &str) -> &str {
    let image = match text.split_once("; artifact err: ") {
        Some((image, _)) if image.contains("pull image err: ") => image,
        _ => text,
    };
    match image.split_once(MIRRORS).and_then(|(_, rest)| rest.split_once("]): ")) {
        Some((_, registry)) => registry,
        None => image,
    }
}

/// Returns whether mirrors failed before the registry did.
pub(crate) fn after_mirrors(text: &str) -> bool {
    text.contains(MIRRORS)
}

/// The words before the list of mirrors and their errors.
const MIRRORS: &str = "(Mirrors also failed: ";

/// Splits kubelet's list of one error per credential, `[e1, e2]` (`apimachinery/pkg/util/errors`).
pub(crate) fn parts(text: &str) -> Vec<&str> {
    const NEXT: &[&str] = &[
        ", rpc error: code = ",
        ", failed to pull and unpack image ",
        ", unable to pull image or OCI artifact",
    ];
    if !text.contains('[') {
        return vec![text];
    }
    let mut cuts: Vec<usize> =
        NEXT.iter().flat_map(|words| text.match_indices(words).map(|(at, _)| at)).take(8).collect();
    cuts.sort_unstable();
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let mut start = 0;
    for cut in cuts {
        parts.push(&text[start..cut]);
        start = cut + 2;
    }
    parts.push(&text[start..]);
    parts
}

/// Returns the innermost error: what follows the last frame, without endings that say nothing.
pub(crate) fn innermost(text: &str) -> &str {
    const CUTS: usize = 64;
    const EMPTY: &[&str] = &[
        "unknown",
        "failed precondition",
        "unavailable",
        "invalid argument",
        "not implemented",
        "not found",
        "EOF",
        "x",
    ];
    let text = text.rsplit("desc = ").next().unwrap_or(text);
    let text = text.trim_end_matches(['"', ' ', '\\', ']']);
    let mut start = text.len();
    for _ in 0..CUTS {
        let Some(cut) = text[..start].rfind(": ") else { return text.trim() };
        let inner = text[cut + 2..].trim();
        let says_something = inner.len() > 3 && !EMPTY.contains(&inner);
        // A cut within quotes or an address would tear a value apart.
        if says_something && inner.matches('"').count().is_multiple_of(2) {
            return inner;
        }
        start = cut;
    }
    text[start..].trim_start_matches(": ").trim()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "spec.containers{a}: Failed to pull image \"team/a\": rpc error: code = Unknown desc = failed to pull and unpack image \"docker.io/team/a:latest\": x",
        Some("team/a"),
        Some("docker.io/team/a:latest")
    )]
    #[case("Back-off pulling image \"team/a\"", Some("team/a"), None)]
    #[case("image pull failed for reg/a:1, this may be", Some("reg/a:1"), None)]
    #[case("\"docker.io/team/a:1\": x", Some("docker.io/team/a:1"), Some("docker.io/team/a:1"))]
    #[case("nothing", None, None)]
    fn images_are_found(
        #[case] text: &str,
        #[case] requested: Option<&str>,
        #[case] completed: Option<&str>,
    ) {
        let found = images(text);
        assert_eq!(
            (found.requested.as_deref(), found.completed.as_deref()),
            (requested, completed)
        );
    }

    #[test]
    fn one_error_per_credential() {
        let text = "x: [rpc error: code = NotFound desc = a: not found, rpc error: code = Unknown desc = b]";
        assert_eq!(parts(text).len(), 2);
        assert_eq!(
            parts("no list, rpc error: code = Unknown"),
            ["no list, rpc error: code = Unknown"]
        );
    }

    #[rstest]
    #[case(
        "rpc error: code = Unknown desc = failed to frob: the widget broke: unknown",
        "the widget broke: unknown"
    )]
    #[case("just words", "just words")]
    #[case("", "")]
    fn the_innermost_error(#[case] text: &str, #[case] expected: &str) {
        assert_eq!(innermost(text), expected);
    }
}
