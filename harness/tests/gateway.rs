//! A gateway before an upstream that the test writes byte by byte. Needs no Docker.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullproof::case::model::{
    Anonymous, Challenge, Fault, FaultAction, HeaderValues, Headers, OwnAnswer, TokenAuth,
    TokenForms, TokenUser,
};
use pullproof::registry::{
    Authorization, Gateway, GatewaySettings, Mark, Origin, PasswordMark, Peers, Request,
    RequestKind, Responder, SigningKey, TokenServer,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;

const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
const LIMIT: Duration = Duration::from_secs(10);
const BLOB: &str = "/v2/janedoe/jdoe-private/blobs/sha256:0";

/// What an upstream got, one text a request: head and body.
type Got = Arc<Mutex<Vec<String>>>;

/// An upstream that sends the same bytes to everybody.
async fn upstream(answer: impl Into<Vec<u8>>) -> (SocketAddr, Got) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (got, answer) = (Got::default(), answer.into());
    let all = got.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (got, answer) = (all.clone(), answer.clone());
            tokio::spawn(async move {
                while let Some(request) = read_request(&mut stream).await {
                    got.lock().unwrap().push(request);
                    stream.write_all(&answer).await.unwrap();
                }
            });
        }
    });
    (address, got)
}

/// Reads a head, and the body that its Content-Length announces.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut byte = [0];
    while !read.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.unwrap_or(0) == 0 {
            return None;
        }
        read.push(byte[0]);
    }
    let mut head = String::from_utf8(read).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-length").then(|| value.parse().unwrap())
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await.unwrap();
    head.push_str(&String::from_utf8(body).unwrap());
    Some(head)
}

async fn gateway(upstream: SocketAddr) -> Gateway {
    Gateway::start(GatewaySettings::new("registry", NODE, upstream)).await.unwrap()
}

async fn faulty(upstream: SocketAddr, action: FaultAction) -> Gateway {
    let gateway = gateway(upstream).await;
    gateway.set_faults(vec![fault(action)]);
    gateway
}

fn fault(action: FaultAction) -> Fault {
    Fault::new(action)
}

/// Sends a request and reads until the peer closes.
async fn exchange(to: SocketAddr, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap()?;
    Ok(answer)
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n")
}

async fn text(to: SocketAddr, request: &str) -> String {
    String::from_utf8(exchange(to, request).await.unwrap()).unwrap()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// The only request of a record, once its body has ended.
async fn only(gateway: &Gateway) -> Request {
    let ended = gateway.record().wait_for(Mark::START, |seen| {
        assert!(seen.len() < 2, "{seen:?}");
        seen.first().filter(|request| request.duration.is_some()).cloned()
    });
    timeout(LIMIT, ended).await.unwrap()
}

/// Odd on purpose: names in several cases, a repeated header, an empty value, spaces in a value.
const ANSWER: &str = "HTTP/1.1 200 OK\r\n\
    Docker-Content-Digest: sha256:0\r\n\
    X-UPPER: One,  two\r\n\
    x-lower: 1\r\n\
    X-Twice: a\r\n\
    X-Twice: b\r\n\
    X-Empty: \r\n\
    Content-Length: 5\r\n\
    \r\nhello";

#[tokio::test]
async fn an_answer_arrives_as_the_container_sent_it() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    let mut stream = TcpStream::connect(gateway.node()).await.unwrap();
    let mut arrived = vec![0; ANSWER.len()];
    let request = format!("GET {BLOB}?ns=docker.io HTTP/1.1\r\nHost: r\r\n\r\n");
    // Twice on one connection: nothing is left over from the first.
    for _ in 0..2 {
        stream.write_all(request.as_bytes()).await.unwrap();
        timeout(LIMIT, stream.read_exact(&mut arrived)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&arrived), ANSWER);
    }
}

#[tokio::test]
async fn a_request_arrives_as_the_client_sent_it() {
    let (upstream, got) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    let request = "POST /v2/a/blobs/uploads/?mount=sha256%3A0&from=b%2Fc HTTP/1.1\r\n\
        Host: Registry.Example:5000\r\n\
        User-Agent: containerd/2.1.4\r\n\
        AUTHORIZATION: Basic amFuZWRvZTpDQU5BUlk=\r\n\
        X-Twice: a\r\n\
        X-Twice: b\r\n\
        Content-Length: 4\r\n\
        Connection: close\r\n\
        \r\nbody";
    text(gateway.node(), request).await;
    let got = got.lock().unwrap().join("");
    let expected = request.replace("Connection: close\r\n", "x-forwarded-proto: http\r\n");
    assert_eq!(got, expected);
}

