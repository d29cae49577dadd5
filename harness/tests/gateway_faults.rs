//! What a gateway does to answers when a case says so. Needs no Docker.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

mod upstream;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use pullproof::case::model::{Fault, FaultAction, HeaderValues, Headers, OwnAnswer};
use pullproof::registry::{Gateway, GatewaySettings, Peers, Responder};
use upstream::*;

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
