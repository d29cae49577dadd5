//! Registry containers behind their gateways. Needs Docker and the registry image.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use pullproof::case::model::{
    self, Anonymous, Auth, Fault, FaultAction, Platform, Tls, TokenAuth, TokenForms, TokenUser,
};
use pullproof::image::{Arch, Image};
use pullproof::registry::{
    AuthKind, Authorization, Mark, Origin, Peers, Pool, RegistryAddress, RequestKind,
    RunningRegistry, Warm,
};
use secrecy::SecretString;

/// Stands for the gateway address of kind's network.
const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const NAME: &str = "janedoe/jdoe-private:v1";
const MANIFEST: &str = "/v2/janedoe/jdoe-private/manifests/v1";

fn users(pairs: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    pairs.iter().map(|&(user, password)| (user.to_owned(), password.into())).collect()
}

fn spec(auth: Auth) -> model::Registry {
    model::Registry {
        auth,
        tls: Tls::None,
        images: Vec::new(),
        faults: Vec::new(),
        node: Default::default(),
    }
}

fn place() -> RegistryAddress {
    RegistryAddress { name: "registry".into(), node: NODE, port: None, peers: Peers::default() }
}

/// Starts a registry, or fails with a text that says what to do.
async fn start(pool: &Pool, spec: &model::Registry, place: RegistryAddress) -> RunningRegistry {
    match RunningRegistry::start(pool, spec, place).await {
        Ok(registry) => registry,
        Err(error) => panic!("{:#}", anyhow::Error::new(error)),
    }
}

fn pool() -> Pool {
    Pool::new(vec![("dev.pullproof.test".to_owned(), "registry".to_owned())], 4)
}

fn image() -> Image {
    let spec = model::Image::new(NAME);
    Image::build(&spec, Arch::Amd64).unwrap()
}

async fn ask(
    to: SocketAddr,
    method: Method,
    path: &str,
    who: Option<(&str, &str)>,
) -> Response<Bytes> {
    let basic = who
        .map(|(user, password)| format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))));
    send(to, method, path, basic).await
}

async fn send(
    to: SocketAddr,
    method: Method,
    path: &str,
    authorization: Option<String>,
) -> Response<Bytes> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{to}{path}"))
        .header("accept", "application/vnd.oci.image.manifest.v1+json");
    if let Some(value) = authorization {
        request = request.header(AUTHORIZATION, value);
    }
    let answer = client.request(request.body(Empty::new()).unwrap()).await.unwrap();
    let (head, body) = answer.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

async fn status(to: SocketAddr, path: &str, who: Option<(&str, &str)>) -> u16 {
    ask(to, Method::GET, path, who).await.status().as_u16()
}