#[tokio::test]
async fn a_chunked_answer_stays_chunked() {
    let answer =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let (upstream, _) = upstream(answer).await;
    let gateway = gateway(upstream).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.contains("Transfer-Encoding: chunked\r\n"), "{arrived}");
    let joined: String = body(&arrived).split("\r\n").skip(1).step_by(2).collect();
    assert_eq!(joined, "abcde");
    assert_eq!(only(&gateway).await.bytes, 5);
}

#[tokio::test]
async fn head_keeps_the_length_of_what_it_does_not_send() {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n";
    let (upstream, _) = upstream(answer).await;
    let gateway = gateway(upstream).await;
    let arrived = text(gateway.node(), &get("/v2/a/manifests/v1").replace("GET", "HEAD")).await;
    assert!(arrived.contains("Content-Length: 1234\r\n"), "{arrived}");
    assert_eq!(body(&arrived), "");
    let seen = only(&gateway).await;
    assert_eq!((seen.method.as_str(), seen.status, seen.bytes), ("HEAD", Some(200), 0));
}

#[tokio::test]
async fn bodies_are_streamed_both_ways() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway(listener.local_addr().unwrap()).await;
    let (seen_up, seen_down) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (up, down) = (seen_up.clone(), seen_down.clone());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"first") {
            got.push(stream.read_u8().await.unwrap());
        }
        up.notify_one();
        while !got.ends_with(b"second") {
            got.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nthird").await.unwrap();
        down.notified().await;
        stream.write_all(b"fourth").await.unwrap();
        stream.read_u8().await.ok();
    });
    let all = async {
        let mut stream = TcpStream::connect(gateway.node()).await.unwrap();
        let head =
            "PATCH /v2/a/blobs/uploads/1 HTTP/1.1\r\nHost: r\r\nContent-Length: 11\r\n\r\nfirst";
        stream.write_all(head.as_bytes()).await.unwrap();
        seen_up.notified().await;
        stream.write_all(b"second").await.unwrap();
        let mut arrived = Vec::new();
        while !arrived.ends_with(b"third") {
            arrived.push(stream.read_u8().await.unwrap());
        }
        // The answer has begun: it is in the record, and not yet complete.
        assert_eq!(gateway.record().all()[0].duration, None);
        seen_down.notify_one();
        while !arrived.ends_with(b"fourth") {
            arrived.push(stream.read_u8().await.unwrap());
        }
    };
    timeout(LIMIT, all).await.unwrap();
    assert_eq!(only(&gateway).await.bytes, 11);
}

#[tokio::test]
async fn the_record_tells_who_came_from_where_for_what_and_no_secret() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    let basic = get(&format!("{BLOB}?ns=docker.io")).replace(
        "\r\n\r\n",
        "\r\nAuthorization: Basic amFuZWRvZTpDQU5BUlk=\r\nUser-Agent: containerd/2.1.4\r\n\r\n",
    );
    text(gateway.node(), &basic).await;
    text(
        gateway.host(),
        &get("/v2/").replace("\r\n\r\n", "\r\nAuthorization: Bearer CANARY\r\n\r\n"),
    )
    .await;
    let seen = gateway
        .record()
        .wait_for(Mark::START, |seen| {
            (seen.len() == 2 && seen.iter().all(|it| it.duration.is_some())).then(|| seen.to_vec())
        })
        .await;
    assert_eq!((seen[0].from, seen[1].from), (Origin::Node, Origin::Host));
    assert_eq!((seen[0].kind, seen[1].kind), (RequestKind::Blob, RequestKind::Ping));
    assert_eq!(seen[0].path, BLOB);
    assert_eq!(seen[0].repository.as_deref(), Some("janedoe/jdoe-private"));
    assert_eq!(seen[0].namespace.as_deref(), Some("docker.io"));
    assert_eq!(seen[0].user_agent.as_deref(), Some("containerd/2.1.4"));
    assert_eq!(seen[0].authorization, Authorization::Basic { user: "janedoe".into() });
    assert_eq!(seen[1].authorization, Authorization::Bearer { subject: None, scopes: Vec::new() });
    assert_eq!((seen[0].status, seen[0].bytes, &seen[0].fault), (Some(200), 5, &None));
    assert_eq!(seen[0].answered_by, Responder::Container);
    for text in [serde_json::to_string(&seen).unwrap(), format!("{seen:?} {gateway:?}")] {
        assert!(!text.contains("CANARY") && !text.contains("Q0FOQVJZ"), "{text}");
    }
}

