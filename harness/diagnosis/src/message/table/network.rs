//! Wordings of Go's network libraries, and of the kernel's network errors in them.

use super::{is, with};
use crate::message::field;
use crate::message::row::{Origin::Go, Row, Spot};
use crate::sign::Sign;

const NET: &str = "go net/net.go";
const DIAL: &str = "go net/dial.go, syscall/zerrors_linux.go";
const HTTP: &str = "go net/http/transport.go";
const CLIENT: &str = "go net/http/client.go";

pub(super) const ROWS: &[Row] = &[
    with(
        Go,
        NET,
        "no such host",
        "dial tcp: lookup reg.example.net on 10.0.0.2:53: no such host",
        |spot| {
            let (host, resolver) = lookup(spot.before)?;
            Some(Sign::NoSuchHost { host, resolver })
        },
    ),
    with(
        Go,
        NET,
        "server misbehaving",
        "dial tcp: lookup reg.example.net on 10.0.0.2:53: server misbehaving",
        resolver_failed,
    ),
    with(
        Go,
        "getaddrinfo's EAI_NODATA, of a Go built with cgo",
        "No address associated with hostname",
        "dial tcp: lookup reg.example.net: No address associated with hostname",
        |spot| {
            let (host, resolver) = lookup(spot.before)?;
            Some(Sign::NoSuchHost { host, resolver })
        },
    ),
    with(
        Go,
        NET,
        "temporary failure in name resolution",
        "dial tcp: lookup reg.example.net: Temporary failure in name resolution",
        resolver_failed,
    ),
    with(
        Go,
        "rust std net, of runtimes that pull in a guest",
        "failed to lookup address information",
        "dns error: failed to lookup address information: Name or service not known",
        |spot| {
            let host = field::last_url(spot.before)
                .and_then(field::host_of)
                .unwrap_or_default()
                .to_owned();
            Some(Sign::ResolverFailed { host })
        },
    ),
    with(
        Go,
        NET,
        "no answer from DNS server",
        "dial tcp: lookup reg.example.net on 10.0.0.2:53: no answer from DNS server",
        resolver_failed,
    ),
    with(Go, NET, "try again", "dial tcp: lookup reg.example.net: Try again", resolver_failed),
    with(
        Go,
        NET,
        "cannot unmarshal DNS message",
        "dial tcp: lookup reg.example.net on 10.0.0.2:53: cannot unmarshal DNS message",
        resolver_failed,
    ),
    with(
        Go,
        NET,
        "dial udp ",
        "dial tcp: lookup reg.example.net on [::1]:53: dial udp [::1]:53: connect: cannot assign requested address",
        resolver_failed,
    ),
    with(
        Go,
        NET,
        "read udp ",
        "dial tcp: lookup reg.example.net on 10.0.0.2:53: read udp 10.0.0.9:5353->10.0.0.2:53: i/o timeout",
        resolver_failed,
    ),
    with(Go, NET, "i/o timeout", "dial tcp 203.0.113.9:443: i/o timeout", timeout),
    with(
        Go,
        NET,
        "connection refused",
        "dial tcp 203.0.113.9:443: connect: connection refused",
        |spot| {
            if spot.before.contains("proxyconnect") {
                return None;
            }
            if let Some((_, socket)) = spot.before.rsplit_once("dial unix ") {
                return socket.contains(".sock").then_some(Sign::RuntimeFault);
            }
            if is_lookup(spot.before) {
                return None;
            }
            Some(Sign::ConnectionRefused { address: dialled(spot.before) })
        },
    ),
    is(
        Go,
        DIAL,
        "actively refused it",
        "connectex: No connection could be made because the target machine actively refused it.",
        Sign::ConnectionRefused { address: None },
    ),
    is(
        Go,
        DIAL,
        "connection reset by peer",
        "read tcp 10.0.0.9:4000->203.0.113.9:443: read: connection reset by peer",
        Sign::ConnectionLost,
    ),
    is(
        Go,
        DIAL,
        "broken pipe",
        "write tcp 10.0.0.9:4000->203.0.113.9:443: write: broken pipe",
        Sign::ConnectionLost,
    ),
    is(
        Go,
        DIAL,
        "forcibly closed by the remote host",
        "wsarecv: An existing connection was forcibly closed by the remote host.",
        Sign::ConnectionLost,
    ),
    is(
        Go,
        HTTP,
        "http: server closed idle connection",
        "http: server closed idle connection",
        Sign::ConnectionLost,
    ),
    is(
        Go,
        HTTP,
        "HTTP/1.x transport connection broken",
        "net/http: HTTP/1.x transport connection broken: x",
        Sign::ConnectionLost,
    ),
    with(
        Go,
        "go io/io.go",
        "EOF",
        "failed to do request: Head \"https://reg.example.net/v2/a/manifests/1\": EOF",
        end_of_file,
    ),
    is(
        Go,
        "go x/net/http2",
        "stream error: stream ID",
        "stream error: stream ID 1; INTERNAL_ERROR; received from peer",
        Sign::ConnectionLost,
    ),
    is(
        Go,
        "go x/net/http2",
        "server sent GOAWAY",
        "http2: server sent GOAWAY and closed the connection",
        Sign::ConnectionLost,
    ),
    is(
        Go,
        DIAL,
        "no route to host",
        "dial tcp 203.0.113.9:443: connect: no route to host",
        Sign::NoRoute,
    ),
    is(
        Go,
        DIAL,
        "connect: invalid argument",
        "dial tcp 0.0.42.22:443: connect: invalid argument",
        Sign::NoRoute,
    ),
    is(
        Go,
        DIAL,
        "network is unreachable",
        "dial tcp 203.0.113.9:443: connect: network is unreachable",
        Sign::NoRoute,
    ),
    is(
        Go,
        DIAL,
        "connection timed out",
        "dial tcp 203.0.113.9:443: connect: connection timed out",
        Sign::Timeout,
    ),
    is(
        Go,
        DIAL,
        "did not properly respond after a period of time",
        "connectex: A connection attempt failed because the connected party did not properly respond after a period of time",
        Sign::Timeout,
    ),
    is(Go, HTTP, "TLS handshake timeout", "net/http: TLS handshake timeout", Sign::Timeout),
    is(
        Go,
        HTTP,
        "timeout awaiting response headers",
        "net/http: timeout awaiting response headers",
        Sign::Timeout,
    ),
    is(
        Go,
        CLIENT,
        "request canceled while waiting for connection",
        "net/http: request canceled while waiting for connection",
        Sign::Timeout,
    ),
    is(
        Go,
        CLIENT,
        "Client.Timeout",
        "net/http: request canceled (Client.Timeout exceeded while awaiting headers)",
        Sign::Timeout,
    ),
    with(
        Go,
        "go context/context.go",
        "context deadline exceeded",
        "rpc error: code = Unknown desc = context deadline exceeded",
        deadline,
    ),
    is(
        Go,
        "grpc codes/code_string.go",
        "code = DeadlineExceeded",
        "rpc error: code = DeadlineExceeded desc = x",
        Sign::DeadlineExceeded,
    ),
    with(
        Go,
        "go context/context.go",
        "context canceled",
        "failed to copy: httpReadSeeker: failed open: context canceled",
        |_| Some(Sign::NoProgress),
    ),
    is(
        Go,
        "grpc codes/code_string.go",
        "code = Canceled",
        "rpc error: code = Canceled desc = x",
        Sign::NoProgress,
    ),
    is(
        Go,
        "docker client, to 19.03",
        "net/http: request canceled",
        "Error response from daemon: net/http: request canceled",
        Sign::NoProgress,
    ),
];