#[tokio::test]
async fn htpasswd_refuses_admits_and_changes() {
    let pool = pool();
    let auth = Auth::Basic(users(&[("janedoe", "xxxxxxxxxxx")]));
    let registry = start(&pool, &spec(auth), place()).await;
    let image = image();
    registry.push(NAME, &image).await.unwrap();
    assert!(registry.record().all().is_empty(), "the push went past the gateway");

    let node = registry.node();
    let janedoe = Some(("janedoe", "xxxxxxxxxxx"));
    let refused = ask(node, Method::HEAD, MANIFEST, None).await;
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()[WWW_AUTHENTICATE], "Basic realm=\"pullproof\"");
    assert_eq!(status(node, MANIFEST, Some(("janedoe", "wrong"))).await, 401);
    let pulled = ask(node, Method::GET, MANIFEST, janedoe).await;
    assert_eq!(pulled.status(), 200);
    assert_eq!(pulled.headers()["docker-content-digest"], image.digest());
    assert_eq!(status(registry.host(), "/v2/", janedoe).await, 200);
    assert_eq!(registry.anonymous_manifest(NAME).await.unwrap(), 401);

    let seen = registry.record().all();
    let kinds: Vec<_> = seen.iter().map(|it| (it.from, it.kind, it.status)).collect();
    assert_eq!(
        kinds,
        [
            (Origin::Node, RequestKind::Manifest, Some(401)),
            (Origin::Node, RequestKind::Manifest, Some(401)),
            (Origin::Node, RequestKind::Manifest, Some(200)),
            (Origin::Host, RequestKind::Ping, Some(200)),
        ]
    );
    assert_eq!(seen[0].authorization, Authorization::None);
    assert_eq!(seen[2].authorization, Authorization::Basic { user: "janedoe".into() });
    assert_eq!(seen[2].repository.as_deref(), Some("janedoe/jdoe-private"));
    assert_eq!(seen[2].bytes, pulled.body().len() as u64);

    // Several changes within one second, the time stamps of most file systems.
    for round in 0..5 {
        let (old, new) = (format!("password {round}"), format!("password {}", round + 1));
        registry.set_users(&users(&[("janedoe", &new)])).await.unwrap();
        assert_eq!(status(node, MANIFEST, Some(("janedoe", &new))).await, 200, "round {round}");
        assert_eq!(status(node, MANIFEST, Some(("janedoe", &old))).await, 401, "round {round}");
        assert_eq!(status(node, MANIFEST, janedoe).await, 401, "round {round}");
    }
    assert!(registry.logs().await.contains("janedoe/jdoe-private"));
    registry.close().await.unwrap();
    pool.close().await.unwrap();
}

#[tokio::test]
async fn a_wrong_password_is_refused_whatever_its_length() {
    let pool = pool();
    // bcrypt looks at 72 bytes, and at a password and a NUL over and over.
    let begin = "x".repeat(72);
    let pairs = [
        (format!("{begin}-right-1"), format!("{begin}-wrong-1")),
        (format!("{begin}-right-1"), begin.clone()),
        (begin.clone(), format!("{begin}-wrong-1")),
        ("a".to_owned(), "a\0a".to_owned()),
        ("a\0a".to_owned(), "a".to_owned()),
        (begin[1..].to_owned(), format!("{}\0x", &begin[1..])),
    ];
    let auth = Auth::Basic(users(&[("janedoe", "first")]));
    let registry = start(&pool, &spec(auth), place()).await;
    registry.push(NAME, &image()).await.unwrap();
    for (right, wrong) in &pairs {
        registry.set_users(&users(&[("janedoe", right)])).await.unwrap();
        for address in [registry.node(), registry.host(), registry.control()] {
            assert_eq!(status(address, MANIFEST, Some(("janedoe", right))).await, 200, "{right:?}");
            let refused = ask(address, Method::GET, MANIFEST, Some(("janedoe", wrong))).await;
            assert_eq!(refused.status(), 401, "{wrong:?}");
            assert_eq!(refused.headers()[WWW_AUTHENTICATE], "Basic realm=\"pullproof\"");
        }
    }
    registry.close().await.unwrap();
    // The first users of a container are written like later ones.
    let (right, wrong) = &pairs[0];
    let auth = Auth::Basic(users(&[("janedoe", right)]));
    let registry = start(&pool, &spec(auth), place()).await;
    assert_eq!(status(registry.node(), "/v2/", Some(("janedoe", right))).await, 200);
    assert_eq!(status(registry.node(), "/v2/", Some(("janedoe", wrong))).await, 401);
    registry.close().await.unwrap();
    pool.close().await.unwrap();
}

