use std::fs;
use std::path::Path;

use pullproof_manifests::{Baseline, Check, Checked, Manifests, Source};

use super::*;

const TEXT: &str = "\
---
# Source: shop/templates/secret.yaml
apiVersion: v1
kind: Secret
metadata: {name: regcred}
type: kubernetes.io/dockerconfigjson
stringData:
  .dockerconfigjson: '{\"auths\": {\"ghcr.io\": {\"username\": \"jane\", \"password\": \"c4n4ry-jane\"}}}'
---
# Source: shop/templates/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      imagePullSecrets: [{name: regcred}]
      containers:
      - {name: web, image: ghcr.io/acme/web:1}
      - {name: proxy, image: 'quay.io/acme/proxy:1'}
---
# Source: shop/templates/hook.yaml
apiVersion: batch/v1
kind: Job
metadata: {name: migrate, annotations: {helm.sh/hook: pre-upgrade}}
spec:
  template:
    spec:
      imagePullSecret: [{name: regcred}]
      containers:
      - {name: migrate, image: ghcr.io/acme/migrate:1}
";

fn checked() -> Checked {
    let manifests = Manifests::read([Source::named("-", TEXT)], "shop").unwrap();
    Check::default().run(&manifests)
}

#[test]
fn the_table_comes_first_then_each_finding_with_its_hint() {
    let checked = checked();
    let report = CheckReport { checked: &checked, accepted: &Baseline::default() };
    insta::assert_snapshot!(text(&report));
}

#[test]
fn the_summary_of_a_step_is_a_table() {
    let checked = checked();
    let report = CheckReport { checked: &checked, accepted: &Baseline::default() };
    insta::assert_snapshot!(markdown(&report));
}

#[test]
fn an_accepted_finding_is_marked_in_every_report() {
    let checked = checked();
    let accepted = Baseline::of(&checked.findings[..1]);
    let report = CheckReport { checked: &checked, accepted: &accepted };
    assert_eq!(report.new_findings().count(), checked.findings.len() - 1);
    assert!(text(&report).contains("1 accepted finding not shown"));
    let sarif: serde_json::Value = serde_json::from_str(&sarif(&report)).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results[0]["suppressions"][0]["kind"], "external");
    assert!(results[1].get("suppressions").is_none());
    let json: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
    assert_eq!(json["findings"][0]["accepted"], true);
    let junit = junit(&report).unwrap();
    assert!(junit.contains("<skipped message=\"accepted: -:"), "{junit}");
    assert!(junit.contains(r#"tests="4" skipped="1" failures="2""#), "{junit}");
}

#[test]
fn sarif_points_at_the_template_or_at_the_line() {
    let place = |checked: &Checked| {
        let report = CheckReport { checked, accepted: &Baseline::default() };
        let log: serde_json::Value = serde_json::from_str(&sarif(&report)).unwrap();
        log["runs"][0]["results"][0]["locations"][0]["physicalLocation"].clone()
    };
    let from_input = place(&checked());
    assert_eq!(from_input["artifactLocation"]["uri"], "shop/templates/web.yaml");
    let manifests = Manifests::read([Source::named("./a b/web.yaml", TEXT)], "shop").unwrap();
    let from_file = place(&Check::default().run(&manifests));
    assert_eq!(from_file["artifactLocation"]["uri"], "a%20b/web.yaml");
    assert_eq!(from_file["region"]["startLine"], 20);
}

/// Every manifest of the tests, with its passwords, in every report.
#[test]
fn no_password_is_in_any_report() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check");
    let mut seen = 0;
    for folder in fs::read_dir(root).unwrap() {
        let Ok(content) = fs::read_to_string(folder.unwrap().path().join("manifests.yaml")) else {
            continue;
        };
        let manifests = Manifests::read([Source::named("-", &content)], "default").unwrap();
        let checked = Check::default().run(&manifests);
        let report = CheckReport { checked: &checked, accepted: &Baseline::default() };
        seen += usize::from(content.contains("c4n4ry") || content.contains("YzRuNHJ5"));
        for text in [
            text(&report),
            json(&report),
            junit(&report).unwrap(),
            sarif(&report),
            markdown(&report),
        ] {
            assert!(!text.contains("c4n4ry") && !text.contains("YzRuNHJ5"), "{text}");
        }
    }
    assert!(seen > 20, "{seen}");
}
