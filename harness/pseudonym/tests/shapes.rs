//! What an invented secret keeps of the real one.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use pullproof_credentials::PullSecret;
use pullproof_pseudonym::Pseudonyms;
use rstest::rstest;
use serde_json::{Value, json};

/// The document with what is secret replaced.
fn invented(document: &str) -> String {
    let secret = PullSecret::docker_config_json("team", "regcred", document);
    let pseudonyms = Pseudonyms::builder(9).secret(&secret).build();
    let (_, data) = pseudonyms.secret(&secret).unwrap().remove(0);
    String::from_utf8(data).unwrap()
}

/// The login of the document's only entry.
fn invented_login(login: &str) -> (String, String) {
    let auth = STANDARD.encode(login);
    let new = invented(&json!({"auths": {"reg.example.com": {"auth": auth}}}).to_string());
    let new: Value = serde_json::from_str(&new).unwrap();
    let auth = new["auths"]["reg.example.com"]["auth"].as_str().unwrap();
    let login = String::from_utf8(STANDARD.decode(auth).unwrap()).unwrap();
    let (user, password) = login.split_once(':').unwrap();
    (user.to_owned(), password.to_owned())
}

/// Marks the places of a document that changed.
fn changed(before: &str, after: &str) -> String {
    assert_eq!(before.len(), after.len());
    let pairs = before.chars().zip(after.chars());
    pairs.map(|(old, new)| if old == new { old } else { '~' }).collect()
}

#[rstest]
#[case::trailing_comma(r#"{"auths":{"r.io":{"password":"hunter"},}}"#)]
#[case::single_quotes("{'auths':{'r.io':{'password':'hunter'}}}")]
#[case::cut_off(r#"{"auths":{"r.io":{"password":"hunter"#)]
#[case::two_documents(r#"{"auths":{"r.io":{"password":"hunter"}}} {}"#)]
#[case::byte_order_mark("\u{feff}{\"auths\":{\"r.io\":{\"password\":\"hunter\"}}}\r\n")]
#[case::line_breaks("{\r\n\"auths\":{\"r.io\":{\r\n\t\"password\":\"hunter\\n\"}}}\n\n")]
#[case::misspelt(r#"{"auths":{"r.io":{"pasword":"hunter"}}}"#)]
#[case::number(r#"{"auths":{"r.io":{"password":123456}}}"#)]
#[case::empty(r#"{"auths":{"r.io":{"username":"","password":"hunter","email":null}}}"#)]
#[case::equal_keys(r#"{"auths":{"r.io":{"password":"hunter"},"r.io":{"auth":""}}}"#)]
#[case::helpers(r#"{"credsStore":"desktop","credHelpers":{"r.io":"ecr-login"},"auths":{}}"#)]
fn all_but_the_values_stays(#[case] document: &str) {
    let new = invented(document);
    let value = ["hunter", "123456"].into_iter().find(|value| document.contains(value));
    let expected = value.map_or_else(
        || document.to_owned(),
        |value| document.replace(value, &"~".repeat(value.len())),
    );
    // A letter may become itself.
    let shown = changed(document, &new);
    let differing = |(shown, expected): (char, char)| shown == expected || expected == '~';
    assert!(shown.chars().zip(expected.chars()).all(differing), "{shown}\n{expected}");
    assert!(value.is_none_or(|value| !new.contains(value)), "{new}");
}

#[test]
fn equal_values_stay_equal() {
    let document = json!({"auths": {
        "a.io": {"username": "jane", "password": "hunter-22", "auth": STANDARD.encode("jane:hunter-22")},
        "b.io": {"username": "hunter-22", "password": "hunter-22\n"},
        "c.io": {"username": "mark", "password": "hunter-23"},
    }});
    let new: Value = serde_json::from_str(&invented(&document.to_string())).unwrap();
    let [a, b, c] = ["a.io", "b.io", "c.io"].map(|key| &new["auths"][key]);
    let password = a["password"].as_str().unwrap();
    let login = format!("{}:{password}", a["username"].as_str().unwrap());
    assert_eq!(a["auth"], STANDARD.encode(login));
    assert_eq!(
        (b["username"].as_str(), b["password"].as_str()),
        (Some(password), Some(format!("{password}\n").as_str()))
    );
    assert_ne!(a["username"], c["username"]);
    assert_ne!(a["password"], c["password"]);
}

