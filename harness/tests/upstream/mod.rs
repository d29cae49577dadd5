//! An upstream that a test writes byte by byte, a gateway before it, and a client of that.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pullproof::case::model::{Fault, FaultAction};
use pullproof::registry::{Gateway, GatewaySettings, Mark, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

pub const NODE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
pub const LIMIT: Duration = Duration::from_secs(10);
pub const BLOB: &str = "/v2/janedoe/jdoe-private/blobs/sha256:0";

/// What an upstream got, one text a request: head and body.
pub type Got = Arc<Mutex<Vec<String>>>;

/// An upstream that sends the same bytes to everybody.
pub async fn upstream(answer: impl Into<Vec<u8>>) -> (SocketAddr, Got) {
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
pub async fn read_request(stream: &mut TcpStream) -> Option<String> {
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

pub async fn gateway(upstream: SocketAddr) -> Gateway {
    Gateway::start(GatewaySettings::new("registry", NODE, upstream)).await.unwrap()
}

pub async fn faulty(upstream: SocketAddr, action: FaultAction) -> Gateway {
    let gateway = gateway(upstream).await;
    gateway.set_faults(vec![fault(action)]);
    gateway
}

pub fn fault(action: FaultAction) -> Fault {
    Fault::new(action)
}

/// Sends a request and reads until the peer closes.
pub async fn exchange(to: SocketAddr, request: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(to).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    timeout(LIMIT, stream.read_to_end(&mut answer)).await.unwrap()?;
    Ok(answer)
}

pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: registry.example\r\nConnection: close\r\n\r\n")
}

pub async fn text(to: SocketAddr, request: &str) -> String {
    String::from_utf8(exchange(to, request).await.unwrap()).unwrap()
}

pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

/// The only request of a record, once its body has ended.
pub async fn only(gateway: &Gateway) -> Request {
    let ended = gateway.record().wait_for(Mark::START, |seen| {
        assert!(seen.len() < 2, "{seen:?}");
        seen.first().filter(|request| request.duration.is_some()).cloned()
    });
    timeout(LIMIT, ended).await.unwrap()
}

/// Odd on purpose: names in several cases, a repeated header, an empty value, spaces in a value.
pub const ANSWER: &str = "HTTP/1.1 200 OK\r\n\
    Docker-Content-Digest: sha256:0\r\n\
    X-UPPER: One,  two\r\n\
    x-lower: 1\r\n\
    X-Twice: a\r\n\
    X-Twice: b\r\n\
    X-Empty: \r\n\
    Content-Length: 5\r\n\
    \r\nhello";
