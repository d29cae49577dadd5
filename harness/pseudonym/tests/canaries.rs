//! Nothing of a secret is left, in whatever field and form it stands.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pullproof_credentials::PullSecret;
use pullproof_pseudonym::{Pseudonyms, ShapeError};
use rstest::rstest;
use serde_json::json;

/// Data of a secret with canaries in it: by a name, the key, the bytes.
fn captured() -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let b64 = |text: &str| STANDARD.encode(text);
    let jwt = |claims: serde_json::Value| {
        let part = |json: &serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": "canary-Kid-77"});
        format!(
            "{}.{}.{}",
            part(&header),
            part(&claims),
            URL_SAFE_NO_PAD.encode("canary-Signature")
        )
    };
    let account = json!({
        "type": "service_account", "project_id": "canary-project-77",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIcanaryKey77canaryKey\n-----END PRIVATE KEY-----\n",
        "client_email": "canary-mail77@canary-project-77.iam.gserviceaccount.com",
        "client_id": "771234567890123", "token_uri": "https://oauth2.googleapis.com/token",
    });
    let entry = |entry: serde_json::Value| json!({"auths": {"reg.example.com": entry}}).to_string();
    let auth = b64("canary-user:canary-Pass/77+?");
    let json_key = ".dockerconfigjson";
    let ecr = b64(&json!({"payload": "canaryPayload77", "expiration": 1_700_000_000}).to_string());
    let texts: Vec<(&str, &str, String)> = vec![
        ("fields", json_key, entry(json!({"username": "canary-user", "password": "canary-Päss77",
            "email": "canary@canary-domain.example", "auth": auth, "identitytoken": "canary-Identity",
            "registrytoken": "canary-RegToken", "canary-name77": "canary-unknown", "x": ["canary-list"]}))),
        ("a token", json_key, entry(json!({"auth": b64(&format!("oauth2accesstoken:{}",
            jwt(json!({"sub": "canary-subject", "exp": 1_700_000_000, "access": [{"name": "canary-access"}]})))) }))),
        ("a service account", json_key, entry(json!({"username": "_json_key", "password": account.to_string()}))),
        ("an encoded service account", json_key, entry(json!({"auth": b64(&format!("_json_key_base64:{}", b64(&account.to_string())))}))),
        ("a broken service account", json_key, entry(json!({"auth": b64(&format!("_json_key:{}", &account.to_string()[..200]))}))),
        ("ECR", json_key, entry(json!({"auth": b64(&format!("AWS:{ecr}"))}))),
        ("a key with a login", json_key, r#"{"auths":{"https://canary-user:c%61nary-Pass@reg.example.com/v1/?canary-query#canary-fragment":{"auth":"Og=="}}}"#.to_owned()),
        ("headers", json_key, r#"{"HttpHeaders":{"X-Canary-Name":"canary-header"},"auths":{}}"#.to_owned()),
        ("legacy", ".dockercfg", format!(r#"{{"reg.example.com":{{"auth":"{auth}","email":"canary@canary.example"}}}}"#)),
        ("not wrapped", json_key, format!(r#"{{"reg.example.com":{{"auth":"{auth}"}}}}"#)),
        ("no colon", json_key, entry(json!({"auth": b64("canary-nocolon")}))),
        ("encoded twice", json_key, entry(json!({"auth": b64(&auth)}))),
        ("a document encoded twice", json_key, b64(&entry(json!({"auth": auth})))),
        ("broken base64", json_key, entry(json!({"auth": format!("{}*{}", &auth[..7], &auth[7..])}))),
        ("URL-safe base64", json_key, entry(json!({"auth": URL_SAFE_NO_PAD.encode("canary-user:canary-Pass???>>>77")}))),
        ("cut base64", json_key, entry(json!({"auth": &auth[..21]}))),
        ("wrapped base64", json_key, entry(json!({"auth": format!("{}\n{}\n", &auth[..20], &auth[20..])}))),
        ("raw line break", json_key, format!("{{\"auths\":{{\"reg.example.com\":{{\"auth\":\"{}\n{}\"}}}}}}", &auth[..20], &auth[20..])),
        ("comments", json_key, "{\"auths\":{ // canary-comment77\n/* canary-block77 */ \"r\":{\"password\":\"canary-Pass77\"}}} # canary-end77".to_owned()),
        ("trailing comma", json_key, r#"{"auths":{"r":{"username":"canary-user","password":"canary-Pass77",},}}"#.to_owned()),
        ("single quotes", json_key, "{'auths':{'reg.example.com':{'username':'canary-user','password':'canary-Pass77'}}}".to_owned()),
        ("no quotes", json_key, "{auths:{reg.example.com:{username:canary-user,password:canary-Pass77:more-canary}}}".to_owned()),
        ("smart quotes", json_key, "{“auths”:{“reg.example.com”:{“username”:“canary-user”,“password”:“canary-Pass77”}}}".to_owned()),
        ("a missing quote", json_key, r#"{"auths":{"r":{"username":"canary-user,"password":"canary-Pass77","auth":"canaryAuth77"}}}"#.to_owned()),
        ("a missing brace", json_key, r#"{"auths":{"reg.example.com":"username":"canary-user","password":"canary-Pass77"}}}"#.to_owned()),
        ("cut off", json_key, r#"{"auths":{"reg.example.com":{"password":"canary-Pass7"#.to_owned()),
        ("two documents", json_key, format!("{0}{0}", entry(json!({"password": "canary-Pass77"})))),
        ("a byte order mark", json_key, format!("\u{feff}{}\r\n", entry(json!({"password": "canary-Pass77"})))),
        ("YAML", json_key, "auths:\n  reg.example.com:\n    username: canary-user\n    password: canary-Pass77\n".to_owned()),
        ("a shell variable", json_key, r#"{"auths":{"reg.example.com":{"auth":"${CANARY_AUTH77}"}}}"#.to_owned()),
        ("a number", json_key, r#"{"auths":{"reg.example.com":{"password":7712345677}}}"#.to_owned()),
        ("equal keys", json_key, r#"{"auths":{"r.io":{"password":"canary-One77"},"r.io":{"password":"canary-Two77"}}}"#.to_owned()),
        ("escapes", json_key, r#"{"auths":{"r.io":{"password":"\u0063anary\/\u0050\u00e4ss77","username":"canary\n\ud83d\ude00"}}}"#.to_owned()),
        ("a bad escape", json_key, r#"{"auths":{"r.io":{"password":"canary\-Pass77"}}}"#.to_owned()),
        ("nested", json_key, format!("{{\"a\":{}\"canary-deep77\"{}}}", "[".repeat(300), "]".repeat(300))),
        ("a login", "username", "canary-user\n".to_owned()),
        ("a password", "password", "canary-Pass77\n".to_owned()),
        ("a file", "config.json", entry(json!({"auth": auth}))),
        ("a text", "notes.txt", "canary words of 77 kinds".to_owned()),
    ];
    let mut all: Vec<_> =
        texts.into_iter().map(|(name, key, text)| (name, key, text.into_bytes())).collect();
    all.push((
        "not UTF-8",
        json_key,
        b"{\"auths\":{\"r.io\":{\"password\":\"canary\xe4Pass77\"}}}".to_vec(),
    ));
    all
}

/// Whatever a reader could find: independent of how the crate looks for it.
fn canaries(output: &[u8], depth: u32) -> Vec<String> {
    let text = String::from_utf8_lossy(output).to_lowercase();
    let text = text.replace("\\u0063", "c").replace("%61", "a");
    // Letters of a canary survive no replacement.
    let mut found: Vec<String> = ["canary", "yranac", "63616e617279", "771234567"]
        .iter()
        .filter(|it| text.contains(**it))
        .map(|it| (*it).to_owned())
        .collect();
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/-_".contains(byte);
    for run in
        output.chunk_by(|a, b| is_digit(a) && is_digit(b)).filter(|run| run.len() > 7 && depth > 0)
    {
        let run: String = run
            .iter()
            .map(|&byte| match byte {
                b'-' => '+',
                b'_' => '/',
                other => char::from(other),
            })
            .collect();
        for cut in 0..4.min(run.len()) {
            let run = &run[cut..];
            let whole = &run[..run.len() / 4 * 4];
            if let Ok(inner) = STANDARD.decode(whole) {
                found.extend(canaries(&inner, depth - 1));
            }
        }
    }
    found
}

#[test]
fn no_canary_survives() {
    for (name, key, data) in captured() {
        let before = canaries(&data, 3);
        assert!(
            !before.is_empty() || name.contains("shell") || name == "a number",
            "{name} has no canary"
        );
        let secret = PullSecret::new("team", "regcred", "Opaque").with_data(key, data.clone());
        for anonymise in [false, true] {
            let builder = Pseudonyms::builder(3).secret(&secret);
            let pseudonyms = if anonymise { builder.anonymise() } else { builder }.build();
            let (_, invented) = &pseudonyms.secret(&secret).unwrap()[0];
            let shown = String::from_utf8_lossy(invented);
            assert_eq!(invented.len(), data.len(), "{name}: {shown}");
            assert_eq!(canaries(invented, 3), Vec::<String>::new(), "{name}: {shown}");
            assert_eq!(pseudonyms.leaks(invented), [], "{name}: {shown}");
            // A fault within a value hides it, in the real data.
            let is_whole = name != "a bad escape";
            assert!(!is_whole || !pseudonyms.leaks(&data).is_empty(), "{name}");
        }
    }
}

#[rstest]
fn leaks_are_found_in_every_form(
    #[values("canary-Päss&/77", "k'\"canary\\77%")] password: &str,
    #[values("", "a", "ab")] before: &str,
) {
    let config = json!({"auths": {"reg.example.com": {"username": "jane", "password": password,
        "auth": STANDARD.encode(format!("jane:{password}"))}}})
    .to_string();
    let secret = PullSecret::docker_config_json("team", "regcred", config.clone());
    let pseudonyms = Pseudonyms::builder(5).secret(&secret).build();
    let json = json!(password).to_string();
    let hex = |upper: bool| -> String {
        password
            .bytes()
            .map(|it| if upper { format!("{it:02X}") } else { format!("{it:02x}") })
            .collect()
    };
    let (first, second) = password.split_at(password.floor_char_boundary(password.len() / 2));
    let auth = STANDARD.encode(format!("jane:{password}"));
    let forms = [
        password.to_owned(),
        STANDARD.encode(format!("{before}{password}, more")),
        URL_SAFE_NO_PAD.encode(format!("{before}{password}")),
        auth.clone(),
        STANDARD.encode(format!("{before}{auth}")),
        STANDARD.encode(format!("{before}{config}")),
        form_urlencoded::byte_serialize(password.as_bytes()).collect(),
        json.trim_matches('"').to_owned(),
        password.replace('\'', "''"),
        hex(true),
        hex(false),
        [second, first].concat(),
        password.bytes().rev().map(char::from).collect::<String>(),
    ];
    for (number, form) in forms.iter().enumerate() {
        // Text that is not ASCII has no letters to be reversed.
        if number > 10 && !password.is_ascii() {
            continue;
        }
        let file = format!("message: {before}:{form}\n");
        let leaks = pseudonyms.leaks(file.as_bytes());
        assert!(!leaks.is_empty(), "form {number}: {file}");
        assert!(leaks.iter().all(|leak| !leak.to_string().contains("canary")));
        if number < 10 {
            let text = pseudonyms.text(&file);
            assert!(
                number == 5 || pseudonyms.leaks(text.as_bytes()).is_empty(),
                "form {number}: {file}{text}"
            );
        }
    }
    assert_eq!(pseudonyms.leaks(b"nothing of it"), []);
    assert!(!format!("{pseudonyms:?}").contains("canary"));
}

#[test]
fn a_user_name_in_an_image_is_no_leak() {
    let config = r#"{"auths":{"https://index.docker.io/v1/":{"username":"janedoe","password":"hunter-22"}}}"#;
    let secret = PullSecret::docker_config_json("team", "regcred", config);
    let build = |image: &str| Pseudonyms::builder(1).secret(&secret).image(image).build();
    let text = "failed to pull docker.io/janedoe/app:v1";
    assert_eq!(build("janedoe/app:v1").text(text), text);
    assert_eq!(build("janedoe/app:v1").leaks(text.as_bytes()), []);
    assert_eq!(build("other/app:v1").leaks(text.as_bytes()).len(), 1);
}

#[test]
fn a_value_without_another_of_its_shape_is_an_error() {
    let all: Vec<String> = ('a'..='z')
        .map(|one| format!("{{\"auths\":{{\"r.io\":{{\"password\":\"{one}\"}}}}}}"))
        .collect();
    let builder = Pseudonyms::builder(1);
    let secrets: Vec<_> = all
        .iter()
        .map(|one| PullSecret::docker_config_json("team", "regcred", one.as_str()))
        .collect();
    let pseudonyms = secrets.iter().fold(builder, |builder, one| builder.secret(one)).build();
    let error = pseudonyms.secret(&secrets[3]).unwrap_err();
    assert!(
        matches!(&error, ShapeError::Value { field, .. } if field == "password of r.io"),
        "{error}"
    );
    assert_eq!(
        error.to_string(),
        "nothing else has the shape of password of r.io in the secret regcred"
    );
}
