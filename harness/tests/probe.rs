//! A registry asked from here, against servers of the test's own. Needs neither Docker nor a cluster.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod server;

use std::{
    net::{IpAddr, Ipv4Addr, TcpListener},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullproof::{
    probe::{Answers, Failure, Identity, Login, Outcome, Prober},
    registry::{Certificate, TestCa},
};
use pullproof_credentials::{Image, KubernetesVersion};
use rstest::rstest;
use server::{Reply, Server, has_credentials, reply};

const CANARY: &str = "c4n4ry-Passw0rd";

fn login() -> Login {
    Login::new("regcred", "registry.example", "janedoe", CANARY.into())
}

async fn ask(prober: &Prober, host: &str, logins: &[Login]) -> Answers {
    let name = format!("{host}/team/app:v1");
    let image = Image::parse(&name, KubernetesVersion::new(37, 2)).unwrap();
    let answers = prober.ask(&name, &image, logins).await;
    let text = format!("{answers:?}").to_lowercase();
    for secret in [CANARY, &STANDARD.encode(format!("janedoe:{CANARY}")), &STANDARD.encode(CANARY)]
    {
        assert!(!text.contains(&secret.to_lowercase()), "{text}");
    }
    let readable = |url: &str| url.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(answers.requests.iter().all(|asked| readable(&asked.url)), "{text}");
    answers
}

/// A registry over plain HTTP, asked with one login.
async fn asked(script: impl Fn(&str) -> Reply + Send + Sync + 'static) -> (Server, Answers) {
    let server = Server::plain(script).await;
    let answers = ask(&plain(&[&server]), &server.host(), &[login()]).await;
    (server, answers)
}

/// A prober that uses plain HTTP for these.
fn plain(servers: &[&Server]) -> Prober {
    Prober::new(None, servers.iter().map(|server| server.host())).unwrap()
}

/// What was asked and answered, without hosts.
fn listed(answers: &Answers) -> Vec<String> {
    let one = |asked: &pullproof::probe::Asked| {
        let whom = match &asked.identity {
            Identity::Nobody => "nobody",
            Identity::User { user, .. } => user,
        };
        let path = asked.url.splitn(4, '/').nth(3).unwrap();
        let answer = asked.outcome.map_or_else(|failure| failure.to_string(), |it| it.to_string());
        format!("{} {path} {whom} {answer}", asked.method)
    };
    // Each registry over plain HTTP was tried with HTTPS first.
    let plain = |asked: &&pullproof::probe::Asked| asked.outcome != Err(Failure::PlainHttp);
    answers.requests.iter().filter(plain).map(one).collect()
}

fn basic(request: &str) -> Reply {
    match has_credentials(request, &STANDARD.encode(format!("janedoe:{CANARY}"))) {
        true => reply(200, &[], ""),
        false => reply(401, &["WWW-Authenticate: Basic realm=\"x\""], ""),
    }
}

const MANIFEST: &str = "v2/team/app/manifests/v1";

#[tokio::test]
async fn a_password_is_sent_if_the_registry_asks_for_one() {
    let (server, answers) = asked(basic).await;
    assert_eq!(answers.anonymous, Outcome::Status(401));
    assert_eq!(answers.logins[0].outcome, Outcome::Status(200));
    let expected = [format!("HEAD {MANIFEST} nobody 401"), format!("HEAD {MANIFEST} janedoe 200")];
    assert_eq!(listed(&answers), expected);
    let seen = server.seen();
    assert!(seen.iter().all(|request| request.starts_with("HEAD /v2/team/app/manifests/v1 ")));
    assert!(seen[0].to_lowercase().contains("accept: application/vnd.docker.distribution"));
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_equal_logins_are_asked_about_once() {
    let refuse = |_: &str| reply(401, &["WWW-Authenticate: Basic realm=\"x\""], "");
    let server = Server::plain(refuse).await;
    let other = Login::new("other", "registry.example", "joe", CANARY.into());
    let logins = [login(), login(), other];
    let answers = ask(&plain(&[&server]), &server.host(), &logins).await;
    let outcomes: Vec<_> = answers.logins.iter().map(|login| login.outcome).collect();
    assert_eq!(outcomes, [Outcome::Status(401); 3]);
    assert_eq!(server.seen().len(), 3, "{:?}", server.seen());
}

#[rstest]
#[case(200)]
#[case(404)]
#[case(429)]
#[tokio::test]
async fn without_a_challenge_no_credentials_are_sent(#[case] status: u16) {
    let (server, answers) = asked(move |_| reply(status, &[], "")).await;
    assert_eq!(answers.anonymous, Outcome::Status(status));
    assert_eq!(answers.logins[0].outcome, Outcome::NotChallenged);
    assert_eq!(server.seen().len(), 1);
}

/// A registry that wants a token of a realm, and has the image for `Bearer good`.
fn bearer(realm: &str) -> impl Fn(&str) -> Reply + Send + Sync + use<> {
    let challenge = format!(
        "WWW-Authenticate: Bearer realm=\"{realm}\",service=\"reg\",scope=\"repository:team/app:pull\""
    );
    move |request| match request.contains("Bearer good") {
        true => reply(200, &[], ""),
        false => reply(401, &[&challenge], ""),
    }
}

#[tokio::test]
async fn a_token_is_asked_for_by_post_as_containerd_does() {
    let tokens = Server::plain(|request| match request.contains("grant_type=password") {
        true => reply(200, &[], r#"{"access_token": "good"}"#),
        false => reply(200, &[], r#"{"token": "anonymous"}"#),
    })
    .await;
    let registry = Server::plain(bearer(&format!("http://{}/token", tokens.host()))).await;
    let answers = ask(&plain(&[&registry, &tokens]), &registry.host(), &[login()]).await;
    assert_eq!(answers.anonymous, Outcome::Status(401));
    assert_eq!(
        (answers.logins[0].outcome, answers.logins[0].granted),
        (Outcome::Status(200), true)
    );
    let expected = [
        format!("HEAD {MANIFEST} nobody 401"),
        "GET token nobody 200".to_owned(),
        format!("HEAD {MANIFEST} nobody 401"),
        "POST token janedoe 200".to_owned(),
        format!("HEAD {MANIFEST} janedoe 200"),
    ];
    assert_eq!(listed(&answers), expected);
    let [get, post] = &tokens.seen()[..] else { panic!("{:?}", tokens.seen()) };
    let scope = "scope=repository%3Ateam%2Fapp%3Apull";
    assert!(get.starts_with(&format!("GET /token?service=reg&{scope} ")), "{get}");
    assert!(post.contains(scope) && post.contains("username=janedoe"), "{post}");
    assert!(post.contains(&format!("password={CANARY}")), "{post}");
}

#[rstest]
#[case::no_post(404, Outcome::Status(200))]
#[case::failing(500, Outcome::TokenRefused(500))]
#[tokio::test]
async fn a_token_server_without_post_is_asked_by_get(#[case] post: u16, #[case] outcome: Outcome) {
    let tokens = Server::plain(move |request| match request.starts_with("POST") {
        true => reply(post, &[], ""),
        false if has_credentials(request, "Basic") => reply(200, &[], r#"{"token": "good"}"#),
        false => reply(403, &[], ""),
    })
    .await;
    let registry = Server::plain(bearer(&format!("http://{}/token", tokens.host()))).await;
    let answers = ask(&plain(&[&registry]), &registry.host(), &[login()]).await;
    assert_eq!(answers.anonymous, Outcome::TokenRefused(403));
    assert_eq!(answers.logins[0].outcome, outcome);
}

#[tokio::test]
async fn credentials_stay_with_the_host_that_asked_for_them() {
    let store = Server::plain(|_| reply(200, &[], "")).await;
    let location = format!("Location: http://user:pass@{}/blob?sig=x", store.host());
    let (registry, answers) = asked(move |request| match request.contains("Basic") {
        true => reply(307, &[&location], ""),
        false => basic(request),
    })
    .await;
    assert_eq!(answers.logins[0].outcome, Outcome::Status(200));
    assert_eq!(listed(&answers).last().unwrap(), "HEAD blob nobody 200");
    let [blob] = &store.seen()[..] else { panic!("{:?}", store.seen()) };
    assert!(!blob.to_lowercase().contains("authorization"), "{blob}");
    assert!(blob.starts_with("HEAD /blob?sig=x "), "{blob}");
    assert_eq!(registry.seen().len(), 2);
}

#[tokio::test]
async fn credentials_follow_a_redirect_within_the_host_and_do_not_return_from_another() {
    let (_, answers) = asked(|request| match request.starts_with("HEAD /moved ") {
        true => basic(request),
        false if request.contains("Basic") => reply(301, &["Location: /moved"], ""),
        false => basic(request),
    })
    .await;
    assert_eq!(answers.logins[0].outcome, Outcome::Status(200));

    let back = Server::plain(|request| {
        let home = request.split("home=").nth(1).unwrap().split(' ').next().unwrap();
        reply(302, &[&format!("Location: http://{home}/home")], "")
    })
    .await;
    let away = back.host();
    let (registry, answers) = asked(move |request| {
        let host = request.split("ost: ").nth(1).unwrap().lines().next().unwrap();
        match request.starts_with("HEAD /home ") {
            true => basic(request),
            false if request.contains("Basic") => {
                reply(302, &[&format!("Location: http://{away}/?home={host}")], "")
            }
            false => basic(request),
        }
    })
    .await;
    assert_eq!(answers.logins[0].outcome, Outcome::Status(401));
    assert!(!has_credentials(registry.seen().last().unwrap(), "Basic"));
}

#[tokio::test]
async fn the_challenge_of_a_redirects_target_is_not_answered() {
    let other = Server::plain(basic).await;
    let location = format!("Location: http://{}/x", other.host());
    let (_, answers) = asked(move |_| reply(307, &[&location], "")).await;
    assert_eq!(answers.anonymous, Outcome::Status(401));
    assert_eq!(answers.logins[0].outcome, Outcome::NotChallenged);
    assert_eq!(other.seen().len(), 1);
}

#[rstest]
#[case("http://169.254.77.7/latest/meta-data/iam")]
#[case("http://2852015367/")]
#[case("http://0xa9.0xfe.0x4d.0x7/")]
#[case("https://[::ffff:169.254.77.7]/")]
#[case("http://[fe80::1]/")]
#[case("http://[fe80::ec2]/")]
#[case("http://metadata.example/")]
#[tokio::test]
async fn no_redirect_and_no_realm_leads_to_a_metadata_address(#[case] target: &'static str) {
    let metadata = [Ipv4Addr::LOCALHOST, Ipv4Addr::new(169, 254, 77, 7)].map(IpAddr::V4);
    let location = format!("Location: {target}");
    let registry = Server::plain(move |_| reply(302, &[&location], "")).await;
    let prober = plain(&[&registry]).resolving("metadata.example", metadata);
    let answers = ask(&prober, &registry.host(), &[login()]).await;
    assert_eq!(answers.anonymous, Outcome::Failed(Failure::LinkLocal));
    let last = answers.requests.last().unwrap();
    assert_eq!((last.outcome, &last.identity), (Err(Failure::LinkLocal), &Identity::Nobody));

    let registry = Server::plain(bearer(target)).await;
    let prober = plain(&[&registry]).resolving("metadata.example", metadata);
    let answers = ask(&prober, &registry.host(), &[login()]).await;
    assert_eq!(answers.logins[0].outcome, Outcome::Failed(Failure::LinkLocal));
}

#[tokio::test]
async fn five_redirects_are_followed() {
    let (server, answers) = asked(|_| reply(307, &["Location: /again"], "")).await;
    assert_eq!(answers.anonymous, Outcome::Failed(Failure::TooManyRedirects));
    assert_eq!(server.seen().len(), 6);
    for location in ["X: y", "Location: file:///etc/passwd", "Location: http://"] {
        let (_, answers) = asked(move |_| reply(307, &[location], "")).await;
        assert_eq!(answers.anonymous, Outcome::Failed(Failure::BadRedirect), "{location}");
    }
}

#[tokio::test]
async fn a_realm_over_plain_http_gets_no_credentials_of_a_registry_over_https() {
    let tokens = Server::plain(|_| reply(200, &[], r#"{"token": "good"}"#)).await;
    let authority = TestCa::new().unwrap();
    let realm = format!("http://{}/token", tokens.host());
    let registry = Server::tls(&authority, Certificate::Right, bearer(&realm)).await;
    let prober = Prober::new(Some(authority.pem()), []).unwrap();
    let answers = ask(&prober, &registry.host(), &[login()]).await;
    assert_eq!(answers.anonymous, Outcome::Status(200));
    assert_eq!(answers.logins[0].outcome, Outcome::Failed(Failure::PlainRealm));
    let [anonymous] = &tokens.seen()[..] else { panic!("{:?}", tokens.seen()) };
    assert!(!anonymous.contains("janedoe") && !has_credentials(anonymous, "Basic"), "{anonymous}");
    for realm in ["", "token", "ftp://a.example/"] {
        let (_, answers) = asked(bearer(realm)).await;
        assert_eq!(answers.anonymous, Outcome::Failed(Failure::BadRealm), "{realm}");
    }
}

#[rstest]
#[case::certificate(Certificate::Right, true, Outcome::Status(401))]
#[case::unknown(Certificate::Right, false, Outcome::Failed(Failure::UnknownAuthority))]
#[case::name(Certificate::WrongName, true, Outcome::Failed(Failure::CertificateName))]
#[case::expired(Certificate::Expired, true, Outcome::Failed(Failure::CertificateExpired))]
#[tokio::test]
async fn certificates_are_verified(
    #[case] certificate: Certificate,
    #[case] trusted: bool,
    #[case] expected: Outcome,
) {
    let authority = TestCa::new().unwrap();
    let server = Server::tls(&authority, certificate, basic).await;
    let prober = Prober::new(trusted.then(|| authority.pem()), []).unwrap();
    assert_eq!(ask(&prober, &server.host(), &[login()]).await.anonymous, expected);
    let insecure = Prober::new(None, [server.host()]).unwrap();
    let answers = ask(&insecure, &server.host(), &[login()]).await;
    assert_eq!(answers.logins[0].outcome, Outcome::Status(200));
    assert!(answers.requests.iter().all(|asked| asked.url.starts_with("https://")));
}

/// As `openssl req -x509` makes one.
#[tokio::test]
async fn a_certificate_that_signs_itself_is_trusted_by_name() {
    let (server, pem) = Server::self_signed(basic).await;
    let with = |pem: Option<&str>| Prober::new(pem, []).unwrap();
    let unknown = ask(&with(None), &server.host(), &[]).await;
    assert_eq!(unknown.anonymous, Outcome::Failed(Failure::UnknownAuthority));
    assert_eq!(ask(&with(Some(&pem)), &server.host(), &[]).await.anonymous, Outcome::Status(401));
    let port = server.host().rsplit_once(':').unwrap().1.to_owned();
    let other = with(Some(&pem)).resolving("other.example", [IpAddr::V4(Ipv4Addr::LOCALHOST)]);
    let answers = ask(&other, &format!("other.example:{port}"), &[]).await;
    assert_eq!(answers.anonymous, Outcome::Failed(Failure::CertificateName));
}

#[tokio::test]
async fn plain_http_is_used_for_an_insecure_registry_alone() {
    let server = Server::plain(basic).await;
    let strict = Prober::new(None, []).unwrap();
    let answers = ask(&strict, &server.host(), &[login()]).await;
    assert_eq!(answers.anonymous, Outcome::Failed(Failure::PlainHttp));
    assert_eq!(server.seen().len(), 0);
    let answers = ask(&plain(&[&server]), &server.host(), &[login()]).await;
    assert_eq!(answers.requests[0].outcome, Err(Failure::PlainHttp));
    assert!(answers.requests[1].url.starts_with("http://"));
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_said_to_be() {
    let prober = Prober::new(None, []).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answers = ask(&prober, &free.to_string(), &[login()]).await;
    assert_eq!(answers.logins[0].outcome, Outcome::Failed(Failure::ConnectionRefused));
    assert_eq!(answers.requests.len(), 1);
    let answers = ask(&prober, "registry.invalid", &[]).await;
    let no_name = [Failure::NoSuchHost, Failure::ResolverFailed, Failure::Timeout];
    assert!(no_name.map(Outcome::Failed).contains(&answers.anonymous), "{answers:?}");
}

#[rstest]
#[case::silent(Reply::Stall(Vec::new()), Failure::Timeout)]
#[case::slow_head(Reply::Stall(b"HTTP/1.1 200 OK\r\nX-A: ".to_vec()), Failure::Timeout)]
#[case::closed(Reply::Bytes(b"HTTP/1.1 200 OK\r\n".to_vec()), Failure::ConnectionLost)]
#[case::endless_head(Reply::Endless(b"HTTP/1.1 200 OK\r\n".to_vec(), b"X-A: b\r\n".to_vec()), Failure::TooLarge)]
#[case::long_header(Reply::Endless(b"HTTP/1.1 200 OK\r\nX-A: ".to_vec(), vec![b'a'; 1 << 16]), Failure::TooLarge)]
#[case::no_http(Reply::Bytes(b"\x1b[31mSSH-2.0-x\r\n\r\n".to_vec()), Failure::NotHttp)]
#[tokio::test]
async fn an_answer_has_a_time_and_a_size(#[case] answer: Reply, #[case] expected: Failure) {
    let authority = TestCa::new().unwrap();
    let server = Server::tls(&authority, Certificate::Right, move |_| answer.clone()).await;
    let prober = Prober::new(Some(authority.pem()), []).unwrap();
    let limit = match expected {
        Failure::Timeout => Duration::from_millis(200),
        _ => Duration::from_secs(30),
    };
    let answers = ask(&prober.within(limit), &server.host(), &[]).await;
    assert_eq!(answers.anonymous, Outcome::Failed(expected));
}

#[rstest]
#[case::endless(Reply::Endless(b"HTTP/1.1 200 OK\r\n\r\n{\"token\": \"".to_vec(), vec![b'a'; 1 << 16]), Failure::TooLarge)]
#[case::stalled(Reply::Stall(b"HTTP/1.1 200 OK\r\n\r\n{\"token\": \"".to_vec()), Failure::Timeout)]
#[case::other(reply(200, &[], "\u{1b}[31m{\"error\": \"\u{1b}]0;x\u{7}\"}"), Failure::NoToken)]
#[tokio::test]
async fn a_token_has_a_time_and_a_size(#[case] answer: Reply, #[case] expected: Failure) {
    let tokens = Server::plain(move |_| answer.clone()).await;
    let registry = Server::plain(bearer(&format!("http://{}/token", tokens.host()))).await;
    let limit = match expected {
        Failure::Timeout => Duration::from_millis(500),
        _ => Duration::from_secs(30),
    };
    let prober = plain(&[&registry]).within(limit);
    let answers = ask(&prober, &registry.host(), &[login()]).await;
    assert_eq!(answers.logins[0].outcome, Outcome::Failed(expected));
}

#[tokio::test]
async fn a_mebibyte_is_enough_for_a_token() {
    for (size, expected) in
        [(1 << 20, Outcome::Status(200)), ((1 << 20) + 1, Outcome::Failed(Failure::TooLarge))]
    {
        let token = r#"{"token": "good"}"#;
        let token = format!("{token}{}", " ".repeat(size - token.len()));
        let tokens = Server::plain(move |_| reply(200, &[], &token)).await;
        let registry = Server::plain(bearer(&format!("http://{}/token", tokens.host()))).await;
        let answers = ask(&plain(&[&registry]), &registry.host(), &[]).await;
        assert_eq!(answers.anonymous, expected);
    }
}

/// What a server sends, and what it was sent, is not in the answers: `ask` looks at all of them.
#[rstest]
#[case::reason("HTTP/1.1 401 \u{9b}31mred\r\nWWW-Authenticate: Basic\r\n")]
#[case::realm(
    "HTTP/1.1 401 X\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:9/\u{9b}31m\u{202e}PASSWORD\"\r\n"
)]
#[case::location("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:9/%1b[31m/PASSWORD?p=PASSWORD\r\n")]
#[case::host("HTTP/1.1 302 X\r\nLocation: http://PASSWORD.invalid/\r\n")]
#[case::encoded_host("HTTP/1.1 302 X\r\nLocation: http://BASE64.invalid/\r\n")]
#[case::encoded("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:9/BASE64\r\n")]
#[tokio::test]
async fn nothing_that_a_server_sends_is_repeated(#[case] head: &'static str) {
    let pair = STANDARD.encode(format!("janedoe:{CANARY}"));
    let head = head.replace("PASSWORD", CANARY).replace("BASE64", &pair);
    let answer = format!("{head}Connection: close\r\n\r\n");
    let (_, answers) = asked(move |request| match request.contains("Basic") {
        true => basic(request),
        false => Reply::Bytes(answer.clone().into_bytes()),
    })
    .await;
    assert!(!format!("{answers:?}").contains(['\u{1b}', '\u{9b}', '\u{202e}']), "{answers:?}");
}
