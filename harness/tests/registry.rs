//! Registry containers behind their gateways. Needs Docker and the registry image.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use pullproof::case::model::{self, Auth, Platform, Tls};
use pullproof::image::{Arch, Image};
use pullproof::registry::{
    AuthKind, Authorization, Mark, Origin, Peers, Place, Pool, Registry, RequestKind,
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

fn place() -> Place {
    Place { name: "registry".into(), node: NODE, port: None, peers: Peers::default() }
}

fn pool() -> Pool {
    Pool::new(vec![("dev.pullproof.test".to_owned(), "registry".to_owned())], 4)
}

fn image() -> Image {
    let spec = model::Image {
        name: NAME.into(),
        padding: 0,
        platform: Platform::Node,
        same_as: None,
        digest: None,
    };
    Image::build(&spec, Arch::Amd64).unwrap()
}

async fn ask(
    to: SocketAddr,
    method: Method,
    path: &str,
    who: Option<(&str, &str)>,
) -> Response<Bytes> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut request = Request::builder()
        .method(method)
        .uri(format!("http://{to}{path}"))
        .header("accept", "application/vnd.oci.image.manifest.v1+json");
    if let Some((user, password)) = who {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        request = request.header(AUTHORIZATION, format!("Basic {pair}"));
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
    let registry = Registry::start(&pool, &spec(auth), place()).await.unwrap();
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
async fn without_authentication_anyone_pulls_an_index_and_its_parts() {
    let pool = pool();
    let registry = Registry::start(&pool, &spec(Auth::None), place()).await.unwrap();
    let spec = model::Image {
        name: NAME.into(),
        padding: 5_000_000,
        platform: Platform::Index,
        same_as: None,
        digest: None,
    };
    let image = Image::build(&spec, Arch::Amd64).unwrap();
    registry.push(NAME, &image).await.unwrap();
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

#[tokio::test]
async fn a_container_comes_back_clean() {
    let pool = pool();
    let auth = || Auth::Basic(users(&[("janedoe", "xxxxxxxxxxx")]));
    let janedoe = Some(("janedoe", "xxxxxxxxxxx"));
    let first = Registry::start(&pool, &spec(auth()), place()).await.unwrap();
    first.push(NAME, &image()).await.unwrap();
    assert_eq!(status(first.node(), MANIFEST, janedoe).await, 200);
    first.close().await.unwrap();
    assert_eq!(pool.idle_count(), 1);

    let other = Auth::Basic(users(&[("other", "secret")]));
    let second = Registry::start(&pool, &spec(other), place()).await.unwrap();
    assert_eq!(pool.idle_count(), 0, "the container was used again");
    assert_eq!(status(second.node(), MANIFEST, janedoe).await, 401);
    assert_eq!(status(second.node(), MANIFEST, Some(("other", "secret"))).await, 404);
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
