//! What secrets, the registry's record, versions and clocks decide.

use pullproof_diagnosis::keyring::{Keyring, Lookup, Near, Passed, Tried, Why};
use pullproof_diagnosis::{
    Asked, Cause, Evidence, Obstacle, Place, Pod, Probe, PullPolicy, Request, Runtime, Said,
    Source, diagnose,
};
use rstest::rstest;

const NOTHING_SENT: &str = "Failed to pull image \"reg.example.net:5000/a:1\": failed to pull and unpack image \"reg.example.net:5000/a:1\": failed to resolve reference \"reg.example.net:5000/a:1\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";
const QUAY: &str = "Failed to pull image \"quay.io/team/a:1\": failed to pull and unpack image \"quay.io/team/a:1\": failed to resolve reference \"quay.io/team/a:1\": unexpected status from HEAD request to https://quay.io/v2/team/a/manifests/1: 401 UNAUTHORIZED";
const HUB: &str = "Failed to pull image \"docker.io/team/a:1\": failed to pull and unpack image \"docker.io/team/a:1\": failed to resolve reference \"docker.io/team/a:1\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed";
const ECR: &str = "Failed to pull image \"1.dkr.ecr.eu-west-1.amazonaws.com/a:1\": failed to resolve reference \"1.dkr.ecr.eu-west-1.amazonaws.com/a:1\": unexpected status from HEAD request to https://1.dkr.ecr.eu-west-1.amazonaws.com/v2/a/manifests/1: 401 Unauthorized";
const MISSING: &str = "Failed to pull image \"reg.example.net/a:1\": rpc error: code = NotFound desc = failed to pull and unpack image \"reg.example.net/a:1\": failed to resolve reference \"reg.example.net/a:1\": reg.example.net/a:1: not found";

fn passed(why: Why) -> Passed {
    Passed { secret: "pull".to_owned(), key: Some("reg.example.net".to_owned()), why }
}

fn with(message: &str, keyring: Keyring) -> Evidence {
    Evidence { keyring: Some(Lookup::Read(keyring)), ..Evidence::of_message(message) }
}

fn tried() -> Keyring {
    let tried = Tried {
        secret: "pull".to_owned(),
        key: "reg.example.net".to_owned(),
        user: None,
        expires: None,
    };
    Keyring { tried: vec![tried], passed: vec![] }
}

fn ids(evidence: &Evidence) -> Vec<Cause> {
    diagnose(evidence).candidates().iter().map(|candidate| candidate.id).collect()
}

#[rstest]
#[case(Why::Absent, Cause::SecretAbsent)]
#[case(Why::OtherNamespace { namespace: "other".to_owned() }, Cause::SecretOtherNamespace)]
#[case(Why::WrongType { found: "Opaque".to_owned() }, Cause::SecretWrongType)]
#[case(Why::WrongDataKey { found: None }, Cause::SecretWrongKey)]
#[case(Why::Undecodable { detail: "byte 4".to_owned() }, Cause::SecretUndecodable)]
#[case(Why::Empty { store: Some("desktop".to_owned()) }, Cause::SecretEmpty)]
#[case(Why::Near(Near::Port), Cause::KeyMismatch)]
#[case(Why::Elsewhere, Cause::NoCredentials)]
fn one_secret_that_does_not_serve(#[case] why: Why, #[case] expected: Cause) {
    let evidence = with(NOTHING_SENT, Keyring { tried: vec![], passed: vec![passed(why)] });
    assert_eq!(diagnose(&evidence).cause(), Some(expected));
}

#[test]
fn the_sentence_names_secret_and_key() {
    let evidence =
        with(NOTHING_SENT, Keyring { tried: vec![], passed: vec![passed(Why::Near(Near::Port))] });
    let diagnosis = diagnose(&evidence);
    assert_eq!(
        diagnosis.sentence,
        "key reg.example.net of secret pull misses reg.example.net:5000 by its port"
    );
}