#[tokio::test]
async fn a_container_that_is_gone_gives_502_and_says_so() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let gateway = gateway(gone).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.starts_with("HTTP/1.1 502 "), "{arrived}");
    let error: serde_json::Value = serde_json::from_str(body(&arrived)).unwrap();
    assert_eq!(error["errors"][0]["code"], "UNAVAILABLE");
    let seen = only(&gateway).await;
    assert_eq!((seen.status, seen.answered_by), (Some(502), Responder::Unreachable));
    assert!(seen.fault.unwrap().contains("does not answer"));
}

#[tokio::test]
async fn a_client_that_leaves_early_is_in_the_record() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway(listener.local_addr().unwrap()).await;
    let mut stream = TcpStream::connect(gateway.node()).await.unwrap();
    stream.write_all(get(BLOB).as_bytes()).await.unwrap();
    let held = listener.accept().await.unwrap();
    drop(stream);
    let seen = only(&gateway).await;
    assert_eq!(seen.status, None);
    assert_eq!(seen.fault.as_deref(), Some("the client left before the answer"));
    drop(held);
}

#[tokio::test]
async fn dropping_it_ends_listeners_and_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gateway = gateway(listener.local_addr().unwrap()).await;
    let (node, host) = (gateway.node(), gateway.host());
    // One connection is idle, the other waits for an answer that does not come.
    let mut idle = TcpStream::connect(host).await.unwrap();
    let mut waiting = TcpStream::connect(node).await.unwrap();
    waiting.write_all(get(BLOB).as_bytes()).await.unwrap();
    let held = listener.accept().await.unwrap();
    drop(gateway);
    for stream in [&mut idle, &mut waiting] {
        let mut rest = Vec::new();
        timeout(LIMIT, stream.read_to_end(&mut rest)).await.unwrap().ok();
        assert!(rest.is_empty());
    }
    let closed = async {
        while TcpStream::connect(node).await.is_ok() || TcpStream::connect(host).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(LIMIT, closed).await.unwrap();
    drop(held);
}

#[tokio::test]
async fn a_pause_holds_requests_back() {
    let (upstream, got) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    let paused = gateway.pause().await;
    let node = gateway.node();
    let request = tokio::spawn(async move { text(node, &get(BLOB)).await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(got.lock().unwrap().is_empty());
    drop(paused);
    assert!(request.await.unwrap().ends_with("hello"));
}

#[tokio::test]
async fn status_answers_in_the_containers_place() {
    let (upstream, got) = upstream(ANSWER).await;
    let gateway = faulty(upstream, FaultAction::Status(503)).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.starts_with("HTTP/1.1 503 "), "{arrived}");
    assert!(body(&arrived).contains("\"errors\""));
    assert!(got.lock().unwrap().is_empty());
    let seen = only(&gateway).await;
    assert_eq!((seen.status, seen.fault.as_deref()), (Some(503), Some("status 503")));
    gateway.set_faults(Vec::new());
    assert!(text(gateway.node(), &get(BLOB)).await.ends_with("hello"));
}

#[tokio::test]
async fn too_many_requests_says_when_to_come_again() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = faulty(upstream, FaultAction::TooManyRequests(7)).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.starts_with("HTTP/1.1 429 "), "{arrived}");
    assert!(arrived.contains("retry-after: 7\r\n"), "{arrived}");
    assert!(body(&arrived).contains("TOOMANYREQUESTS"));
}

