//! Wordings of Go's HTTP client about proxies, and about answers that are not what was asked for.

use super::{is, with};
use crate::message::field;
use crate::message::row::{Origin::Go, Row, Spot};
use crate::sign::Sign;

const HTTP: &str = "go net/http/transport.go";

pub(super) const ROWS: &[Row] = &[
    is(Go, HTTP, "proxyconnect", "proxyconnect tcp: dial tcp 127.0.0.1:7890: x", Sign::Proxy),
    is(
        Go,
        HTTP,
        "Proxy Authentication Required",
        "Head \"https://reg.example.net/v2/\": Proxy Authentication Required",
        Sign::Proxy,
    ),
    is(Go, HTTP, "authenticationrequired", "proxy: authenticationrequired", Sign::Proxy),
    is(
        Go,
        "go x/net/internal/socks",
        "socks connect",
        "socks connect tcp 127.0.0.1:1080->reg.example.net:443: x",
        Sign::Proxy,
    ),
    with(
        Go,
        HTTP,
        ": Forbidden",
        "Head \"https://reg.example.net/v2/a/manifests/1\": Forbidden",
        after_address,
    ),
    with(
        Go,
        HTTP,
        ": Bad Request",
        "Head \"https://reg.example.net/v2/a/manifests/1\": Bad Request",
        after_address,
    ),
    with(
        Go,
        HTTP,
        ": Method Not Allowed",
        "Head \"https://reg.example.net/v2/a/manifests/1\": Method Not Allowed",
        after_address,
    ),
    is(
        Go,
        "go-containerregistry pkg/v1/remote",
        "unsupported MediaType: ",
        "reading image \"reg.example.net/a:1\": unsupported MediaType: \"x\"",
        Sign::UnsupportedManifest,
    ),
    with(
        Go,
        HTTP,
        ": Bad Gateway",
        "Head \"https://reg.example.net/v2/a/manifests/1\": Bad Gateway",
        after_address,
    ),
    with(
        Go,
        HTTP,
        ": Service Unavailable",
        "Head \"https://reg.example.net/v2/a/manifests/1\": Service Unavailable",
        after_address,
    ),
    with(
        Go,
        HTTP,
        ": Gateway Timeout",
        "Head \"https://reg.example.net/v2/a/manifests/1\": Gateway Timeout",
        after_address,
    ),
    is(
        Go,
        HTTP,
        "server gave HTTP response to HTTPS client",
        "http: server gave HTTP response to HTTPS client",
        Sign::HttpOnHttps,
    ),
    is(
        Go,
        "go crypto/tls/conn.go",
        "first record does not look like a TLS handshake",
        "tls: first record does not look like a TLS handshake",
        Sign::HttpOnHttps,
    ),
    is(
        Go,
        "go crypto/tls/conn.go, to 1.11",
        "oversized record received with length",
        "tls: oversized record received with length 20527",
        Sign::HttpOnHttps,
    ),
    is(
        Go,
        "go net/http/server.go",
        "Client sent an HTTP request to an HTTPS server",
        "Client sent an HTTP request to an HTTPS server.",
        Sign::HttpsOnHttp,
    ),
    is(
        Go,
        "nginx",
        "The plain HTTP request was sent to HTTPS port",
        "The plain HTTP request was sent to HTTPS port",
        Sign::HttpsOnHttp,
    ),
    is(
        Go,
        HTTP,
        "malformed HTTP response \"\\x15",
        "net/http: HTTP/1.x transport: malformed HTTP response \"\\x15\\x03\\x01\"",
        Sign::HttpsOnHttp,
    ),
    is(
        Go,
        HTTP,
        "malformed HTTP status code",
        "malformed HTTP status code \"x\"",
        Sign::NotTheProtocol,
    ),
    with(
        Go,
        "go encoding/json",
        "invalid character '<'",
        "invalid character '<' looking for beginning of value",
        |spot| (!spot.before.contains("error parsing HTTP ")).then_some(Sign::NotTheProtocol),
    ),
    is(
        Go,
        "go net/http/client.go",
        "stopped after 10 redirects",
        "stopped after 10 redirects",
        Sign::NotTheProtocol,
    ),
    is(
        Go,
        HTTP,
        "unsupported protocol scheme",
        "unsupported protocol scheme \"\"",
        Sign::NodeConfig,
    ),
    is(
        Go,
        "go net/url/url.go",
        "first path segment in URL cannot contain colon",
        "parse \"reg:5000\": first path segment in URL cannot contain colon",
        Sign::NodeConfig,
    ),
    is(
        Go,
        "go net/url/url.go",
        "missing protocol scheme",
        "parse \":///reg.example.net/v2/a/manifests/1\": missing protocol scheme",
        Sign::NodeConfig,
    ),
    is(
        Go,
        "go net/url/url.go",
        "invalid port \"",
        "parse \"http://reg:1:2\": invalid port \":2\" after host",
        Sign::InvalidReference,
    ),
];

/// Go reports a proxy's refusal of CONNECT as the bare reason, after the address and without a code;
/// to 1.13 without quotes around the address.
fn after_address(spot: Spot<'_>) -> Option<Sign> {
    let address = spot.before.trim_end_matches('"').rsplit([' ', '"']).next()?;
    field::host_of(address)?;
    spot.after.trim_matches(['"', ']', ' ']).is_empty().then_some(Sign::Proxy)
}