#[test]
fn two_reasons_stay_open_and_the_nearer_comes_first() {
    let keyring =
        Keyring { tried: vec![], passed: vec![passed(Why::Absent), passed(Why::Near(Near::Port))] };
    let evidence = with(NOTHING_SENT, keyring);
    assert_eq!(diagnose(&evidence).cause(), None);
    assert_eq!(ids(&evidence), [Cause::KeyMismatch, Cause::SecretAbsent]);
}

#[test]
fn no_secret_at_all() {
    assert_eq!(
        diagnose(&with(NOTHING_SENT, Keyring::default())).cause(),
        Some(Cause::NoCredentials)
    );
}

#[test]
fn secrets_that_may_not_be_read_decide_nothing() {
    let unread =
        Evidence { keyring: Some(Lookup::Unreadable), ..Evidence::of_message(NOTHING_SENT) };
    assert_eq!(ids(&unread), ids(&Evidence::of_message(NOTHING_SENT)));
}

/// Quay answers a missing repository as it answers one that wants credentials.
#[test]
fn without_credentials_quay_leaves_missing_open() {
    assert_eq!(
        ids(&with(QUAY, Keyring::default())),
        [Cause::NoCredentials, Cause::NotFoundRepository, Cause::WrongReference]
    );
}

#[test]
fn a_granted_token_clears_the_password() {
    let left = ids(&with(HUB, tried()));
    assert!(
        !left.contains(&Cause::CredentialsRefused) && left.contains(&Cause::NotAuthorised),
        "{left:?}"
    );
}

#[test]
fn an_expired_token_in_the_secret() {
    let mut keyring = tried();
    keyring.tried[0].expires = Some("2026-01-01T00:00:00Z".parse().unwrap());
    let evidence =
        Evidence { at: Some("2026-01-02T00:00:00Z".parse().unwrap()), ..with(ECR, keyring) };
    assert_eq!(diagnose(&evidence).cause(), Some(Cause::TokenExpired));
}

/// Without a secret the node's own identity is what ECR refused.
#[test]
fn no_secret_at_ecr_leaves_the_node() {
    let left = ids(&with(ECR, Keyring::default()));
    assert!(
        left.contains(&Cause::NodeIdentity) && left.contains(&Cause::ProviderFailed),
        "{left:?}"
    );
}

#[test]
fn secrets_do_not_matter_to_a_sandbox() {
    let message = "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to get sandbox image \"reg.example.net/pause:3\": failed to pull image \"reg.example.net/pause:3\": pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials";
    assert_eq!(diagnose(&with(message, Keyring::default())).cause(), Some(Cause::SandboxImage));
}

#[test]
fn secrets_do_not_matter_to_the_network() {
    let message = "Failed to pull image \"reg.example.net:5000/a\": dial tcp 203.0.113.1:5000: connect: connection refused";
    assert_eq!(
        diagnose(&with(message, Keyring::default())).cause(),
        Some(Cause::UnreachableRefused)
    );
}

const fn request(asked: Asked, credentials: bool, status: u16) -> Request {
    Request { asked, credentials, status }
}

#[rstest]
#[case::refused(vec![request(Asked::Manifest, false, 401), request(Asked::Manifest, true, 401)], Some(Cause::CredentialsRefused))]
#[case::not_allowed(vec![request(Asked::Token, true, 200), request(Asked::Manifest, true, 401)], Some(Cause::NotAuthorised))]
#[case::forbidden(vec![request(Asked::Manifest, true, 403)], Some(Cause::NotAuthorised))]
#[case::limited(vec![request(Asked::Manifest, false, 429)], Some(Cause::RateLimited))]
#[case::nothing(vec![], None)]
fn the_registrys_record(#[case] requests: Vec<Request>, #[case] expected: Option<Cause>) {
    let message = "Failed to pull image \"reg.example.net/a\": unexpected status from HEAD request to https://reg.example.net/v2/a/manifests/latest: 401 Unauthorized";
    let evidence = Evidence { requests, ..Evidence::of_message(message) };
    assert_eq!(diagnose(&evidence).cause(), expected);
}