/// Reads the name, and the server asked, of `lookup NAME on SERVER:`.
fn lookup(before: &str) -> Option<(String, Option<String>)> {
    let (_, rest) = before.rsplit_once("lookup ")?;
    let mut words = rest.split_whitespace();
    let host = words.next()?.trim_end_matches(':').to_owned();
    let resolver = match words.next() {
        Some("on") => words.next().map(|server| server.trim_end_matches(':').to_owned()),
        _ => None,
    };
    Some((host, resolver))
}

/// Whether the error that ends here is about a name: nothing was dialled after the look-up.
fn is_lookup(before: &str) -> bool {
    match (before.rfind("lookup "), before.rfind("dial tcp ")) {
        (Some(lookup), Some(dial)) => lookup > dial,
        (Some(lookup), None) => before.len() - lookup < 300,
        _ => false,
    }
}

fn resolver_failed(spot: Spot<'_>) -> Option<Sign> {
    if !is_lookup(spot.before) {
        return None;
    }
    lookup(spot.before).map(|(host, _)| Sign::ResolverFailed { host })
}

fn timeout(spot: Spot<'_>) -> Option<Sign> {
    if is_lookup(spot.before) {
        // "read udp" and "dial udp" have rows of their own; a bare one is read here.
        if spot.before.contains("read udp") || spot.before.contains("dial udp") {
            return None;
        }
        return lookup(spot.before).map(|(host, _)| Sign::ResolverFailed { host });
    }
    (!spot.before.contains("proxyconnect")).then_some(Sign::Timeout)
}

fn dialled(before: &str) -> Option<String> {
    let (_, rest) = before.rsplit_once("dial tcp ")?;
    let address = rest.split_whitespace().next()?.trim_end_matches(':');
    address.contains(':').then(|| address.to_owned())
}

/// A deadline within a request is the network's; one that stands alone is somebody else's.
fn deadline(spot: Spot<'_>) -> Option<Sign> {
    let request = ["failed to do request: ", "Get \"http", "Head \"http", "Get http", "Head http"];
    let requested = request
        .iter()
        .filter_map(|words| spot.before.rfind(words))
        .max()
        .is_some_and(|start| !spot.before[start..].contains("rpc error:"));
    Some(if requested { Sign::Timeout } else { Sign::DeadlineExceeded })
}

fn end_of_file(spot: Spot<'_>) -> Option<Sign> {
    let ends = spot.after.is_empty() || spot.after.starts_with(['"', ',', ']', ')', ' ', ':']);
    if !ends {
        return None;
    }
    if spot.before.ends_with("unexpected ") {
        let unpacking = ["extract", "unpack image on", "register layer", "gzip", "tar"];
        let unpacking = unpacking.iter().any(|words| spot.before.contains(words));
        return Some(if unpacking { Sign::BadArchive } else { Sign::ConnectionLost });
    }
    if spot.before.ends_with("error reading from server: ") {
        return Some(Sign::RuntimeFault);
    }
    (spot.before.ends_with(": ") || spot.before.ends_with("desc = "))
        .then_some(Sign::ConnectionLost)
}
