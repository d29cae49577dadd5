//! No password of a case is found in anything that leaves: output, evidence, reports, documents.

mod support;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use serde_json::{Value, json};
use support::{Ran, pullproof, run};

/// Passwords, each where it stands in the cases.
struct Canaries {
    right: String,
    /// Shares its first 80 bytes with the right one.
    wrong: String,
    old: String,
    new: String,
    option: String,
    lines: String,
    special: String,
    data: String,
    annotation: String,
    patch: String,
    merged: String,
    fixture: String,
    node: String,
    document: String,
    url: String,
    token: String,
    short: String,
}

/// So many bytes of a password give it away.
const PART: usize = 12;

/// Letters and digits that no other text has in this order.
fn letters(seed: u64, length: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let letter = |_| {
        // Xorshift: what it makes is the same in every run.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        LETTERS[(state >> 33) as usize % LETTERS.len()] as char
    };
    (0..length).map(letter).collect()
}

impl Canaries {
    fn new() -> Self {
        let shared = letters(1, 80);
        Self {
            right: format!("{shared}{}", letters(2, 120)),
            wrong: format!("{shared}{}", letters(3, 120)),
            old: letters(4, 20),
            new: letters(5, 20),
            option: letters(6, 300),
            lines: format!(
                "{}\n  {} {}\n{}",
                letters(7, 12),
                letters(8, 9),
                letters(9, 9),
                letters(10, 30)
            ),
            special: format!("{}\"$&<>\\%41ä {}", letters(11, 9), letters(12, 9)),
            data: letters(13, 24),
            annotation: letters(14, 24),
            patch: letters(15, 24),
            merged: letters(16, 24),
            fixture: letters(17, 24),
            node: letters(18, 24),
            document: letters(19, 24),
            url: letters(20, 24),
            token: letters(21, 24),
            short: letters(22, 7),
        }
    }

    fn all(&self) -> [&String; 17] {
        [
            &self.right,
            &self.wrong,
            &self.old,
            &self.new,
            &self.option,
            &self.lines,
            &self.special,
            &self.data,
            &self.annotation,
            &self.patch,
            &self.merged,
            &self.fixture,
            &self.node,
            &self.document,
            &self.url,
            &self.token,
            &self.short,
        ]
    }
}

fn auth(password: &str) -> String {
    STANDARD.encode(format!("janedoe:{password}"))
}

fn config(password: &str) -> String {
    json!({"auths": {"r.example.com": {"auth": auth(password), "password": password}}}).to_string()
}

fn pod(name: &str, image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "containers": [{"name": "app", "image": image}],
            "imagePullSecrets": [{"name": "regcred"}],
        },
    })
}

fn secret(name: &str, field: &str, value: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, field: value})
}

/// Passes after it has had each password in its hands.
fn passing(canaries: &Canaries) -> Value {
    let Canaries { right, old, new, option, lines, special, token, .. } = canaries;
    let mut app = pod("app", "$REGISTRY/team/app:v1");
    app["metadata"]["annotations"] =
        json!({"careless": canaries.annotation, "config": config(&canaries.annotation)});
    json!({
        "title": "A case that passes",
        "source": "a test",
        "note": format!("It is careless: janedoe:{option}"),
        "registries": {
            "registry": {"auth": {"basic": {"janedoe": right}}, "images": ["team/app:v1"]},
            "other": {"auth": {"token": {"users": {"janedoe": {"password": token}}}}},
        },
        "steps": [
            {"run": {
                "command": "mkdir ~/.docker && echo '{}' >~/.docker/config.json && docker login --username janedoe --password-stdin $REGISTRY",
                "stdin": right,
            }},
            {"run": "kubectl create secret generic regcred --from-file=.dockerconfigjson=$HOME/.docker/config.json --type=kubernetes.io/dockerconfigjson"},
            {"run": format!("kubectl create secret docker-registry option   --docker-server=r.example.com --docker-username=janedoe --docker-password={option}")},
            {"run": format!("kubectl create secret docker-registry lines --docker-server=r.example.com --docker-username=janedoe \\\n --docker-password='{lines}'")},
            {"run": format!("kubectl create secret docker-registry special --docker-server=r.example.com --docker-username=janedoe --docker-password='{special}'")},
            {"run": {"command": format!("cat >document <<'EOF'\n{}\nEOF\ncat document {}", config(&canaries.document), "config.json"),
                "stdout": {"contains": "auths"}}},
            {"apply": [app]},
            {"expect": {"pod": "app", "phase": "Running"}},
            {"registry": {"registry": "registry", "users": {"janedoe": old}}},
            {"registry": {"registry": "registry", "users": {"janedoe": new}}},
        ],
    })
}