#[test]
fn requests_without_credentials_clear_what_was_never_sent() {
    let message = "Failed to pull image \"reg.example.net/a\": unexpected status from HEAD request to https://reg.example.net/v2/a/manifests/latest: 401 Unauthorized";
    let requests = vec![request(Asked::Manifest, false, 401)];
    let left = ids(&Evidence { requests, ..Evidence::of_message(message) });
    assert!(!left.contains(&Cause::CredentialsRefused), "{left:?}");
}

#[rstest]
#[case(Some(true), Some(false), Some(Cause::NotFoundTag))]
#[case(Some(false), None, Some(Cause::NotFoundRepository))]
#[case(None, None, None)]
fn the_registry_asked_now(
    #[case] repository: Option<bool>,
    #[case] tag: Option<bool>,
    #[case] expected: Option<Cause>,
) {
    let probe = Probe { repository, tag, ..Probe::default() };
    let evidence = Evidence { probe: Some(probe), ..Evidence::of_message(MISSING) };
    assert_eq!(diagnose(&evidence).cause(), expected);
}

const UNAUTHORISED: &str = "Failed to pull image \"reg.example.net:5000/team/app:v1\": unexpected status from HEAD request to https://reg.example.net:5000/v2/team/app/manifests/v1: 401 Unauthorized";

fn probed(message: &str, keyring: Keyring, probe: Probe) -> Evidence {
    Evidence { probe: Some(probe), ..with(message, keyring) }
}

/// Asked from elsewhere, the registry decides on the pod's credentials.
#[rstest]
#[case::password(Some(401), None, Some(401), Some(Cause::CredentialsRefused))]
#[case::token_server(Some(401), Some(401), None, Some(Cause::CredentialsRefused))]
#[case::token_granted(Some(401), Some(200), Some(401), Some(Cause::NotAuthorised))]
#[case::forbidden(Some(401), None, Some(403), Some(Cause::NotAuthorised))]
#[case::works(Some(401), Some(200), Some(200), None)]
#[case::no_answer(None, None, None, None)]
fn credentials_asked_about_now(
    #[case] anonymous: Option<u16>,
    #[case] token: Option<u16>,
    #[case] authorised: Option<u16>,
    #[case] expected: Option<Cause>,
) {
    let probe = Probe { anonymous, token, authorised, ..Probe::default() };
    let diagnosis = diagnose(&probed(UNAUTHORISED, tried(), probe));
    assert_eq!(diagnosis.cause(), expected, "{diagnosis:?}");
}

/// A mirror of the node's is not asked from elsewhere.
#[test]
fn what_may_lie_on_the_nodes_way_stays_open() {
    let by_mirror = "Failed to pull image \"reg.example.net:5000/team/app:v1\": unexpected status from HEAD request to https://mirror.example.net/v2/team/app/manifests/v1?ns=reg.example.net: 401 Unauthorized";
    let probe = Probe { anonymous: Some(401), authorised: Some(401), ..Probe::default() };
    let left = ids(&probed(by_mirror, tried(), probe));
    assert_eq!(left, [Cause::CredentialsRefused, Cause::Mirror]);
}

/// What a probe leaves over is not certain for that.
#[test]
fn credentials_that_work_from_elsewhere_make_nothing_certain() {
    let probe = Probe { anonymous: Some(401), authorised: Some(200), ..Probe::default() };
    let diagnosis = diagnose(&probed(UNAUTHORISED, tried(), probe));
    assert_eq!(diagnosis.cause(), None);
    let left: Vec<_> = diagnosis.candidates().iter().map(|one| one.id).collect();
    assert!(!left.is_empty() && !left.contains(&Cause::CredentialsRefused), "{left:?}");
    let facts = diagnosis.facts.iter().filter(|fact| fact.from == Source::Probe);
    assert_eq!(
        facts.map(|fact| fact.text.as_str()).collect::<Vec<_>>(),
        [
            "asked from elsewhere than the node without credentials: 401",
            "asked from elsewhere than the node with credentials: 200"
        ]
    );
}

