//! A gateway before an upstream that the test writes byte by byte. Needs no Docker.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod upstream;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pullproof::case::model::{
    Anonymous, Challenge, Fault, FaultAction, TokenAuth, TokenForms, TokenUser,
};
use pullproof::registry::{
    Authorization, Gateway, GatewaySettings, Mark, Origin, PasswordMark, RequestKind, Responder,
    SigningKey, TokenServer,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;
use upstream::*;

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
