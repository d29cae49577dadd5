//! Texts that are no manifests, or many, or hostile.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use pullproof_manifests::{Check, Finding, ManifestError, Manifests, Source};
use rstest::rstest;

fn read(text: &str) -> Result<Manifests, ManifestError> {
    Manifests::read([Source::named("web.yaml", text)], "default")
}

#[rstest]
#[case("", "web.yaml: no manifest was found")]
#[case("---\n# nothing\n---\nnull\n", "web.yaml: no manifest was found")]
#[case("hello\n", "web.yaml:1:1: expected a Kubernetes object, a mapping with apiVersion and kind")]
#[case("replicas: 1\n", "web.yaml:1:1: expected an object, which has `apiVersion`")]
#[case("apiVersion: v1\nkind: [Pod]\n", "web.yaml:2:7: expected a text for `kind`")]
#[case(
    "apiVersion: v1\nkind: List\nitems:\n- 1\n",
    "web.yaml:4:3: expected a Kubernetes object, a mapping"
)]
#[case(
    "apiVersion: v1\nkind: ConfigMap\n",
    "web.yaml: none of 1 objects has a container with an image"
)]
#[case("a: *b\n", "web.yaml:1:4: is not YAML: ")]
#[case("a: \"b\n", "web.yaml:1:4: is not YAML: ")]
#[case("a:\n\tb: 1\n", "web.yaml:2:2: is not YAML: ")]
fn a_text_without_manifests_is_an_error_that_names_the_line(
    #[case] text: &str,
    #[case] error: &str,
) {
    let found = read(text).map(|_| ()).unwrap_err().to_string();
    assert!(found.starts_with(error), "{found}");
    assert!(!found.contains("hint"), "{found}");
}

#[rstest]
#[case("{{- if .Values.on }}\napiVersion: v1\n{{- end }}\n", "web.yaml:1:")]
#[case(
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ include \"web.name\" . }}\n",
    "web.yaml:4:"
)]
#[case(
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n",
    "web.yaml:5:"
)]
#[case(
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: \"{{ .Values.image }}\"\n",
    "web.yaml:5:"
)]
fn a_template_has_to_be_rendered_first(#[case] text: &str, #[case] place: &str) {
    let found = read(text).map(|_| ()).unwrap_err().to_string();
    assert!(found.starts_with(place), "{found}");
    assert!(found.contains("\n  hint: ") && found.contains("run helm template first"), "{found}");
}

#[test]
fn an_image_that_another_program_fills_in_is_noted() {
    let text = "apiVersion: acme.example/v1\nkind: Flow\nspec:\n  containers:\n  - image: '{{image}}'\n  - image: a\n";
    let manifests = read(text).unwrap();
    assert_eq!(manifests.templates[0].containers.len(), 1);
    assert_eq!(manifests.notes, ["web.yaml:5: the image is filled in later; it is not checked"]);
}

#[test]
fn files_of_a_folder_that_hold_no_object_are_left_out() {
    let values = Source { name: "values.yaml", text: "image: web\n", found: true };
    let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: web}]}\n";
    let manifests = Manifests::read([values, Source::named("pod.yaml", pod)], "shop").unwrap();
    assert_eq!(manifests.objects, 1);
    assert_eq!(manifests.templates[0].object.namespace, "shop");
    assert!(Manifests::read([values], "shop").is_err());
}

/// 1,000 secrets and service accounts, 2,000 workloads.
fn many() -> String {
    let mut text = String::new();
    for at in 0..1000 {
        let key = format!("r{at}.example");
        writeln!(
            text,
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: s{at}, namespace: n{}}}\ntype: \
             kubernetes.io/dockerconfigjson\nstringData:\n  .dockerconfigjson: '{{\"auths\": {{\"{key}\": \
             {{\"username\": \"u\", \"password\": \"p\"}}}}}}'",
            at % 10
        )
        .unwrap();
    }
    for at in 0..2000 {
        writeln!(
            text,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d{at}, namespace: n{}}}\nspec:\n  \
             template:\n    spec:\n      imagePullSecrets: [{{name: s{}}}]\n      containers:\n      - name: \
             web\n        image: r{}.example/web:1\n      - name: proxy\n        image: quay.io/proxy:1",
            at % 10,
            at % 1000,
            at % 1000
        )
        .unwrap();
    }
    text
}

#[test]
fn thousands_of_manifests_are_checked_one_by_one() {
    let manifests = read(&many()).unwrap();
    assert_eq!((manifests.objects, manifests.templates.len()), (3000, 2000));
    let checked = Check::default().run(&manifests);
    assert_eq!((checked.authenticated(), checked.findings.len()), (2000, 2000));
}

#[test]
fn a_finding_keeps_its_id_when_lines_and_tags_change() {
    let pod = |before: &str, tag: &str| {
        let text = format!(
            "{before}apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  containers:\n  - \
             {{name: web, image: 'ghcr.io:5000/acme/web{tag}'}}\n"
        );
        let checked = Check::default().run(&read(&text).unwrap());
        checked.findings.into_iter().map(|Finding { id, .. }| id).collect::<Vec<_>>()
    };
    let expected = ["no-credentials default/Pod/web web ghcr.io:5000/acme/web"];
    assert_eq!(pod("", ":1"), expected);
    assert_eq!(pod("# a comment\n", ""), expected);
    assert_eq!(pod("", &format!(":2@sha256:{}", "0a".repeat(32))), expected);
}

/// Whatever is left of a file when its end, or a part of it, is gone, is read or refused.
#[test]
fn no_text_makes_the_reader_panic() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/check");
    for folder in fs::read_dir(root).unwrap() {
        let Ok(text) = fs::read_to_string(folder.unwrap().path().join("manifests.yaml")) else {
            continue;
        };
        for at in (0..text.len()).step_by(23).filter(|at| text.is_char_boundary(*at)) {
            let end = (at + 11..text.len()).find(|end| text.is_char_boundary(*end));
            let without = format!("{}{}", &text[..at], &text[end.unwrap_or(text.len())..]);
            for text in [&text[..at], &without] {
                if let Ok(manifests) = read(text) {
                    Check::default().run(&manifests);
                }
            }
        }
    }
}