#[rstest]
#[case("AWS")]
#[case("_json_key")]
#[case("oauth2accesstoken")]
#[case("00000000-0000-0000-0000-000000000000")]
#[case("<token>")]
fn user_names_of_kinds_are_kept(#[case] user: &str) {
    assert_eq!(invented_login(&format!("{user}:hunter-22")).0, user);
}

#[test]
fn a_token_stays_a_token() {
    let part = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
    let claims = json!({"sub": "jane", "exp": 1_700_000_000, "aud": ["reg.acme.com"]});
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": "first"});
    let token = format!("{}.{}.c2lnbmF0dXJl", part(header), part(claims));
    let (_, new) = invented_login(&format!("oauth2accesstoken:{token}"));
    let parts: Vec<&str> = new.split('.').collect();
    let json = |part: &str| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
    };
    let (header, claims) = (json(parts[0]), json(parts[1]));
    assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!("JWT")));
    assert_eq!(claims["exp"], json!(1_700_000_000));
    assert!(claims["sub"] != "jane" && header["kid"] != "first" && parts[2] != "c2lnbmF0dXJl");
    assert_eq!(claims["sub"].as_str().unwrap().len(), 4);
    assert!(!claims["aud"][0].as_str().unwrap().contains("acme"));
}

#[test]
fn a_token_of_ecr_expires_when_it_did() {
    let token =
        STANDARD.encode(json!({"payload": "abcdef", "expiration": 1_700_000_000}).to_string());
    let (user, new) = invented_login(&format!("AWS:{token}"));
    let new: Value = serde_json::from_slice(&STANDARD.decode(new).unwrap()).unwrap();
    assert_eq!((user.as_str(), &new["expiration"]), ("AWS", &json!(1_700_000_000)));
    assert_ne!(new["payload"], "abcdef");
}

#[test]
fn the_key_of_a_service_account_stays_one() {
    let key = json!({"type": "service_account", "project_id": "acme-1",
        "private_key": "-----BEGIN PRIVATE KEY-----\nMIIEabc\n-----END PRIVATE KEY-----\n",
        "client_email": "builder@acme-1.iam.gserviceaccount.com"});
    let (_, new) = invented_login(&format!("_json_key:{key}"));
    let new: Value = serde_json::from_str(&new).unwrap();
    let names = |json: &Value| json.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&new), names(&key));
    assert_eq!(new["type"], "service_account");
    let private = new["private_key"].as_str().unwrap();
    assert!(private.starts_with("-----BEGIN PRIVATE KEY-----\n") && !private.contains("MIIEabc"));
    let email = new["client_email"].as_str().unwrap();
    assert!(email.ends_with(".iam.gserviceaccount.com") && !email.contains("acme"), "{email}");
}

#[rstest]
#[case("amFuZTpodW50ZXIy*", 16)]
#[case("amFu ZTpodW50ZXIy", 4)]
#[case("amFuZTpodW50ZXIyMjI_", 19)]
#[case("amFuZTpodW50ZXIy=", 16)]
fn faults_of_base64_stay_in_place(#[case] auth: &str, #[case] place: usize) {
    let document = json!({"auths": {"r.io": {"auth": auth}}}).to_string();
    let new: Value = serde_json::from_str(&invented(&document)).unwrap();
    let new = new["auths"]["r.io"]["auth"].as_str().unwrap();
    assert_eq!(new.as_bytes()[place], auth.as_bytes()[place]);
    let is_digit = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    assert!(new.len() == auth.len() && new.bytes().take(place).all(is_digit), "{new}");
    assert_ne!(new, auth);
}

#[test]
fn messages_name_what_the_secrets_name() {
    let document = r#"{"auths":{"reg.acme.com":{"username":"janedoe","password":"hunter-22"}}}"#;
    let secret = PullSecret::docker_config_json("team", "regcred", document);
    let pseudonyms = Pseudonyms::builder(9)
        .secret(&secret)
        .image("reg.acme.com/team/app:v1")
        .anonymise()
        .build();
    let image = pseudonyms.image("reg.acme.com/team/app:v1");
    let host = image.split('/').next().unwrap();
    let text = "failed to resolve \"reg.acme.com/team/app:v1\": https://auth.acme.com/token?account=janedoe: 401";
    let new = pseudonyms.text(text);
    assert!(new.contains(&image) && !new.contains("acme") && !new.contains("janedoe"), "{new}");
    let (_, data) = pseudonyms.secret(&secret).unwrap().remove(0);
    assert!(String::from_utf8(data).unwrap().contains(&format!("{{\"{host}\":{{")));
    assert_eq!(new.len(), text.len());
}
