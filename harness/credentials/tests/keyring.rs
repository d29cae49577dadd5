//! The rules of the keyring, one table each.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use pullproof_credentials::{
    AbsentSecret, ConfigError, Credential, Difference, Format, HostDifference, Image, Keyring,
    KeyringError, Kind, KubernetesVersion, Lookup, MatchedBy, NearSecret, NoKeys, PassedOver,
    PathDifference, PodSecrets, PullSecret, Reason, SecretId, Sent, UrlError, UseOf,
};
use rstest::rstest;
use secrecy::ExposeSecret as _;

const VERSION: KubernetesVersion = KubernetesVersion::new(37, 2);
const JANE: &str = r#"{"auth":"amFuZTpodW50ZXIy"}"#;

fn json(name: &str, content: impl Into<Vec<u8>>) -> PullSecret {
    PullSecret::docker_config_json("team", name, content)
}

fn legacy(name: &str, content: &str) -> PullSecret {
    PullSecret::new("team", name, "kubernetes.io/dockercfg").with_data(".dockercfg", content)
}

/// A secret of this name with Jane's login under each key.
fn keyed(name: &str, keys: &[&str]) -> PullSecret {
    let entries: Vec<_> = keys.iter().map(|key| format!("{key:?}:{JANE}")).collect();
    json(name, format!(r#"{{"auths":{{{}}}}}"#, entries.join(",")))
}

fn look_up(secrets: &[PullSecret], image: &str) -> Lookup {
    Keyring::new(secrets, VERSION).unwrap().lookup(&Image::parse(image, VERSION).unwrap())
}

fn error(secrets: &[PullSecret]) -> KeyringError {
    Keyring::new(secrets, VERSION).map(drop).unwrap_err()
}

fn login(credential: &Credential) -> (String, String) {
    let password = credential.password().map(|it| it.expose_secret().to_vec()).unwrap_or_default();
    (credential.user().into_owned(), String::from_utf8_lossy(&password).into_owned())
}

fn reasons(lookup: &Lookup) -> Vec<&Reason> {
    lookup.passed_over.iter().map(|passed| &passed.reason).collect()
}

/// The login of a document's only key.
fn login_of(document: &str) -> (String, String) {
    let lookup = look_up(&[json("a", document)], "reg.example/app");
    assert_eq!(lookup.tried.len(), 1);
    login(&lookup.tried[0])
}

#[rstest]
#[case::auth(r#"{"auth":"amFuZTpodW50ZXIy"}"#, "jane", "hunter2")]
#[case::auth_overrides(
    r#"{"username":"a","password":"b","auth":"amFuZTpodW50ZXIy"}"#,
    "jane",
    "hunter2"
)]
#[case::without_auth(r#"{"username":"a","password":"b","email":"c"}"#, "a", "b")]
#[case::empty_auth(r#"{"username":"a","password":"b","auth":""}"#, "a", "b")]
#[case::unpadded(r#"{"auth":"amFuZTpodW50ZXI"}"#, "jane", "hunter")]
#[case::padded(r#"{"auth":"amFuZTpodW50ZXI="}"#, "jane", "hunter")]
#[case::line_breaks(r#"{"auth":"amFuZTpo\ndW50ZXIy\r\n"}"#, "jane", "hunter2")]
#[case::kept_line_break(r#"{"auth":"dTpwCg=="}"#, "u", "p\n")]
#[case::kept_nul(r#"{"auth":"dTpwAAA="}"#, "u", "p\0\0")]
#[case::colons(r#"{"auth":"dTphOmI6Yw=="}"#, "u", "a:b:c")]
#[case::capitals(r#"{"AUTH":"dTpw"}"#, "u", "p")]
#[case::long_s(r#"{"uſername":"u","paſſword":"p"}"#, "u", "p")]
#[case::last_of_equals(r#"{"username":"a","username":"b","password":"p"}"#, "b", "p")]
#[case::null_keeps(r#"{"auth":"dTpw","auth":null}"#, "u", "p")]
#[case::unknown(r#"{"auth":"dTpw","identitytoken":5,"x":[{}]}"#, "u", "p")]
#[case::null_entry("null", "", "")]
fn entries_are_decoded(#[case] entry: &str, #[case] user: &str, #[case] password: &str) {
    let document = format!(r#"{{"auths":{{"reg.example":{entry}}}}}"#);
    assert_eq!(login_of(&document), (user.into(), password.into()));
    let lookup =
        look_up(&[legacy("a", &format!(r#"{{"reg.example":{entry}}}"#))], "reg.example/app");
    assert_eq!(login(&lookup.tried[0]), (user.into(), password.into()));
}

#[rstest]
#[case::capitals(r#"{"AUTHS":{"reg.example":{"auth":"dTpw"}}}"#)]
#[case::long_s(r#"{"authſ":{"reg.example":{"auth":"dTpw"}}}"#)]
#[case::escaped(r#"{"\u0061uths":{"reg.ex\u0061mple":{"auth":"dTpw"}}}"#)]
#[case::added(r#"{"auths":{"reg.example":{"auth":"dTpw"}},"Auths":{"other":{}}}"#)]
#[case::replaced(r#"{"auths":{"reg.example":{"auth":"YTpi"},"reg.example":{"auth":"dTpw"}}}"#)]
#[case::emptied(
    r#"{"auths":{"*.example":{}},"auths":null,"auths":{"reg.example":{"auth":"dTpw"}}}"#
)]
#[case::headers(r#"{"HttpHeaders":{"a":"b","c":null},"auths":{"reg.example":{"auth":"dTpw"}}}"#)]
#[case::unknown(r#"{"x":1e999,"credsStore":5,"auths":{"reg.example":{"auth":"dTpw"}}} "#)]
fn names_are_read_as_go_reads_them(#[case] document: &str) {
    assert_eq!(login_of(document), ("u".into(), "p".into()));
}

#[test]
fn bytes_that_are_not_text_are_replaced_in_json_and_kept_in_base64() {
    let document = [&b"{\"auths\":{\"reg.example\":{\"username\":\"\xe2\x82\"}}}"[..]].concat();
    let lookup = look_up(&[json("a", document)], "reg.example/app");
    assert_eq!(lookup.tried[0].user(), "\u{fffd}\u{fffd}");
    let lookup =
        look_up(&[json("a", r#"{"auths":{"reg.example":{"auth":"/zpw"}}}"#)], "reg.example/app");
    assert_eq!(lookup.tried[0].user_bytes(), b"\xff");
}

fn wrong(at: &str, expected: Kind, found: Kind) -> ConfigError {
    ConfigError::Type { at: at.into(), expected, found }
}

#[rstest]
#[case(r#"{"auths":{"r":{"auth":"bm9jb2xvbg=="}}}"#, ConfigError::NoColon { key: "r".into() })]
#[case(r#"{"auths":{"r":{"auth":"\n"}}}"#, ConfigError::NoColon { key: "r".into() })]
#[case(r#"{"auths":{"r":{"auth":"u:p"}}}"#, ConfigError::Base64 { key: "r".into(), offset: 1 })]
#[case(r#"{"auths":{"r":{"auth":"dTpwdw= "}}}"#, ConfigError::Base64 { key: "r".into(), offset: 6 })]
#[case(r#"{"auths":{"r":{"auth":"dTpw dw"}}}"#, ConfigError::Base64 { key: "r".into(), offset: 4 })]
#[case(r#"{"auths":{"r":{"auth":5}}}"#, wrong("auths.r.auth", Kind::String, Kind::Number))]
#[case(r#"{"auths":{"r":"dTpw"}}"#, wrong("auths.r", Kind::Object, Kind::String))]
#[case(r#"{"auths":[]}"#, wrong("auths", Kind::Object, Kind::Array))]
#[case(r#"{"HttpHeaders":{"a":true}}"#, wrong("HttpHeaders.a", Kind::String, Kind::Bool))]
#[case(r#"{"HttpHeaders":1,"auths":{"r":[]}}"#, wrong("auths.r", Kind::Object, Kind::Array))]
#[case("[]", wrong("the document", Kind::Object, Kind::Array))]
fn undecodable_documents_say_where(#[case] document: &str, #[case] expected: ConfigError) {
    let error = error(&[json("a", document)]);
    assert_eq!((error.place, &error.error), (0, &expected));
}

#[rstest]
#[case("u:p", Some("illegal base64 data at input byte 1"))]
#[case(
    "bm9jb2xvbg==",
    Some("unable to parse auth field, must be formatted as base64(username:password)")
)]
fn the_kubelets_own_words_are_known(#[case] auth: &str, #[case] text: Option<&str>) {
    let error = error(&[json("a", format!(r#"{{"auths":{{"r":{{"auth":"{auth}"}}}}}}"#))]);
    assert_eq!(error.error.kubelet_text().as_deref(), text);
}

#[rstest]
#[case("amFuZTpodW50ZXIy", "JSON")]
#[case("\u{feff}{}", "byte order mark")]
#[case("{\"auths\":{", "ends too early")]
#[case("{}\n{}", "something follows")]
fn what_is_not_json_is_said(#[case] document: &str, #[case] words: &str) {
    let error = error(&[json("a", document)]);
    assert!(error.to_string().contains(words), "{error}");
}

#[test]
fn an_undecodable_secret_disables_its_neighbours() {
    let good = keyed("good", &["reg.example"]);
    let opaque = PullSecret::new("team", "opaque", "Opaque");
    let error = error(&[good, opaque, json("bad", "{"), json("worse", "}")]);
    assert_eq!((error.place, error.secret.name.as_str()), (2, "bad"));
    let bad = SecretId { namespace: "team".into(), name: "bad".into() };
    let reasons: Vec<_> = error.passed_over.iter().map(|passed| &passed.reason).collect();
    assert!(matches!(
        reasons[..],
        [
            Reason::Neighbour(first),
            Reason::WrongType { .. },
            Reason::Undecodable { wrapped: false, .. },
            Reason::Neighbour(last),
        ] if *first == bad && *last == bad
    ));
}

#[rstest]
#[case::opaque(
    PullSecret::new("team", "a", "Opaque").with_data(".dockerconfigjson", "{}"),
    Reason::WrongType { kind: "Opaque".into(), data: Some(Format::Json) }
)]
#[case::other(
    PullSecret::new("team", "a", "kubernetes.io/tls").with_data("tls.crt", ""),
    Reason::WrongType { kind: "kubernetes.io/tls".into(), data: None }
)]
#[case::data_key(
    PullSecret::new("team", "a", "kubernetes.io/dockercfg").with_data(".dockerconfigjson", "{"),
    Reason::WrongDataKey { expected: ".dockercfg", found: vec![".dockerconfigjson".into()] }
)]
#[case::empty(json("a", ""), Reason::EmptyData)]
#[case::store(json("a", r#"{"credsStore":"desktop"}"#), Reason::NoKeys(NoKeys::Store("desktop".into())))]
#[case::helpers(
    json("a", r#"{"auths":{},"credHelpers":{"reg.example":"ecr-login"}}"#),
    Reason::NoKeys(NoKeys::Helpers(vec!["ecr-login".into()]))
)]
#[case::unwrapped(
    json("a", r#"{"reg.example":{"auth":"dTpw"}}"#),
    Reason::NoKeys(NoKeys::Unwrapped)
)]
#[case::nothing(json("a", "{}"), Reason::NoKeys(NoKeys::Nothing))]
#[case::null(json("a", "null"), Reason::NoKeys(NoKeys::Nothing))]
#[case::wrapped(legacy("a", r#"{"auths":{"reg.example":{"auth":"dTpw"}}}"#), Reason::Wrapped)]
fn a_secret_is_passed_over(#[case] secret: PullSecret, #[case] reason: Reason) {
    let lookup = look_up(&[secret, keyed("b", &["reg.example"])], "reg.example/app");
    assert_eq!(reasons(&lookup), [&reason]);
    assert_eq!(lookup.tried[0].place, 1);
}

