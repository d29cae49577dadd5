use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE},
};
use serde_json::json;

use super::*;

/// Passwords as people and clouds make them.
const PASSWORDS: [&str; 9] = [
    "c4n4ry-Passw0rd\"$",
    "p&$:\"\\<>=ü ß",
    "hunter2",
    "12345678",
    "a b c d'e`f;g",
    "100%41&amp;\\u0041 Pw",
    "Zürich\u{1f600}Grüße\\n",
    "line One-1\n  line Two-2\nthird Line-3\n",
    "AQECAHj/Vh3+4nGq7Rt8KkX1zLp0mWd9Ys5Bf6CeUoJvTgNxEhQiAylM2Dc7Pw0r\
     Fb3KuS8Za4Xj1Vn6Gm5Ht9Lq2Rd0Wf7Ye8Uo+Ic/Pk4Ns3Bv6Tz1Jx5Mg9Ea2Hw7\
     Ql0Cr8Dy3Fu6Ki4Vo1Sp5Xb9Nt2Gj7Zh0We8Ra6Ld3Mm1Yk4Uf5Tq9Bc2Jv7Pn0=",
];

fn redaction() -> Redaction {
    Redaction::new(PASSWORDS.map(SecretString::from))
}

fn url(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn every_byte(text: &str, form: impl Fn(u8) -> String) -> String {
    text.bytes().map(form).collect()
}

fn wrapped(text: &str, width: usize, end: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(width).map(String::from_iter).collect::<Vec<_>>().join(end)
}

fn utf16(text: &str) -> String {
    text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect()
}

/// A password as programs write it, by the name of the form.
fn forms(password: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::Value::from(password).to_string();
    let go = json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e");
    let auth = STANDARD.encode(format!("janedoe:{password}"));
    let config = json!({"auths": {"r.example.com": {"auth": auth, "password": password}}});
    vec![
        ("plain", password.to_owned()),
        ("glued", format!("--password={password}/x")),
        ("JSON", json.clone()),
        ("JSON of Go", go.clone()),
        ("JSON in JSON", json!(json).to_string()),
        ("JSON of Go in JSON in JSON", json!(json!(go).to_string()).to_string()),
        ("ASCII", utf16(password)),
        ("YAML", serde_saphyr::to_string(&password).unwrap()),
        ("YAML folded", wrapped(password, 5, "\\\n    \\")),
        ("YAML quotes", format!("'{}'", password.replace('\'', "''"))),
        ("a shell's quotes", format!("'{}'", password.replace('\'', "'\\''"))),
        ("a form", url(password)),
        ("a URL", url(password).replace('+', "%20")),
        ("a lower-case URL", every_byte(password, |byte| format!("%{byte:02x}"))),
        ("a URL in a URL", url(&url(password).replace('+', "%20"))),
        ("HTML", password.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")),
        ("HTML by numbers", password.chars().map(|c| format!("&#x{:x};", c as u32)).collect()),
        ("hex", every_byte(password, |byte| format!("{byte:02x}"))),
        ("upper-case hex", every_byte(password, |byte| format!("{byte:02X}"))),
        ("a hex dump", every_byte(password, |byte| format!("{byte:02x} "))),
        ("white space collapsed", password.split_whitespace().collect::<Vec<_>>().join(" ")),
        ("base64", STANDARD.encode(password)),
        ("unpadded base64", STANDARD_NO_PAD.encode(password)),
        ("URL-safe base64", URL_SAFE.encode(password)),
        ("base64 as a value", format!("key={}", STANDARD.encode(password))),
        ("base64 as a file", format!("/var/{}", STANDARD.encode(password))),
        ("base64 after one letter", STANDARD.encode(format!(":{password}:z"))),
        ("base64 after two letters", STANDARD.encode(format!("a:{password}"))),
        ("base64 in a URL", url(&STANDARD.encode(password))),
        ("auth", auth.clone()),
        ("auth, wrapped", wrapped(&auth, 64, "\n      ")),
        ("auth in base64", STANDARD.encode(&auth)),
        ("config.json", config.to_string()),
        ("a secret's data", STANDARD.encode(config.to_string())),
        ("a secret's data, wrapped", wrapped(&STANDARD.encode(config.to_string()), 76, "\n")),
        ("a secret's data with an auth alone", STANDARD.encode(only_config(password))),
        ("a list of secrets in base64", {
            let data = STANDARD.encode(only_config(password));
            wrapped(
                &STANDARD.encode(json!({"items": [{"data": {"x": data}}]}).to_string()),
                76,
                "\n",
            )
        }),
        ("base64 of JSON of Go", STANDARD.encode(go)),
        ("base64 of a URL", STANDARD.encode(url(password))),
    ]
}

fn only_config(password: &str) -> String {
    let auth = STANDARD.encode(format!("janedoe:{password}"));
    json!({"auths": {"r.example.com": {"auth": auth}}}).to_string()
}

/// What a reader could still find: pieces of the password, as they are or encoded.
fn leaks(text: &str, password: &str) -> Vec<String> {
    let decoded = |text: &str| {
        let view = Layer::all(text.as_bytes()).last().unwrap().view();
        String::from_utf8_lossy(&view.bytes).into_owned()
    };
    let pieces: Vec<char> = decoded(password).chars().collect();
    let pieces = pieces.windows(PART.min(pieces.len())).map(String::from_iter);
    let raw = password.as_bytes();
    let is_plain = |byte: &u8| *byte > b' ' && !b"\"'\\".contains(byte);
    let encoded = (0..raw.len()).flat_map(|start| {
        let plain: Vec<usize> = (start..raw.len()).filter(|at| is_plain(&raw[*at])).collect();
        // The bits at its ends are another byte's as well.
        let end = plain.get(PART).map_or(raw.len(), |at| at + 1);
        let long = plain.len() > PART || (start == 0 && end == raw.len());
        (0..3).filter(move |_| long).map(move |before| {
            let all = [&b"   "[..before], &raw[start..end]].concat();
            let end = STANDARD_NO_PAD.encode(&all).len() - usize::from(all.len() % 3 != 0);
            STANDARD_NO_PAD.encode(&all)[[0, 2, 3][before]..end].to_owned()
        })
    });
    let text = decoded(text);
    pieces.chain(encoded).filter(|piece| text.contains(piece)).collect()
}

#[test]
fn a_secret_is_hidden_in_every_form() {
    let redaction = redaction();
    for password in PASSWORDS {
        for (form, text) in forms(password) {
            let hidden = redaction.hide(&format!("before {text} after"));
            let shown = format!("{password:?} as {form}: {text}\n→ {hidden}");
            assert!(hidden.contains(HIDDEN), "{shown}");
            assert!(hidden.starts_with("before ") && hidden.ends_with(" after"), "{shown}");
            assert_eq!(leaks(&hidden, password), Vec::<String>::new(), "{shown}");
            assert_eq!(redaction.hide(&hidden), hidden, "{shown}");
        }
    }
}

#[test]
fn what_is_left_of_a_secret_that_was_cut_off_is_hidden_too() {
    let redaction = redaction();
    for password in PASSWORDS.iter().filter(|password| password.len() > 15) {
        for (form, text) in forms(password) {
            let letters: Vec<char> = text.chars().collect();
            for (from, to) in [(0, letters.len() / 2), (letters.len() / 2, letters.len())] {
                let text: String = letters[from..to].iter().collect();
                let hidden = redaction.hide(&format!("{text} …"));
                let shown = format!("{password:?} as {form}: {text}\n→ {hidden}");
                assert_eq!(leaks(&hidden, password), Vec::<String>::new(), "{shown}");
            }
        }
    }
}

#[test]
fn each_line_of_a_secret_is_a_part_of_it() {
    let redaction = Redaction::new(["a First-line\nand the second".into()]);
    assert_eq!(redaction.hide("- and the second -"), "- [redacted] -");
}

#[test]
fn short_secrets_are_hidden_as_words() {
    let redaction = Redaction::new(["wrong1", "abc", "x"].map(SecretString::from));
    let same = "wrong wrong12 awrong1 abc x the abc-x xyz";
    assert_eq!(redaction.hide(same), same);
    assert_eq!(redaction.hide("the wrong1, mallory:wrong1"), "the [redacted], mallory:[redacted]");
    assert_eq!(redaction.hide("a=abc, b: x"), "a=[redacted], b: [redacted]");
    assert_eq!(redaction.hide(r#"{"password":"x"}"#), r#"{"password":"[redacted]"}"#);
    for user in ["a", "ab", "abc"] {
        let auth = STANDARD.encode(format!("{user}:wrong1"));
        assert_eq!(redaction.hide(&format!("- {auth} -")), "- [redacted] -", "{user}");
    }
    assert_eq!(redaction.hide("- amFuZTphYmM= -"), "- [redacted] -");
}

#[test]
fn ordinary_text_stays() {
    let redaction = Redaction::new(
        PASSWORDS
            .into_iter()
            .chain(["xxxxxxxxxxx", "secret-of-the-registry-example.com"])
            .map(SecretString::from),
    );
    let text = "Failed to pull image \"127.0.0.1:41005/team/app:v1\": rpc error: code = Unknown desc = \
        failed to pull and unpack image: failed to resolve reference: pull access denied, repository \
        does not exist or may require authorization: authorization failed: no basic auth credentials\n\
        Nov 25 21:00:00 kubelet[123]: I1125 21:00:00.123456 kuberuntime_manager.go:1234] \"wrong\" \
        err=\"secret \\\"regcred\\\" not found\" 100% &lt;registry.example.com&gt; \\u00e4 c2VjcmV0 \
        sha256:6fd6ab2d0e2a4c3f9d8b7a5c4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f eyJ janedoe:42 \
        amFuZWRvZTpvdGhlcg== Zürich /v2/team/app/manifests/v1 1234567 a b c xxxxxxxxxx.";
    assert_eq!(redaction.hide(text), text);
    assert_eq!(Redaction::default().hide(text), text);
}

#[test]
fn tokens_are_hidden_without_being_known() {
    let hide = |text: &str| Redaction::default().hide(text);
    let token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJqYW5lZG9lIn0.c2lnbmF0dXJl";
    assert_eq!(hide(&format!("bearer={token} sent")), "bearer=[redacted] sent");
    let once = STANDARD.encode(format!("token: {token}"));
    let twice = STANDARD.encode(format!("data: {once}"));
    for text in [once, twice] {
        assert_eq!(hide(&format!("> {text} <")), "> [redacted] <");
    }
}

#[test]
fn a_value_stays_a_value() {
    let redaction = redaction();
    let value = json!({
        "a": [PASSWORDS[0], 12345678, 7, null],
        PASSWORDS[1]: {"password": {"x": 1}},
    });
    let hidden = json!({
        "a": [HIDDEN, HIDDEN, 7, null],
        HIDDEN: {"password": {"x": 1}},
    });
    assert_eq!(redaction.hide_value(&value), hidden);
}

#[test]
fn a_megabyte_takes_moments() {
    let redaction = redaction();
    let line = |n: u32| {
        let id = n.wrapping_mul(0x9e37_79b9);
        format!(
            "Nov 25 21:00:00 node kubelet[1]: \"err\"=\"\\\"x\\\" 100%25 \\n &amp; {id:08x} pod-{id}\"\n"
        )
    };
    let text: String = (0..20_000).map(line).collect();
    let began = std::time::Instant::now();
    assert_eq!(redaction.hide(&text).len(), text.len());
    let took = began.elapsed();
    assert!(took.as_secs() < 20, "it took {took:?}");
}

#[test]
fn secrets_of_all_cases_are_known_together() {
    let known = KnownSecrets::default();
    known.add(&["first-Secret1".into()]);
    let before = known.redaction();
    known.add(&["other-Secret2".into(), "first-Secret1".into()]);
    let text = "first-Secret1 other-Secret2";
    assert_eq!(before.hide(text), "[redacted] other-Secret2");
    assert_eq!(known.redaction().hide(text), "[redacted] [redacted]");
    assert!(Arc::ptr_eq(&known.redaction().0, &known.redaction().0), "built once");
}

#[test]
fn nothing_of_it_is_in_its_debug_form() {
    let known = KnownSecrets::default();
    known.add(&PASSWORDS.map(SecretString::from));
    let text = format!("{:?} {known:?}", known.redaction());
    assert!(!text.contains("c4n4ry"), "{text}");
}