#[test]
fn a_public_image_clears_what_was_never_sent_and_an_absent_one_the_credentials() {
    let probe = Probe { anonymous: Some(200), ..Probe::default() };
    let unread = Evidence { probe: Some(probe), ..Evidence::of_message(UNAUTHORISED) };
    assert_eq!(ids(&unread), [Cause::CredentialsRefused, Cause::RegistrySetting]);
    let probe = Probe { anonymous: Some(401), authorised: Some(404), ..Probe::default() };
    let left = ids(&Evidence { probe: Some(probe), ..Evidence::of_message(MISSING) });
    let missing = [Cause::NotFound, Cause::NotFoundTag, Cause::NotFoundRepository];
    assert!(missing.iter().all(|cause| left.contains(cause)), "{left:?}");
}

#[rstest]
#[case::expired_there_too(Some(Obstacle::CertificateExpired), None, Cause::TlsExpired)]
#[case::good_there(None, Some(401), Cause::NodeClock)]
#[case::not_reached(Some(Obstacle::Unreachable), None, Cause::TlsExpired)]
fn another_clock_speaks_for_one_of_two(
    #[case] obstacle: Option<Obstacle>,
    #[case] anonymous: Option<u16>,
    #[case] first: Cause,
) {
    let message = "Failed to pull image \"reg.example.net/a\": x509: certificate has expired or is not yet valid";
    let probe = Probe { obstacle, anonymous, ..Probe::default() };
    let diagnosis = diagnose(&Evidence { probe: Some(probe), ..Evidence::of_message(message) });
    assert_eq!(diagnosis.cause(), None);
    assert_eq!(diagnosis.candidates()[0].id, first);
}

#[rstest]
#[case::before("1.34.4", None, Some(Cause::PolicyNever))]
#[case::since("1.35.0", None, None)]
#[case::on_node("1.35.0", Some(true), Some(Cause::NotThisPodsImage))]
#[case::not_on_node("1.35.0", Some(false), Some(Cause::PolicyNever))]
fn never_and_the_version(
    #[case] version: &str,
    #[case] on_node: Option<bool>,
    #[case] expected: Option<Cause>,
) {
    let message =
        "Container image \"reg.example.net/a:1\" is not present with pull policy of Never";
    let kubernetes = Some(version.parse().unwrap());
    let evidence = Evidence { kubernetes, on_node, ..Evidence::of_message(message) };
    assert_eq!(diagnose(&evidence).cause(), expected);
}

#[test]
fn an_image_kept_from_a_pod_comes_first() {
    let evidence = Evidence {
        kubernetes: Some("1.36.0".parse().unwrap()),
        on_node: Some(true),
        policy: Some(PullPolicy::IfNotPresent),
        ..Evidence::of_message(NOTHING_SENT)
    };
    assert_eq!(ids(&evidence).first(), Some(&Cause::NotThisPodsImage));
}

#[rstest]
#[case::same_time(Some("2026-01-02T00:05:00Z"), Some(Cause::TlsExpired))]
#[case::other_time(Some("2025-06-01T00:00:00Z"), Some(Cause::NodeClock))]
#[case::no_other_clock(None, Some(Cause::TlsExpired))]
fn two_clocks(#[case] at: Option<&str>, #[case] expected: Option<Cause>) {
    let message = "Failed to pull image \"reg.example.net/a\": x509: certificate has expired or is not yet valid: current time 2026-01-02T00:00:00Z is after 2026-01-01T00:00:00Z";
    let at = at.map(|at| at.parse().unwrap());
    assert_eq!(diagnose(&Evidence { at, ..Evidence::of_message(message) }).cause(), expected);
}

/// The warning about a secret explains nothing beside the error of the pull.
#[test]
fn the_error_leads_and_not_the_warning() {
    let said = |text: &str, reason: &str| Said {
        text: text.to_owned(),
        place: Place::Event(reason.to_owned()),
    };
    let messages = vec![
        said(
            "Unable to retrieve some image pull secrets (pull); attempting to pull the image may not succeed.",
            "FailedToRetrieveImagePullSecret",
        ),
        said(
            "Failed to pull image \"reg.example.net/a\": dial tcp 203.0.113.1:443: i/o timeout",
            "Failed",
        ),
    ];
    assert_eq!(
        diagnose(&Evidence { messages, ..Evidence::default() }).cause(),
        Some(Cause::UnreachableTimeout)
    );
}