#[tokio::test]
async fn delay_waits_and_then_passes_on() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = faulty(upstream, FaultAction::Delay(150)).await;
    let began = Instant::now();
    assert!(text(gateway.node(), &get(BLOB)).await.ends_with("hello"));
    assert!(began.elapsed() >= Duration::from_millis(150));
    let seen = only(&gateway).await;
    assert!(seen.duration.unwrap() >= Duration::from_millis(150));
    assert_eq!(seen.fault.as_deref(), Some("delayed by 150 ms"));
}

#[tokio::test]
async fn reset_ends_the_connection_without_an_answer() {
    let (upstream, got) = upstream(ANSWER).await;
    let gateway = faulty(upstream, FaultAction::Reset).await;
    let error = exchange(gateway.node(), &get(BLOB)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert!(got.lock().unwrap().is_empty());
    let seen = only(&gateway).await;
    assert_eq!((seen.status, seen.fault.as_deref()), (None, Some("reset")));
    gateway.set_faults(Vec::new());
    assert!(text(gateway.node(), &get(BLOB)).await.ends_with("hello"));
}

/// A blob large enough not to fit into any buffer on the way.
fn large() -> (Vec<u8>, Vec<u8>) {
    let blob: Vec<u8> = (0..20_000_000_u32).map(|at| (at % 251) as u8).collect();
    let mut answer =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", blob.len()).into_bytes();
    answer.extend(&blob);
    (answer, blob)
}

fn split(answer: &[u8]) -> (&str, &[u8]) {
    let at = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    (std::str::from_utf8(&answer[..at]).unwrap(), &answer[at..])
}

#[tokio::test]
async fn cut_announces_all_and_sends_a_part() {
    let (answer, blob) = large();
    let (upstream, _) = upstream(answer).await;
    for bytes in [0, 1, 1_000_000, 15_000_000] {
        let gateway = faulty(upstream, FaultAction::Cut(bytes)).await;
        let arrived = exchange(gateway.node(), &get(BLOB)).await.unwrap();
        let (head, part) = split(&arrived);
        assert!(head.contains("Content-Length: 20000000\r\n"), "{head}");
        assert_eq!(part.len() as u64, bytes);
        assert!(part == &blob[..part.len()]);
        let seen = only(&gateway).await;
        assert_eq!((seen.status, seen.bytes), (Some(200), bytes));
        assert_eq!(seen.fault, Some(format!("cut after {bytes} bytes")));
    }
    // Nothing is left to cut.
    let gateway = faulty(upstream, FaultAction::Cut(20_000_000)).await;
    let arrived = exchange(gateway.node(), &get(BLOB)).await.unwrap();
    assert!(split(&arrived).1 == blob);
    assert_eq!(only(&gateway).await.fault, None);
}

#[tokio::test]
async fn flip_changes_one_byte_in_the_middle() {
    let (answer, blob) = large();
    let (upstream, _) = upstream(answer).await;
    let gateway = faulty(upstream, FaultAction::Flip).await;
    let arrived = exchange(gateway.node(), &get(BLOB)).await.unwrap();
    let (_, arrived) = split(&arrived);
    assert_eq!(arrived.len(), blob.len());
    let changed: Vec<_> = (0..blob.len()).filter(|&at| arrived[at] != blob[at]).collect();
    assert_eq!(changed, [10_000_000]);
    assert_eq!(only(&gateway).await.fault.as_deref(), Some("byte 10000000 flipped"));
}

#[tokio::test]
async fn redirect_leads_to_the_same_path_of_another_registry() {
    let (upstream, _) = upstream(ANSWER).await;
    let peers = Peers::default();
    let start = |name: &str| {
        let settings =
            GatewaySettings { peers: peers.clone(), ..GatewaySettings::new(name, NODE, upstream) };
        Gateway::start(settings)
    };
    let (one, other) = (start("one").await.unwrap(), start("other").await.unwrap());
    one.set_faults(vec![fault(FaultAction::Redirect("other".into()))]);
    for (to, base) in [(one.node(), other.node()), (one.host(), other.host())] {
        let arrived = text(to, &get(&format!("{BLOB}?ns=x"))).await;
        assert!(arrived.starts_with("HTTP/1.1 307 "), "{arrived}");
        assert!(arrived.contains(&format!("location: http://{base}{BLOB}?ns=x\r\n")), "{arrived}");
    }
    one.set_faults(vec![fault(FaultAction::Redirect("unknown".into()))]);
    let arrived = text(one.node(), &get(BLOB)).await;
    assert!(arrived.starts_with("HTTP/1.1 502 ") && arrived.contains("no registry unknown"));
}

#[tokio::test]
async fn a_control_pull_is_recorded_as_such_and_meets_the_registry_as_it_is() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    assert_eq!(gateway.control().ip(), gateway.node().ip());
    assert_ne!(gateway.control().port(), gateway.node().port());
    let first = Fault { nth: Some(1), ..fault(FaultAction::Status(503)) };
    gateway.set_faults(vec![first, fault(FaultAction::Delay(100_000))]);
    assert!(text(gateway.control(), &get(BLOB)).await.ends_with("hello"));
    let seen = only(&gateway).await;
    assert_eq!((seen.from, seen.status, seen.fault), (Origin::Control, Some(200), None));
    // It was not counted: the fault waits for the first request of the node.
    let first = Fault { nth: Some(1), ..fault(FaultAction::Status(503)) };
    gateway.set_faults(vec![first]);
    assert!(text(gateway.control(), &get(BLOB)).await.ends_with("hello"));
    assert!(text(gateway.node(), &get(BLOB)).await.starts_with("HTTP/1.1 503 "));
}