#[tokio::test]
async fn without_authentication_anyone_pulls_an_index_and_its_parts() {
    let pool = pool();
    let registry = start(&pool, &spec(Auth::None), place()).await;
    let spec =
        model::Image { padding: 5_000_000, platform: Platform::Index, ..model::Image::new(NAME) };
    let image = Image::build(&spec, Arch::Amd64).unwrap();
    registry.push(NAME, &image).await.unwrap();
    assert_eq!(registry.anonymous_manifest(NAME).await.unwrap(), 200);
    for blob in image.blobs() {
        let path = format!("/v2/janedoe/jdoe-private/blobs/{}", blob.digest);
        let pulled = ask(registry.node(), Method::GET, &path, None).await;
        assert_eq!(pulled.body(), &blob.data);
    }
    let blobs = registry.record().since(Mark::START);
    assert_eq!(blobs.len(), image.blobs().len());
    assert_eq!(blobs.iter().map(|blob| blob.bytes).sum::<u64>(), image.size());
    registry.close().await.unwrap();
    pool.close().await.unwrap();
}

fn token_auth() -> TokenAuth {
    let user = TokenUser {
        password: "xxxxxxxxxxx".into(),
        repositories: Some(vec!["janedoe/jdoe-private".to_owned()]),
    };
    TokenAuth {
        users: BTreeMap::from([("janedoe".to_owned(), user)]),
        public: vec!["library/public".to_owned()],
        anonymous: Anonymous::Refused,
        forms: TokenForms::Both,
        expires: 60,
        not_before: 0,
        field: Default::default(),
        challenge: Default::default(),
    }
}

