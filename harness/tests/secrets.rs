//! A password of a case is found nowhere: not in what is printed, not in the evidence.

mod support;

use std::{fs, path::Path};

use base64::{Engine, engine::general_purpose::STANDARD};
use support::{pullproof, run};

const CANARY: &str = "c4n4ry$Passw0rd\\";

/// Fails on purpose, after having shown the password in every way a case can.
const CASE: &str = r#"
title: A case that fails and shows its password
source: a test
registries:
  registry:
    auth: {basic: {janedoe: 'c4n4ry$Passw0rd\'}}
    images: [team/app:v1]
steps:
- run: mkdir ~/.docker && echo '{}' >~/.docker/config.json
- run:
    command: docker login --username janedoe --password-stdin $REGISTRY
    stdin: 'c4n4ry$Passw0rd\'
- run: kubectl create secret generic regcred --from-file=.dockerconfigjson=$HOME/.docker/config.json --type=kubernetes.io/dockerconfigjson
- apply:
    apiVersion: v1
    kind: Pod
    metadata: {name: app, annotations: {careless: 'c4n4ry$Passw0rd\'}}
    spec:
      containers: [{name: app, image: $REGISTRY/team/app:v1}]
      imagePullSecrets: [{name: regcred}]
- expect: {pod: app, phase: Running}
- run:
    command: cat ~/.docker/config.json; kubectl get secret regcred -o yaml; echo 'c4n4ry$Passw0rd\' >&2; exit 1
"#;

fn every_file(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("the evidence").flatten() {
        let path = entry.path();
        if path.is_dir() {
            every_file(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
}

#[test]
fn a_password_is_found_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case.yaml");
    fs::write(&case, CASE).unwrap();
    let evidence = dir.path().join("evidence");
    let mut command = pullproof(&["run", &case.to_string_lossy()]);
    let ran = run(command.env("PULLPROOF_EVIDENCE", &evidence)).with_status(1);
    assert!(ran.stdout.contains("exit status: status 0"), "{}", ran.stdout);
    assert!(ran.stdout.contains("[redacted]"), "{}", ran.stdout);

    let mut seen =
        vec![("output".to_owned(), format!("{}{}", ran.stdout, ran.stderr).into_bytes())];
    every_file(&evidence, &mut seen);
    let names: Vec<&str> = seen.iter().filter_map(|(name, _)| name.rsplit('/').next()).collect();
    for name in [
        "outcome.json",
        "events.json",
        "pod-app.yaml",
        "requests-registry.json",
        "node-journal.log",
        "registry-registry.log",
    ] {
        assert!(names.contains(&name), "no {name} in the evidence: {names:?}");
    }
    let auth = STANDARD.encode(format!("janedoe:{CANARY}"));
    let forms =
        ["c4n4ry", auth.as_str(), &STANDARD.encode(CANARY), &STANDARD.encode(auth.as_bytes())];
    for (name, bytes) in &seen {
        let text = String::from_utf8_lossy(bytes);
        for form in forms {
            assert!(!text.contains(form), "{name} holds the password as {form}");
        }
    }
}