#[tokio::test]
async fn a_control_pull_gets_the_challenge_as_the_container_sent_it() {
    let realm = "http://r/pullproof/token";
    let refusal = format!(
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"{realm}\"\r\nContent-Length: 0\r\n\r\n"
    );
    let (upstream, _) = upstream(refusal).await;
    let challenge = Challenge { realm: Some("http://wrong.invalid".into()), ..Default::default() };
    let settings = GatewaySettings { challenge, ..GatewaySettings::new("r", NODE, upstream) };
    let gateway = Gateway::start(settings).await.unwrap();
    assert!(text(gateway.control(), &get(BLOB)).await.contains(realm));
    assert!(text(gateway.node(), &get(BLOB)).await.contains("http://wrong.invalid"));
}

/// A gateway that is a token server too.
async fn tokens(forms: TokenForms) -> Gateway {
    let user = TokenUser { password: "xxxxxxxxxxx".into(), repositories: None };
    let rules = TokenAuth {
        users: [("janedoe".to_owned(), user)].into(),
        public: Vec::new(),
        anonymous: Anonymous::Refused,
        forms,
        expires: 60,
        not_before: 0,
        field: Default::default(),
        challenge: Default::default(),
    };
    let (upstream, _) = upstream(ANSWER).await;
    let tokens = TokenServer::new(&rules, SigningKey::generate().unwrap());
    let settings =
        GatewaySettings { tokens: Some(tokens), ..GatewaySettings::new("r", NODE, upstream) };
    Gateway::start(settings).await.unwrap()
}