#[test]
fn a_registry_behind_failed_mirrors_stays_open() {
    let message = "Failed to pull image \"quay.io/team/a:1\": (Mirrors also failed: [mirror.example.net/a:1: x]): quay.io/team/a:1: dial tcp 203.0.113.1:443: i/o timeout";
    assert_eq!(ids(&Evidence::of_message(message)), [Cause::Mirror, Cause::UnreachableTimeout]);
}

#[test]
fn an_unknown_wording_is_not_guessed_at() {
    let diagnosis = diagnose(&Evidence::of_message(
        "Failed to pull image \"a\": rpc error: code = Unknown desc = frobnication of the widget failed",
    ));
    assert!(diagnosis.is_unknown());
    assert!(diagnosis.sentence.ends_with("frobnication of the widget failed"));
}

#[test]
fn a_back_off_says_where_the_cause_is() {
    let diagnosis = diagnose(&Evidence::of_message("Back-off pulling image \"a\""));
    assert!(diagnosis.is_unknown() && diagnosis.sentence.contains("Failed event"));
}

#[test]
fn commands_hold_only_plain_names() {
    let pod = Pod { namespace: "team".to_owned(), secrets: vec![] };
    let evidence = Evidence { pod: Some(pod), ..with(NOTHING_SENT, Keyring::default()) };
    let command = diagnose(&evidence).remedy.unwrap().command.unwrap();
    assert!(
        command.contains("--docker-server=reg.example.net:5000") && command.ends_with("-n team")
    );
    let hostile = "Failed to pull image \"a$(reboot).example.net/a:1\": no basic auth credentials";
    let command = diagnose(&with(hostile, Keyring::default())).remedy.unwrap().command.unwrap();
    assert!(!command.contains("reboot"), "{command}");
}

#[test]
fn a_line_in_is_a_line_out() {
    let line = r#"{"id":"x","message":"Failed to pull image \"a\": pull QPS exceeded","other":1}"#;
    let answer: serde_json::Value =
        serde_json::from_str(&pullproof_diagnosis::explain::line(line).unwrap()).unwrap();
    assert_eq!(answer["cause"], "qps");
    assert_eq!(answer["candidates"][0]["id"], "qps");
    assert!(answer["remedy"]["text"].is_string() && answer["evidence"].is_array());
    assert!(pullproof_diagnosis::explain::line("[]").is_err());
}

#[test]
fn a_pod_that_names_no_secret_has_no_credentials() {
    let pod = Pod { namespace: "team".to_owned(), secrets: vec![] };
    let evidence = Evidence { pod: Some(pod), ..Evidence::of_message(NOTHING_SENT) };
    assert_eq!(diagnose(&evidence).cause(), Some(Cause::NoCredentials));
}

/// A waiting state can have its cause in the reason alone, and an event says so of a sandbox.
#[rstest]
#[case("ErrImageNeverPull", "", Some(Cause::PolicyNever))]
#[case("InvalidImageName", "", Some(Cause::InvalidName))]
#[case("FailedCreatePodSandBox", "no basic auth credentials", Some(Cause::SandboxImage))]
#[case("ErrImagePull", "", None)]
fn the_reason_counts(#[case] reason: &str, #[case] text: &str, #[case] expected: Option<Cause>) {
    let said = Said { text: text.to_owned(), place: Place::Waiting(reason.to_owned()) };
    let evidence = Evidence { messages: vec![said], ..Evidence::default() };
    assert_eq!(diagnose(&evidence).cause(), expected);
}

/// From 2.0 on, containerd's "not found" hides what a mirror answered before.
#[rstest]
#[case("1.7.24", false)]
#[case("2.0.2", true)]
fn not_found_and_the_runtime(#[case] version: &str, #[case] mirror: bool) {
    let version = Some(version.parse().unwrap());
    let runtime = Some(Runtime { name: "containerd".to_owned(), version });
    let evidence = Evidence { runtime, ..Evidence::of_message(MISSING) };
    assert_eq!(ids(&evidence).contains(&Cause::Mirror), mirror);
}