#[test]
fn a_wrapped_config_can_be_undecodable() {
    let wrapped = legacy("a", r#"{"auths":{"r":{"auth":"dTpw"}},"credsStore":"desktop"}"#);
    let error = error(&[wrapped]);
    assert_eq!(error.error, wrong("credsStore", Kind::Object, Kind::String));
    assert!(matches!(error.passed_over[0].reason, Reason::Undecodable { wrapped: true, .. }));
}

#[rstest]
#[case(&["reg.example", "reg.example/team"], "reg.example/team/app", &["reg.example/team", "reg.example"])]
#[case(&["*.example", "reg.example", "*"], "reg.example/app", &["reg.example", "*.example"])]
#[case(&["reg.example/a", "reg.example/b"], "reg.example/b/app", &["reg.example/b"])]
#[case(&["docker.io", "index.docker.io"], "nginx", &["docker.io"])]
#[case(&["https://index.docker.io/v1/"], "nginx", &["https://index.docker.io/v1/"])]
#[case(&["https://index.docker.io/v1"], "nginx", &[])]
#[case(&["index.docker.io"], "localhost/app", &["index.docker.io"])]
#[case(&["index.docker.io"], "localhost:5000/app", &[])]
#[case(&["localhost", "index.docker.io"], "localhost/app", &["localhost"])]
fn specific_keys_come_first(#[case] keys: &[&str], #[case] image: &str, #[case] tried: &[&str]) {
    let lookup = look_up(&[keyed("a", keys)], image);
    let found: Vec<_> = lookup.tried.iter().map(|credential| credential.key.as_str()).collect();
    assert_eq!(found, tried);
    assert_eq!(lookup.tried.len() + lookup.passed_over.len(), keys.len());
}

#[test]
fn equal_keys_keep_the_order_of_the_secrets_and_equal_logins_are_tried_twice() {
    let secrets =
        [keyed("b", &["https://reg.example"]), keyed("a", &["reg.example", "reg.example/app"])];
    let lookup = look_up(&secrets, "reg.example/app");
    let order: Vec<_> = lookup.tried.iter().map(|it| (it.place, it.key.as_str())).collect();
    assert_eq!(order, [(1, "reg.example/app"), (0, "https://reg.example"), (1, "reg.example")]);
    assert!(lookup.tried[0].is_same_login(&lookup.tried[1]));
    assert!(lookup.tried.iter().all(|credential| !credential.order_is_random));
}

#[test]
fn spellings_of_a_key_in_one_secret_have_no_order() {
    let lookup =
        look_up(&[keyed("a", &["reg.example", "https://reg.example/v1/"])], "reg.example/app");
    let random: Vec<_> = lookup.tried.iter().map(|it| it.order_is_random).collect();
    assert_eq!(random, [true, true]);
}

#[rstest]
#[case("reg.example", "reg.example/teammate/app", MatchedBy::Host)]
#[case("reg.example/teammate", "reg.example/teammate/app", MatchedBy::Path)]
#[case("reg.example/team", "reg.example/teammate/app", MatchedBy::PartOfPath)]
#[case("index.docker.io", "team/app", MatchedBy::DockerHub)]
fn how_an_image_matches_is_said(#[case] key: &str, #[case] image: &str, #[case] by: MatchedBy) {
    assert_eq!(look_up(&[keyed("a", &[key])], image).tried[0].matched_by, by);
}

#[rstest]
#[case(r#"{"auth":"dTpw"}"#, Sent::Yes)]
#[case(r#"{"username":"u"}"#, Sent::NoPassword)]
#[case(r#"{"auth":"dTo="}"#, Sent::NoPassword)]
#[case(r#"{"password":"p"}"#, Sent::NoUser)]
#[case(r#"{"auth":"OnA="}"#, Sent::NoUser)]
#[case("{}", Sent::Helper("desktop".into()))]
#[case(r#"{"identitytoken":"t"}"#, Sent::Token)]
fn empty_credentials_match_and_are_not_sent(#[case] entry: &str, #[case] sent: Sent) {
    let document = format!(r#"{{"auths":{{"reg.example":{entry}}},"credsStore":"desktop"}}"#);
    let lookup = look_up(&[json("a", document)], "reg.example/app");
    assert_eq!(lookup.tried[0].sent, sent);
    assert_eq!(lookup.sent().count(), usize::from(sent == Sent::Yes));
}

#[rstest]
#[case("my reg", Reason::NotUrl(UrlError::HostCharacter))]
#[case("reg.example:port", Reason::NotUrl(UrlError::Port))]
#[case("reg.example/%25zz", Reason::NotUrl(UrlError::Escape))]
#[case("reg.example", Reason::Mismatch(vec![Difference::Port { key: None, image: Some("5000".into()) }]))]
#[case("reg.example:5000/v2", Reason::Mismatch(vec![Difference::Path(PathDifference::ApiVersion)]))]
#[case(
    "example:5000",
    Reason::Mismatch(vec![Difference::Host(HostDifference::Other)])
)]
fn a_key_is_passed_over(#[case] key: &str, #[case] reason: Reason) {
    let lookup = look_up(&[keyed("a", &[key])], "reg.example:5000/app");
    assert_eq!(lookup.passed_over[0].key.as_deref(), Some(key));
    assert_eq!(reasons(&lookup), [&reason]);
}