/// The realm and scope of a challenge.
fn challenge(answer: &Response<Bytes>) -> (String, String) {
    let header = answer.headers()[WWW_AUTHENTICATE].to_str().unwrap();
    let value = |name: &str| {
        let (_, rest) = header.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    assert_eq!(value("service"), "pullproof");
    (value("realm"), value("scope"))
}

/// Gets a token the way a challenge says.
async fn token(to: SocketAddr, scope: &str, who: Option<(&str, &str)>) -> Result<String, u16> {
    let path = format!("/pullproof/token?service=pullproof&scope={scope}");
    let answer = ask(to, Method::GET, &path, who).await;
    if answer.status() != 200 {
        return Err(answer.status().as_u16());
    }
    let body: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    Ok(body["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_container_verifies_tokens_of_the_harness() {
    let pool = pool();
    let registry = start(&pool, &spec(Auth::Token(token_auth())), place()).await;
    for name in [NAME, "library/public:v1", "other/image:v1"] {
        registry.push(name, &image()).await.unwrap();
    }
    let janedoe = Some(("janedoe", "xxxxxxxxxxx"));

    for (name, status) in [(NAME, 401), ("library/public:v1", 200), ("library/public:v2", 404)] {
        assert_eq!(registry.anonymous_manifest(name).await.unwrap(), status, "{name}");
    }
    assert!(registry.record().all().is_empty(), "the question went past the gateway");

    // The realm is on the host that was asked, for node, host and control pull alike.
    for address in [registry.node(), registry.host(), registry.control()] {
        let refused = ask(address, Method::HEAD, MANIFEST, None).await;
        assert_eq!(refused.status(), 401);
        let (realm, scope) = challenge(&refused);
        assert_eq!(realm, format!("http://{address}/pullproof/token"));
        assert_eq!(scope, "repository:janedoe/jdoe-private:pull");
    }

    let node = registry.node();
    let own = token(node, "repository:janedoe/jdoe-private:pull", janedoe).await.unwrap();
    assert_eq!(bearer(node, MANIFEST, &own).await.status(), 200);
    let foreign = bearer(node, "/v2/other/image/manifests/v1", &own).await;
    assert_eq!(foreign.status(), 401);
    assert!(foreign.headers()[WWW_AUTHENTICATE].to_str().unwrap().contains("insufficient_scope"));
    let none = token(node, "repository:other/image:pull", janedoe).await.unwrap();
    assert_eq!(bearer(node, "/v2/other/image/manifests/v1", &none).await.status(), 401);
    let public = token(node, "repository:library/public:pull", None).await.unwrap();
    assert_eq!(bearer(node, "/v2/library/public/manifests/v1", &public).await.status(), 200);
    assert_eq!(token(node, "repository:other/image:pull", None).await, Err(401));
    let wrong = Some(("janedoe", "wrong"));
    assert_eq!(token(node, "repository:library/public:pull", wrong).await, Err(401));
    let forged = format!("{}x", &own[..own.len() - 2]);
    assert_eq!(bearer(node, MANIFEST, &forged).await.status(), 401);

    registry.set_users(&users(&[("janedoe", "new")])).await.unwrap();
    assert_eq!(token(node, "repository:a:pull", janedoe).await, Err(401));
    assert!(token(node, "repository:a:pull", Some(("janedoe", "new"))).await.is_ok());

    let seen = registry.record().all();
    let asked: Vec<_> = seen
        .iter()
        .filter(|request| request.kind == RequestKind::Token)
        .map(|request| (request.authorization.to_string(), request.status.unwrap()))
        .collect();
    let basic = "basic janedoe".to_owned();
    let anonymous = "anonymous".to_owned();
    assert_eq!(
        asked,
        [
            (basic.clone(), 200),
            (basic.clone(), 200),
            (anonymous.clone(), 200),
            (anonymous, 401),
            (basic.clone(), 401),
            (basic.clone(), 401),
            (basic, 200),
        ]
    );
    assert!(seen.iter().any(|request| request.authorization
        == Authorization::Bearer {
            subject: Some("janedoe".into()),
            scopes: vec!["repository:janedoe/jdoe-private:pull".into()],
        }));
    let shown = serde_json::to_string(&seen).unwrap() + &format!("{seen:?}{registry:?}");
    for secret in ["xxxxxxxxxxx", own.as_str(), own.rsplit_once('.').unwrap().1] {
        assert!(!shown.contains(secret));
    }
    registry.close().await.unwrap();
    assert_eq!(pool.idle_count(), 1);
    pool.close().await.unwrap();
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let pool = pool();
    let rules = TokenAuth { expires: 2, ..token_auth() };
    let registry = start(&pool, &spec(Auth::Token(rules)), place()).await;
    registry.push(NAME, &image()).await.unwrap();
    let node = registry.node();
    let scope = "repository:janedoe/jdoe-private:pull";
    let token = token(node, scope, Some(("janedoe", "xxxxxxxxxxx"))).await.unwrap();
    assert_eq!(bearer(node, MANIFEST, &token).await.status(), 200);
    tokio::time::sleep(Duration::from_millis(3100)).await;
    let refused = bearer(node, MANIFEST, &token).await;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()[WWW_AUTHENTICATE].to_str().unwrap().contains("invalid_token"));
    registry.close().await.unwrap();
    pool.close().await.unwrap();
}

#[tokio::test]
async fn a_token_begins_when_it_says() {
    let pool = pool();
    let rules = TokenAuth { not_before: 30, ..token_auth() };
    let registry = start(&pool, &spec(Auth::Token(rules)), place()).await;
    registry.push(NAME, &image()).await.unwrap();
    let scope = "repository:janedoe/jdoe-private:pull";
    let token = token(registry.node(), scope, Some(("janedoe", "xxxxxxxxxxx"))).await.unwrap();
    let refused = bearer(registry.node(), MANIFEST, &token).await;
    assert_eq!(refused.status(), 401);
    assert!(refused.headers()[WWW_AUTHENTICATE].to_str().unwrap().contains("invalid_token"));
    registry.close().await.unwrap();
    pool.close().await.unwrap();
}

#[tokio::test]
async fn an_htpasswd_file_counts_as_it_stands() {
    let pool = pool();
    let lines =
        format!("# by hand\n\nbcrypt:{}\nmd5:$apr1$x$y\n", bcrypt::hash("right", 4).unwrap());
    let registry = start(&pool, &spec(Auth::Htpasswd(lines)), place()).await;
    registry.push(NAME, &image()).await.unwrap();
    let node = registry.node();
    assert_eq!(status(node, MANIFEST, Some(("bcrypt", "right"))).await, 200);
    assert_eq!(status(node, MANIFEST, Some(("bcrypt", "wrong"))).await, 401);
    assert_eq!(status(node, MANIFEST, Some(("md5", "right"))).await, 401);
    registry.close().await.unwrap();
    // Who gets the container next does not get its users.
    let next = start(&pool, &spec(Auth::Basic(BTreeMap::new())), place()).await;
    assert_eq!(pool.idle_count(), 0);
    assert_eq!(status(next.node(), "/v2/", Some(("bcrypt", "right"))).await, 401);
    next.close().await.unwrap();
    pool.close().await.unwrap();
}

async fn bearer(to: SocketAddr, path: &str, token: &str) -> Response<Bytes> {
    send(to, Method::GET, path, Some(format!("Bearer {token}"))).await
}

#[tokio::test]
async fn tls_faults_and_hosts_come_from_the_case() {
    let pool = pool();
    let with = |tls| model::Registry { tls, ..spec(Auth::None) };
    let started = [
        (Tls::None, "http", "http", false),
        (Tls::Trusted, "https", "https", true),
        (Tls::Untrusted, "https", "https", false),
        (Tls::WrongName, "https", "https", true),
        (Tls::Expired, "https", "https", true),
        (Tls::HttpForHttps, "http", "https", false),
        (Tls::HttpsForHttp, "https", "http", false),
    ];
    for (tls, speaks, told, ca) in started {
        let registry = start(&pool, &with(tls), place()).await;
        assert_eq!(registry.scheme(), speaks);
        let entry = registry.host_entry("ca");
        assert_eq!(entry.url, format!("{told}://{}", registry.node()));
        let control = registry.control_entry("ca");
        assert_eq!(control.url, format!("{told}://{}", registry.control()));
        assert_eq!(control.ca, entry.ca);
        assert_eq!((entry.ca.is_some(), registry.ca().is_some()), (ca, ca), "{tls:?}");
        registry.close().await.unwrap();
    }
    assert_eq!(pool.idle_count(), 1, "one container served them all");

    let peers = Peers::default();
    let named = |name: &str| RegistryAddress { name: name.into(), peers: peers.clone(), ..place() };
    let redirects = model::Registry {
        faults: vec![Fault {
            path: Some("/blobs/".into()),
            ..Fault::new(FaultAction::Redirect("other".into()))
        }],
        ..spec(Auth::None)
    };
    let (plain, other) = (spec(Auth::None), named("other"));
    let (one, other) =
        tokio::join!(start(&pool, &redirects, named("one")), start(&pool, &plain, other));
    let blob = format!("/v2/a/blobs/sha256:{}", "0".repeat(64));
    let redirected = ask(one.node(), Method::GET, &blob, None).await;
    assert_eq!(redirected.status(), 307);
    assert_eq!(redirected.headers()["location"], format!("http://{}{blob}", other.node()).as_str());
    one.set_faults(Vec::new());
    assert_eq!(status(one.node(), &blob, None).await, 404);
    let (one, other) = tokio::join!(one.close(), other.close());
    one.and(other).unwrap();
    pool.close().await.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_gives_the_container_back() {
    let pool = pool();
    let taken = std::net::TcpListener::bind((NODE, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    let place = RegistryAddress { port: Some(port), ..place() };
    let error = RunningRegistry::start(&pool, &spec(Auth::None), place).await.unwrap_err();
    assert!(error.to_string().contains(&format!("port {port} of 127.0.0.2 is taken")), "{error}");
    assert_eq!(pool.idle_count(), 1);
    pool.close().await.unwrap();
}

#[tokio::test]
async fn a_container_comes_back_clean() {
    let pool = pool();
    let auth = || Auth::Basic(users(&[("janedoe", "xxxxxxxxxxx")]));
    let janedoe = Some(("janedoe", "xxxxxxxxxxx"));
    let first = start(&pool, &spec(auth()), place()).await;
    first.push(NAME, &image()).await.unwrap();
    assert_eq!(status(first.node(), MANIFEST, janedoe).await, 200);
    first.close().await.unwrap();
    assert_eq!(pool.idle_count(), 1);

    let other = Auth::Basic(users(&[("other", "secret")]));
    let second = start(&pool, &spec(other), place()).await;
    assert_eq!(pool.idle_count(), 0, "the container was used again");
    assert_eq!(status(second.node(), MANIFEST, janedoe).await, 401);
    assert_eq!(status(second.node(), MANIFEST, Some(("other", "secret"))).await, 404);
    // Docker takes up what a container writes a little after it was written.
    let written = async {
        loop {
            let log = second.logs().await;
            if log.contains("404") {
                break log;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let log = tokio::time::timeout(Duration::from_secs(20), written).await.expect("its log");
    assert!(!log.contains("PUT"), "the case before is in it: {log}");
    // One that others pushed into cannot be cleaned.
    let push = "/v2/janedoe/jdoe-private/blobs/uploads/";
    let begun = ask(second.node(), Method::POST, push, Some(("other", "secret"))).await;
    assert_eq!(begun.status(), 202);
    second.close().await.unwrap();
    assert_eq!(pool.idle_count(), 0);

    let lease = pool.take(AuthKind::None, &BTreeMap::new()).await.unwrap();
    let id = lease.container().id().to_owned();
    drop(lease);
    let docker = bollard::Docker::connect_with_defaults().unwrap();
    let gone = docker.inspect_container(&id, None).await.unwrap_err();
    assert!(gone.to_string().contains("No such container"), "{gone}");
}

#[tokio::test]
async fn a_container_outlives_its_run_and_only_one_run_gets_it() {
    let docker = bollard::Docker::connect_with_defaults().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let labels = vec![("dev.pullproof.test".to_owned(), format!("{:x}", rand::random::<u64>()))];
    let pool = |run: &str| {
        let warm =
            Warm::new(docker.clone(), labels.clone(), run.to_owned(), folder.path().join("lock"));
        Pool::warm(warm, 4, folder.path().to_owned())
    };
    let janedoe = Some(("janedoe", "xxxxxxxxxxx"));
    let auth = || Auth::Basic(users(&[("janedoe", "xxxxxxxxxxx")]));

    let one = pool("11111111");
    let registry = start(&one, &spec(auth()), place()).await;
    registry.push(NAME, &image()).await.unwrap();
    registry.close().await.unwrap();
    let lease = one.take(AuthKind::Basic, &BTreeMap::new()).await.unwrap();
    let id = lease.container().id().to_owned();
    lease.give_back(false).await.unwrap();
    // The key of this one ends with its run.
    let lease = one.take(AuthKind::Token, &BTreeMap::new()).await.unwrap();
    let token = lease.container().id().to_owned();
    lease.give_back(false).await.unwrap();
    one.close().await.unwrap();
    assert!(docker.inspect_container(&token, None).await.is_err());

    let (two, three) = (pool("22222222"), pool("33333333"));
    let other = users(&[("other", "secret")]);
    // Docker may rename it for both of two that want it at the same moment.
    let (first, second) =
        tokio::join!(two.take(AuthKind::Basic, &other), three.take(AuthKind::Basic, &other));
    let (first, second) = (first.unwrap(), second.unwrap());
    let ids = [first.container().id(), second.container().id()];
    assert_eq!(ids.iter().filter(|one| **one == id).count(), 1, "{ids:?}");
    for lease in [&first, &second] {
        let address = lease.container().address();
        assert_eq!(status(address, MANIFEST, janedoe).await, 401);
        assert_eq!(status(address, MANIFEST, Some(("other", "secret"))).await, 404);
    }
    let ids = ids.map(str::to_owned);
    // One whose clean-up was not reached is nobody's next.
    drop((first, second));
    for id in ids {
        assert!(docker.inspect_container(&id, None).await.is_err());
    }
}