fn post(form: &str) -> String {
    format!(
        "POST /pullproof/token HTTP/1.1\r\nHost: r\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

#[tokio::test]
async fn a_token_request_is_recorded_by_its_form_whatever_answers_it() {
    let form = post("grant_type=password&username=janedoe&password=xxxxxxxxxxx&service=s");
    let wanted = [
        (TokenForms::Both, None, Some(200), Responder::TokenServer),
        (TokenForms::Get, None, Some(404), Responder::TokenServer),
        (TokenForms::Both, Some(FaultAction::Status(403)), Some(403), Responder::Gateway),
        (TokenForms::Both, Some(FaultAction::TooManyRequests(1)), Some(429), Responder::Gateway),
        (TokenForms::Both, Some(FaultAction::Reset), None, Responder::Nobody),
        (TokenForms::Both, Some(FaultAction::Delay(1)), Some(200), Responder::TokenServer),
    ];
    for (forms, action, status, by) in wanted {
        let gateway = tokens(forms).await;
        // A fault for who brings credentials meets it: they are in the form.
        let fault = action.map(|action| Fault { authorized: Some(true), ..fault(action) });
        gateway.set_faults(fault.into_iter().collect());
        exchange(gateway.node(), &form).await.ok();
        let seen = only(&gateway).await;
        assert_eq!((seen.status, seen.answered_by), (status, by), "{seen}");
        assert_eq!(seen.authorization, Authorization::Basic { user: "janedoe".into() }, "{seen}");
        assert_eq!(seen.password, Some(PasswordMark::of(&"xxxxxxxxxxx".into())));
        assert_ne!(seen.password, Some(PasswordMark::of(&"another".into())));
    }
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused_and_names_nobody() {
    let gateway = tokens(TokenForms::Both).await;
    let long = "x".repeat(70_000);
    let form = format!("grant_type=password&username=janedoe&password={long}");
    assert!(text(gateway.node(), &post(&form)).await.starts_with("HTTP/1.1 400 "));
    assert_eq!(only(&gateway).await.authorization, Authorization::None);
}

#[tokio::test]
async fn the_record_knows_a_password_again_and_shows_nothing_of_it() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    let basic = |pair: &str| {
        let line = format!("\r\nAuthorization: Basic {}\r\n\r\n", STANDARD.encode(pair));
        get(BLOB).replace("\r\n\r\n", &line)
    };
    for pair in ["janedoe:CANARY-old", "janedoe:CANARY-new"] {
        text(gateway.node(), &basic(pair)).await;
    }
    let seen = gateway.record().all();
    let marks = ["CANARY-old", "CANARY-new"].map(|it| Some(PasswordMark::of(&it.into())));
    assert_eq!([seen[0].password, seen[1].password], marks);
    let shown = serde_json::to_string(&seen).unwrap() + &format!("{seen:?}");
    assert!(!shown.contains("CANARY"), "{shown}");
}

#[tokio::test]
async fn a_long_password_reaches_the_container_by_its_stand_in() {
    let (upstream, got) = upstream(ANSWER).await;
    let settings = GatewaySettings { htpasswd: true, ..GatewaySettings::new("r", NODE, upstream) };
    let gateway = Gateway::start(settings).await.unwrap();
    let begin = "x".repeat(80);
    for pair in [format!("janedoe:{begin}1"), format!("janedoe:{begin}2"), "janedoe:x".to_owned()] {
        let line = format!("\r\nAuthorization: Basic {}\r\n\r\n", STANDARD.encode(pair));
        text(gateway.node(), &get(BLOB).replace("\r\n\r\n", &line)).await;
    }
    let sent: Vec<String> = got
        .lock()
        .unwrap()
        .iter()
        .map(|request| {
            let rest = request.to_lowercase().find("authorization: basic ").unwrap() + 21;
            let encoded = request[rest..].split("\r\n").next().unwrap();
            String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
        })
        .collect();
    assert!(sent.iter().all(|pair| pair.starts_with("janedoe:") && !pair.contains(&begin)));
    assert_ne!(sent[0], sent[1]);
    assert_eq!(sent[2], "janedoe:x");
}

fn headers(all: &[(&str, &[&str])]) -> Headers {
    let values = |values: &[&str]| HeaderValues(values.iter().map(|&it| it.to_owned()).collect());
    Headers(all.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect())
}

#[tokio::test]
async fn an_answer_of_the_cases_own_stands_in_the_containers_place() {
    let (upstream, got) = upstream(ANSWER).await;
    let answer = OwnAnswer {
        status: 200,
        headers: headers(&[("Content-Type", &["text/html"]), ("Location", &["http://$HOST/x"])]),
        body: "<html>".into(),
    };
    let gateway = faulty(upstream, FaultAction::Answer(answer)).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.starts_with("HTTP/1.1 200 OK\r\n"), "{arrived}");
    let lower = arrived.to_lowercase();
    for line in ["content-type: text/html", "location: http://registry.example/x", "length: 6"] {
        assert!(lower.contains(&format!("{line}\r\n")), "{arrived}");
    }
    assert_eq!(body(&arrived), "<html>");
    assert!(got.lock().unwrap().is_empty());
    assert_eq!(only(&gateway).await.answered_by, Responder::Gateway);
}

#[tokio::test]
async fn headers_change_the_containers_answer() {
    let (upstream, _) = upstream(ANSWER).await;
    let changes = headers(&[("docker-content-digest", &[]), ("X-Twice", &["c", "d", "e"])]);
    let gateway = faulty(upstream, FaultAction::Headers(changes)).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(!arrived.to_lowercase().contains("docker-content-digest"), "{arrived}");
    assert_eq!(arrived.to_lowercase().matches("x-twice: ").count(), 3, "{arrived}");
    assert!(arrived.contains("X-UPPER: One,  two\r\n") && arrived.ends_with("hello"), "{arrived}");
    let fault = only(&gateway).await.fault.unwrap();
    assert_eq!(fault, "changed X-Twice, docker-content-digest");
}

#[tokio::test]
async fn a_length_of_the_cases_own_is_announced_and_kept() {
    let (upstream, _) = upstream(ANSWER).await;
    let length = |length| FaultAction::Headers(headers(&[("Content-Length", &[length])]));
    let gateway = faulty(upstream, length("2")).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.to_lowercase().contains("content-length: 2\r\n"), "{arrived}");
    assert_eq!(body(&arrived), "he");
    gateway.set_faults(vec![Fault::new(length("9"))]);
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.to_lowercase().contains("content-length: 9\r\n"), "{arrived}");
    assert_eq!(body(&arrived), "hello");
}