/// Fails after it has shown each password in every way a case can.
fn failing(canaries: &Canaries) -> Value {
    let mut case = passing(canaries);
    case["title"] = "A case that fails and shows its passwords".into();
    let Canaries { wrong, option, lines, special, short, .. } = canaries;
    let shown: String = canaries
        .all()
        .into_iter()
        .filter(|one| *one != short)
        .map(|one| format!("printf '%s' '{one}' >&2; printf '%s' '{one}' | base64; printf '%s' '{one}' | od -An -tx1;\n"))
        .collect();
    let steps = [
        json!({"apply": [
            secret("wrong", "stringData", json!({".dockerconfigjson": config(wrong), "any": lines})),
            secret("data", "data", json!({".dockerconfigjson": STANDARD.encode(config(&canaries.data))})),
            secret("short", "stringData", json!({"password": short})),
            pod("url", &format!("http://janedoe:{}@$REGISTRY/team/app:v1", canaries.url)),
        ]}),
        json!({"patch": {
            "object": "secret/data",
            "merge": {
                "metadata": {"annotations": {"config": config(&canaries.patch)}},
                "data": {".dockerconfigjson": STANDARD.encode(config(&canaries.merged))},
            },
        }}),
        json!({"node": {"files": {"/etc/pullproof/canary": format!("#!/bin/sh\necho '{}'\n", config(&canaries.node))}}}),
        json!({"expect": {"pod": "url", "phase": "Pending", "reasons": ["InvalidImageName"], "message": "parse image name"}}),
        json!({"run": {
            "command": format!(
                "kubectl get secret -o yaml; kubectl get secret -o json | base64; cat ~/.docker/config.json config.json; echo janedoe:{short}; {shown} exit 1",
            ),
            "stdout": {"contains": [option, special, &auth(wrong)]},
        }}),
    ];
    case["steps"].as_array_mut().expect("a list").extend(steps);
    case
}

/// Writes both cases and what lies beside them.
fn write_cases(folder: &Path, canaries: &Canaries) -> PathBuf {
    let cases = folder.join("cases");
    fs::create_dir(&cases).expect("a folder");
    // JSON is YAML.
    fs::write(cases.join("passing.yaml"), format!("{:#}", passing(canaries))).expect("a file");
    fs::write(cases.join("failing.yaml"), format!("{:#}", failing(canaries))).expect("a file");
    fs::write(cases.join("config.json"), config(&canaries.fixture)).expect("a file");
    cases
}