#[test]
fn docker_hubs_key_is_named_when_another_one_matches() {
    let lookup = look_up(&[keyed("a", &["docker.io", "index.docker.io"])], "nginx");
    assert_eq!(reasons(&lookup), [&Reason::OtherKeyMatches("docker.io".into())]);
}

#[test]
fn an_image_whose_host_is_no_url_matches_no_key() {
    let lookup = look_up(&[keyed("a", &["[1:2]:5000", "*"])], "[1:2]:5000/app");
    assert!(reasons(&lookup).contains(&&Reason::ImageNotUrl(UrlError::Brackets)));
    assert!(lookup.tried.is_empty());
}

#[test]
fn absent_secrets_come_last() {
    let known = [
        keyed("regcred", &["other.example"]),
        PullSecret::docker_config_json("default", "shared", "{}"),
    ];
    let pod = PodSecrets::resolve("team", &["shared", "regcred"], &known);
    let id = SecretId { namespace: "team".into(), name: "shared".into() };
    let near = Some(NearSecret::OtherNamespace("default".into()));
    assert_eq!(pod.absent, [AbsentSecret { id: id.clone(), near: near.clone() }]);
    let keyring = Keyring::of_pod(&pod, VERSION).unwrap();
    let lookup = keyring.lookup(&Image::parse("reg.example/app", VERSION).unwrap());
    assert!(matches!(lookup.passed_over[0].reason, Reason::Mismatch(_)));
    assert_eq!(
        lookup.passed_over[1],
        PassedOver { secret: id, key: None, reason: Reason::Absent(near) }
    );
}