const FORBIDDEN: &str = "Failed to pull image \"reg.example.net/a:1\": failed to pull and unpack image \"reg.example.net/a:1\": failed to resolve reference \"reg.example.net/a:1\": unexpected status from HEAD request to https://reg.example.net/v2/a/manifests/1: 403 Forbidden";

/// A pod without secrets at a registry that refuses HEAD of a public image.
#[test]
fn a_registry_may_forbid_head_alone() {
    for evidence in [Evidence::of_message(FORBIDDEN), with(FORBIDDEN, Keyring::default())] {
        let left = ids(&evidence);
        assert!(left.contains(&Cause::RegistrySetting), "{left:?}");
        assert!(left.contains(&Cause::NetworkRule), "{left:?}");
    }
    let by_get = ids(&Evidence::of_message(FORBIDDEN.replace("HEAD", "GET")));
    assert!(!by_get.contains(&Cause::RegistrySetting), "{by_get:?}");
}

const RESOLVED: &str = "Failed to pull image \"reg.example.net/a\": failed to pull and unpack image \"reg.example.net/a:latest\": failed to copy: httpReadSeeker: failed open: content at https://reg.example.net/v2/a/manifests/sha256:0123 not found: not found";

/// HEAD of the tag gave a digest, at which there is nothing.
#[test]
fn a_reference_that_was_resolved_is_not_only_missing() {
    let resolved = vec![request(Asked::Manifest, false, 200), request(Asked::Manifest, false, 404)];
    let recorded = Evidence { requests: resolved, ..Evidence::of_message(RESOLVED) };
    for left in [ids(&Evidence::of_message(RESOLVED)), ids(&recorded)] {
        assert_eq!(left[..2], [Cause::RegistryError, Cause::NotFound], "{left:?}");
    }
    let never = vec![request(Asked::Manifest, false, 404)];
    let left = ids(&Evidence { requests: never, ..Evidence::of_message(MISSING) });
    assert!(!left.contains(&Cause::RegistryError), "{left:?}");
}

/// A token server was given credentials, so there was a challenge, and the token in the secret may be
/// too old.
#[test]
fn credentials_that_a_token_server_refused_may_have_expired() {
    let message = "Failed to pull image \"ghcr.io/acme/gdg:1\": failed to authorize: failed to fetch oauth token: unexpected status from GET request to https://ghcr.io/token?scope=repository%3Aacme%2Fgdg%3Apull&service=ghcr.io: 403 Forbidden";
    let left = ids(&with(message, tried()));
    assert!(left.contains(&Cause::TokenExpired), "{left:?}");
    assert!(!left.contains(&Cause::RegistrySetting), "{left:?}");
}

#[test]
fn of_several_credentials_the_answer_of_the_registry_counts() {
    let message = "Failed to pull image \"example.azurecr.io/a:1\": [rpc error: code = NotFound desc = failed to resolve reference \"example.azurecr.io/a:1\": example.azurecr.io/a:1: not found, rpc error: code = Unknown desc = failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized]";
    assert_eq!(ids(&Evidence::of_message(message)).first(), Some(&Cause::NotFound));
}

#[rstest]
#[case(
    "no matching manifest for windows/amd64 10.0.18362 in the manifest list entries",
    "windows/amd64 10.0.18362"
)]
#[case(
    "no image found in image index for architecture \"arm64\", variant \"v8\", OS \"linux\"",
    "linux/arm64/v8"
)]
#[case(
    "no image found in manifest list for architecture \"amd64\", variant \"\", OS \"linux\"",
    "linux/amd64"
)]
fn the_sentence_names_the_platform(#[case] text: &str, #[case] platform: &str) {
    let diagnosis =
        diagnose(&Evidence::of_message(format!("Failed to pull image \"team/a\": {text}")));
    assert_eq!(diagnosis.sentence, format!("image team/a has no variant for {platform}"));
}