/// What would give a password away.
fn forms(password: &str) -> BTreeSet<String> {
    let json = |text: &str| {
        let quoted = Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let go = json(password).replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let url: String = form_urlencoded::byte_serialize(password.as_bytes()).collect();
    let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
    let inside = |text: &str| {
        let text = text.to_owned();
        (0..3).map(move |before: usize| {
            let all = format!("{}{text}", &"   "[..before]);
            let encoded = STANDARD_NO_PAD.encode(&all);
            encoded[[0, 2, 3][before]..encoded.len() - usize::from(all.len() % 3 != 0)].to_owned()
        })
    };
    let letters: Vec<char> = password.chars().collect();
    let (first, second) = letters.split_at(letters.len() / 2);
    let mut forms: BTreeSet<String> = [
        password.to_owned(),
        json(password),
        go.clone(),
        json(&json(password)),
        json(&go),
        serde_saphyr::to_string(&password).expect("YAML").trim().to_owned(),
        url.to_lowercase(),
        url.replace('+', "%20"),
        url,
        hex(password),
        hex(password).to_uppercase(),
        STANDARD.encode(password),
        auth(password),
        STANDARD.encode(auth(password)),
        second.iter().chain(first).collect(),
    ]
    .into();
    if password.len() > PART {
        let pieces = letters.windows(PART).map(|piece| piece.iter().collect::<String>());
        let pieces: Vec<String> =
            pieces.filter(|piece| !piece.chars().any(char::is_whitespace)).collect();
        for piece in &pieces {
            for once in inside(piece) {
                forms.extend(inside(&once));
                forms.insert(once);
            }
        }
        forms.extend(pieces.iter().map(|piece| hex(piece)));
        forms.extend(pieces);
    }
    forms
}

fn every_file(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            every_file(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
}

/// Fails if anything holds a password, and says what of which.
#[track_caller]
fn assert_clean(seen: &[(String, Vec<u8>)], canaries: &Canaries) {
    let forms: BTreeSet<String> = canaries.all().into_iter().flat_map(|one| forms(one)).collect();
    let search = aho_corasick::AhoCorasick::new(&forms).expect("patterns");
    for (name, bytes) in seen {
        let text = String::from_utf8_lossy(bytes);
        // A dump and what was wrapped are read without their white space.
        let together: String = text.split_whitespace().collect();
        for text in [&*text, &together] {
            if let Some(hit) = search.find(text) {
                let around = text.floor_char_boundary(hit.start().saturating_sub(80));
                let end = text.ceil_char_boundary(text.len().min(hit.end() + 20));
                panic!("{name} holds {:?}: … {} …", &text[hit.range()], &text[around..end]);
            }
        }
    }
}

fn printed(ran: &Ran) -> Vec<(String, Vec<u8>)> {
    vec![
        ("standard output".to_owned(), ran.stdout.clone().into_bytes()),
        ("standard error".to_owned(), ran.stderr.clone().into_bytes()),
    ]
}

#[test]
fn a_password_is_found_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let canaries = Canaries::new();
    let cases = write_cases(dir.path(), &canaries);
    let out = dir.path().join("out");
    let path = |name: &str| out.join(name).to_string_lossy().into_owned();
    let cases = cases.to_string_lossy();
    let arguments = ["run", &cases, "--junit", &path("run.xml"), "--json", &path("run.json")];
    let mut command = pullproof(&arguments);
    let ran = run(command.env("PULLPROOF_EVIDENCE", path("evidence"))).with_status(1);
    // It came as far as it had to, and what would have been shown was hidden.
    assert!(ran.stdout.contains("exit status: status 0"), "{}", ran.stdout);
    assert!(ran.stdout.contains("1 passed, 1 failed"), "{}", ran.stdout);
    assert!(ran.stdout.matches("[redacted]").count() > 20, "{}", ran.stdout);

    let mut seen = printed(&ran);
    every_file(&out, &mut seen);
    let names: Vec<&str> = seen.iter().filter_map(|(name, _)| name.rsplit('/').next()).collect();
    for name in [
        "run.xml",
        "run.json",
        "outcome.json",
        "timeline.json",
        "events.json",
        "pod-app.yaml",
        "pod-url.yaml",
        "requests-registry.json",
        "node-journal.log",
        "registry-registry.log",
    ] {
        assert!(names.contains(&name), "no {name} in {names:?}");
    }
    assert_clean(&seen, &canaries);
}

#[test]
fn a_password_is_in_no_document() {
    let dir = tempfile::tempdir().unwrap();
    let canaries = Canaries::new();
    let cases = write_cases(dir.path(), &canaries);
    let out = dir.path().join("out");
    let path = |name: &str| out.join(name).to_string_lossy().into_owned();
    let kubernetes = pullproof::settings::Settings::from_env().unwrap().kubernetes;
    let mut command = pullproof(&[
        "--kubernetes",
        &kubernetes,
        "matrix",
        &cases.to_string_lossy(),
        "--markdown",
        &path("matrix.md"),
        "--html",
        &path("matrix.html"),
        "--json",
        &path("matrix.json"),
        "--resume",
        &path("outcomes.jsonl"),
    ]);
    let ran = run(command.env("PULLPROOF_EVIDENCE", path("evidence"))).with_status(1);
    for name in ["matrix.md", "matrix.html", "matrix.json", "outcomes.jsonl"] {
        let text = fs::read_to_string(path(name)).unwrap();
        // What was done before the pod ran stands there, without its passwords.
        assert!(text.contains("--docker-username=janedoe"), "{name}: {text}");
        assert!(text.contains("redacted"), "{name}: {text}");
    }
    let mut seen = printed(&ran);
    every_file(&out, &mut seen);
    assert_clean(&seen, &canaries);
}

#[test]
fn a_mistake_in_a_case_is_told_without_its_password() {
    let dir = tempfile::tempdir().unwrap();
    let case = dir.path().join("case.yaml");
    for (auth, problem) in [
        ("c4n4ry-Passw0rd", "unknown word"),
        ("basics", "expected one of: none, basic"),
        ("{basic: c4n4ry-Passw0rd}", "case.yaml:5:"),
        ("{basic: [c4n4ry-Passw0rd]}", "case.yaml:5:"),
        ("{token: {users: c4n4ry-Passw0rd}}", "case.yaml:5:"),
        ("{token: {users: {janedoe: c4n4ry-Passw0rd}}}", "case.yaml:5:"),
        ("{token: {users: {janedoe: {password: [c4n4ry-Passw0rd]}}}}", "case.yaml:5:"),
        ("{c4n4ry: {janedoe: x}}", "unknown word"),
        ("{basic: {janedoe: c4n4ry-Passw0rd}, token: {users: {}}}", "case.yaml:5:"),
    ] {
        let text = format!(
            "title: t\nsource: s\nregistries:\n  registry:\n    auth: {auth}\nsteps: [{{run: 'true'}}]\n"
        );
        fs::write(&case, text).unwrap();
        let ran = run(&mut pullproof(&["run", &case.to_string_lossy()])).with_status(2);
        assert!(ran.stderr.contains(problem), "{auth}: {}", ran.stderr);
        assert!(!ran.stderr.contains("c4n4ry"), "{auth}: {}", ran.stderr);
    }
    // A variable that is none may be the end of a password.
    let manifest = secret("a", "stringData", json!({"password": "c4n4ry$PASSWORD9"}));
    fs::write(
        &case,
        json!({"title": "t", "source": "s", "steps": [{"apply": [manifest]}, {"run": "true"}]})
            .to_string(),
    )
    .unwrap();
    let ran = run(&mut pullproof(&["run", &case.to_string_lossy()])).with_status(2);
    assert!(!ran.stderr.contains("PASSWORD9"), "{}", ran.stderr);
}