#[tokio::test]
async fn an_ignored_header_does_not_reach_the_container() {
    let (upstream, got) = upstream(ANSWER).await;
    let gateway = faulty(upstream, FaultAction::Ignore(vec!["range".into()])).await;
    let request = get(BLOB).replace("\r\n\r\n", "\r\nRange: bytes=3-\r\nX-Kept: 1\r\n\r\n");
    assert!(text(gateway.node(), &request).await.ends_with("hello"));
    let got = got.lock().unwrap().join("");
    assert!(!got.contains("Range") && got.contains("X-Kept"), "{got}");
    assert_eq!(only(&gateway).await.fault.as_deref(), Some("range ignored"));
}

#[tokio::test]
async fn a_port_is_closed_with_its_connections_and_opened_again() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    let mut idle = TcpStream::connect(gateway.node()).await.unwrap();
    // Its connection is being served, not only waiting to be accepted.
    idle.write_all(get(BLOB).replace("Connection: close\r\n", "").as_bytes()).await.unwrap();
    let mut answer = vec![0; ANSWER.len()];
    timeout(LIMIT, idle.read_exact(&mut answer)).await.unwrap().unwrap();
    gateway.set_listening(false).await.unwrap();
    for address in [gateway.node(), gateway.host()] {
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }
    assert_eq!(timeout(LIMIT, idle.read(&mut answer)).await.unwrap().unwrap_or(0), 0);
    // A control pull is about the registry behind it.
    assert!(text(gateway.control(), &get(BLOB)).await.ends_with("hello"));
    // Once closed it stays so, once open as well.
    gateway.set_listening(false).await.unwrap();
    for _ in 0..2 {
        gateway.set_listening(true).await.unwrap();
    }
    for address in [gateway.node(), gateway.host()] {
        assert!(text(address, &get(BLOB)).await.ends_with("hello"));
    }
}

#[tokio::test]
async fn unchallenged_turns_401_into_another_status() {
    let refusal = "HTTP/1.1 401 Unauthorized\r\nWww-Authenticate: Basic realm=\"r\"\r\nContent-Length: 2\r\n\r\n{}";
    let (upstream, got) = upstream(refusal).await;
    let gateway = faulty(upstream, FaultAction::Unchallenged(404)).await;
    let arrived = text(gateway.node(), &get(BLOB)).await;
    assert!(arrived.starts_with("HTTP/1.1 404 "), "{arrived}");
    assert!(!arrived.to_lowercase().contains("www-authenticate"), "{arrived}");
    assert_eq!(body(&arrived), "{}");
    assert_eq!(got.lock().unwrap().len(), 1);
    assert_eq!(only(&gateway).await.fault.as_deref(), Some("status 404 in place of 401"));
}

#[tokio::test]
async fn tls_on_a_plain_port_gets_an_http_answer() {
    let (upstream, _) = upstream(ANSWER).await;
    let gateway = gateway(upstream).await;
    let mut stream = TcpStream::connect(gateway.node()).await.unwrap();
    // The beginning of a client hello.
    stream.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await.unwrap();
    let mut answer = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap().ok();
    // Go says "server gave HTTP response to HTTPS client" where it reads this.
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{}", String::from_utf8_lossy(&answer));
}