#[test]
fn versions_differ_in_the_keys_they_read() {
    let secrets = [keyed("a", &["reg[01].example:1:2", "reg[01].example"])];
    let tried = |version: &str| {
        let version: KubernetesVersion = version.parse().unwrap();
        let image = Image::parse("reg0.example/app", version).unwrap();
        Keyring::new(&secrets, version).unwrap().lookup(&image).tried.len()
    };
    assert_eq!((tried("1.33.5"), tried("1.34.4"), tried("1.37.2")), (1, 0, 0));
}

#[test]
fn rows_are_what_is_tried_and_then_what_is_not() {
    let lookup =
        look_up(&[keyed("a", &["quay.io", "reg.example"]), json("b", "")], "reg.example/app");
    let rows: Vec<_> = lookup
        .rows()
        .map(|row| (row.secret.name.as_str(), row.key, matches!(row.use_of, UseOf::Tried(_))))
        .collect();
    assert_eq!(
        rows,
        [("a", Some("reg.example"), true), ("a", Some("quay.io"), false), ("b", None, false)]
    );
    let near: Vec<_> = reasons(&lookup).into_iter().map(Reason::is_near).collect();
    assert_eq!(near, [false, true]);
}

#[test]
fn nothing_that_is_printed_has_a_password() {
    let secrets =
        [keyed("a", &["reg.example", "https://jane:hunter2@reg.example", "jane:hunter2@ "])];
    let keyring = Keyring::new(&secrets, VERSION).unwrap();
    let lookup = keyring.lookup(&Image::parse("reg.example/app", VERSION).unwrap());
    let bad = json(
        "b",
        r#"{"auths":{"j:hunter2@r":{"username":"jane","password":"hunter2","auth":"hunter2!"}}}"#,
    );
    let error = error(&[bad]);
    let bytes = format!("{:?}", b"hunter2").replace(['[', ']'], "");
    for printed in [
        format!("{secrets:?}"),
        format!("{keyring:?}"),
        format!("{lookup:?}"),
        lookup.tried[0].to_string(),
        format!("{error:?} {error}"),
    ] {
        assert!(!printed.contains("hunter2") && !printed.contains(&bytes), "{printed}");
    }
}
