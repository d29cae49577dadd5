//! One request and its answer, on their way through a gateway.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use hyper::body::{Body, Incoming};
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
    RETRY_AFTER, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};
use hyper::http::uri::{Authority, Scheme};
use hyper::{Method, Request, Response, StatusCode, Uri, Version};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::body::{Damage, ResponseBody};
use super::challenge;
use super::connection::ConnectionAbort;
use super::fault::{Intercept, Plan, asked_host, change_headers};
use super::gateway::Shared;
use super::password;
use super::record::{Arrival, Origin, Responder, TOKEN_PATH};
use super::tokens::{TokenRequest, TokenServer};
use crate::case::model::Headers;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Headers that concern one connection and not the message.
const HOP_BY_HOP: [HeaderName; 4] = [
    CONNECTION,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// The gateway and the connection by which a request arrived.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) shared: Arc<Shared>,
    pub(super) from: Origin,
    pub(super) abort: ConnectionAbort,
}

/// The registry container, with a pool of connections to it.
#[derive(Debug)]
pub(super) struct Upstream {
    authority: Option<Authority>,
    client: Client<HttpConnector, Incoming>,
}

impl Upstream {
    pub(super) fn new(address: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .http1_preserve_header_case(true)
            .build(connector);
        Self { authority: address.to_string().parse().ok(), client }
    }

    /// The container's address for a request's path and query.
    fn uri(&self, uri: &Uri) -> Result<Uri, hyper::http::Error> {
        let mut parts = uri.clone().into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = self.authority.clone();
        if parts.path_and_query.is_none() {
            parts.path_and_query = Some("/".parse()?);
        }
        Ok(Uri::from_parts(parts)?)
    }
}

/// A response that the gateway makes itself, before it is recorded.
pub(super) struct GatewayResponse {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl GatewayResponse {
    /// JSON with a status.
    pub(super) fn json(status: StatusCode, body: String) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self { status, headers, body }
    }

    /// An error body of the OCI distribution specification.
    pub(super) fn error(status: StatusCode, message: &str) -> Self {
        let code = match status.as_u16() {
            401 => "UNAUTHORIZED",
            403 => "DENIED",
            404 => "NAME_UNKNOWN",
            429 => "TOOMANYREQUESTS",
            500.. => "UNAVAILABLE",
            _ => "UNSUPPORTED",
        };
        let body = serde_json::json!({ "errors": [{ "code": code, "message": message }] });
        Self::json(status, body.to_string())
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Records the request that it answers.
    fn answered(
        self,
        arrival: Arrival,
        by: Responder,
        head: bool,
        done: Vec<String>,
    ) -> Response<ResponseBody> {
        let entry = arrival.answered(by, Some(self.status.as_u16()), fault_note(done));
        let length = self.body.len();
        let body = if head { String::new() } else { self.body };
        let answer = ResponseBody::gateway(body, entry);
        let other_length = self.headers.contains_key(CONTENT_LENGTH);
        let mut response =
            Response::new(if other_length { answer.of_other_length() } else { answer });
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response.headers_mut().entry(CONTENT_LENGTH).or_insert(length.into());
        response
    }
}

/// A request, as far as the gateway reads it.
enum Asked<'a> {
    Token(&'a TokenServer, TokenRequest),
    Container(Request<Incoming>),
}

/// Answers a request: by the container, the token server, or as a fault requires.
pub(super) async fn answer(
    exchange: &Exchange,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Infallible> {
    let Exchange { shared, from, abort } = exchange;
    let mut arrival = Arrival::of(&shared.record, &request, *from);
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let (head, host) = (method == Method::HEAD, asked_host(&request));
    let asked = match &shared.tokens {
        Some(tokens) if uri.path() == TOKEN_PATH => {
            let request = TokenRequest::read(request).await;
            if let Some((user, password)) = request.credentials() {
                arrival.names(user, password);
            }
            Asked::Token(tokens, request)
        }
        _ => Asked::Container(request),
    };
    // A control pull is about the registry's own answer: faults neither meet nor count it.
    let control = *from == Origin::Control;
    let plan = match arrival.request() {
        Some(request) if !control => shared.faults.plan(request),
        _ => Plan::default(),
    };
    let mut done = Vec::new();

    if !plan.delay.is_zero() {
        done.push(format!("delayed by {} ms", plan.delay.as_millis()));
        tokio::time::sleep(plan.delay).await;
    }
    if let Some(intercept) = plan.intercept {
        let response = match intercept {
            Intercept::Reset => {
                done.push("reset".to_owned());
                drop(arrival.answered(Responder::Nobody, None, fault_note(done)));
                abort.reset();
                return std::future::pending().await;
            }
            Intercept::Status(status) => {
                done.push(format!("status {status}"));
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                GatewayResponse::error(status, "injected by the case")
            }
            Intercept::TooManyRequests(seconds) => {
                done.push(format!("status 429, retry after {seconds} s"));
                GatewayResponse::error(StatusCode::TOO_MANY_REQUESTS, "injected by the case")
                    .with(RETRY_AFTER, &seconds.to_string())
            }
            Intercept::Answer(answer) => {
                done.push(format!("the case's own answer, {}", answer.status));
                let mut response = GatewayResponse {
                    status: StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY),
                    headers: HeaderMap::new(),
                    body: answer.body,
                };
                change_headers(&mut response.headers, &answer.headers, &host);
                response
            }
            Intercept::Redirect { registry, away } => {
                redirect(exchange, &uri, &registry, away, &mut done)
            }
        };
        return Ok(response.answered(arrival, Responder::Gateway, head, done));
    }

    let open = shared.open.read().await;
    let request = match asked {
        Asked::Token(tokens, request) => {
            let mut response = tokens.answer(&request);
            change_all(&mut response.headers, &plan.headers, &host, &mut done);
            return Ok(response.answered(arrival, Responder::TokenServer, head, done));
        }
        Asked::Container(request) => request,
    };
    let request = without(request, &plan.ignored, &mut done);
    let modern = request.version() == Version::HTTP_2;
    let answered = match forward(shared, request) {
        Ok(request) => shared.upstream.client.request(request).await.map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            format!("the registry does not answer: {}", cause.unwrap_or_else(|| error.to_string()))
        }),
        Err(error) => Err(format!("the request cannot be passed on: {error}")),
    };
    drop(open);
    let mut response = match answered {
        Ok(response) => response,
        Err(error) => {
            let response = GatewayResponse::error(StatusCode::BAD_GATEWAY, &error);
            done.push(error);
            return Ok(response.answered(arrival, Responder::Unreachable, head, done));
        }
    };

    if response.status() == StatusCode::UNAUTHORIZED {
        if let Some(status) = plan.unchallenged.and_then(|code| StatusCode::from_u16(code).ok()) {
            done.push(format!("status {} in place of 401", status.as_u16()));
            *response.status_mut() = status;
            response.headers_mut().remove(WWW_AUTHENTICATE);
        } else if !control && challenge::change(response.headers_mut(), &shared.challenge, &host) {
            done.push("challenge changed".to_owned());
        }
    }
    remove_hop_by_hop(response.headers_mut(), modern);
    *response.version_mut() = Version::HTTP_11;

    change_all(response.headers_mut(), &plan.headers, &host, &mut done);
    let other_length = plan.headers.iter().any(sets_length);

    let damage = damage(&response, head, plan.cut, plan.flip, &mut done);
    let status = Some(response.status().as_u16());
    let entry = arrival.answered(Responder::Container, status, fault_note(done));
    Ok(response.map(|body| {
        let answer = ResponseBody::container(body, damage, entry);
        if other_length { answer.of_other_length() } else { answer }
    }))
}

fn change_all(headers: &mut HeaderMap, changes: &[Headers], host: &str, done: &mut Vec<String>) {
    for change in changes {
        change_headers(headers, change, host);
        done.push(format!("changed {}", change.names()));
    }
}

fn sets_length(headers: &Headers) -> bool {
    headers.0.keys().any(|name| name.eq_ignore_ascii_case(CONTENT_LENGTH.as_str()))
}

/// The request without headers that it has.
fn without(
    mut request: Request<Incoming>,
    names: &[String],
    done: &mut Vec<String>,
) -> Request<Incoming> {
    for name in names {
        if request.headers_mut().remove(name).is_some() {
            done.push(format!("{name} ignored"));
        }
    }
    request
}

/// Answers plain HTTP on an HTTPS port as Go's server does.
pub(super) fn refuse_plain_http(
    exchange: &Exchange,
    request: &Request<Incoming>,
) -> Response<ResponseBody> {
    let arrival = Arrival::of(&exchange.shared.record, request, exchange.from);
    let response = GatewayResponse {
        status: StatusCode::BAD_REQUEST,
        headers: HeaderMap::new(),
        body: "Client sent an HTTP request to an HTTPS server.\n".to_owned(),
    }
    .with(CONNECTION, "close");
    let done = vec!["plain HTTP on an HTTPS port".to_owned()];
    response.answered(arrival, Responder::Gateway, request.method() == Method::HEAD, done)
}

fn fault_note(done: Vec<String>) -> Option<String> {
    (!done.is_empty()).then(|| done.join(", "))
}

fn redirect(
    exchange: &Exchange,
    uri: &Uri,
    registry: &str,
    away: bool,
    done: &mut Vec<String>,
) -> GatewayResponse {
    let Some(base) = exchange.shared.peers.base(registry, exchange.from) else {
        let message = format!("the case has no registry {registry} to redirect to");
        done.push(message.clone());
        return GatewayResponse::error(StatusCode::BAD_GATEWAY, &message);
    };
    let base = if away { renamed(&base) } else { base };
    done.push(format!("redirected to {registry}"));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    GatewayResponse {
        status: StatusCode::TEMPORARY_REDIRECT,
        headers: HeaderMap::new(),
        body: String::new(),
    }
    .with(LOCATION, &format!("{base}{path}"))
}

/// A base URL with another name for the same address: an IPv4 address in its IPv6 form. To a client
/// that compares host names it is another host.
fn renamed(base: &str) -> String {
    let parsed = base.split_once("://").and_then(|(scheme, rest)| {
        let address: std::net::SocketAddrV4 = rest.parse().ok()?;
        Some(format!("{scheme}://[::ffff:{}]:{}", address.ip(), address.port()))
    });
    parsed.unwrap_or_else(|| base.to_owned())
}

/// The request as the container gets it.
fn forward(
    shared: &Shared,
    mut request: Request<Incoming>,
) -> Result<Request<Incoming>, hyper::http::Error> {
    let modern = request.version() == Version::HTTP_2;
    if let Some(authority) = request.uri().authority()
        && !request.headers().contains_key(HOST)
    {
        // HTTP/2 has the host in the URI only; the container builds its Location URLs from it.
        let host = HeaderValue::from_str(authority.as_str())?;
        request.headers_mut().insert(HOST, host);
    }
    if let Some(accepted) = shared.accepted.get() {
        accepted.replace(&mut request);
    }
    *request.uri_mut() = shared.upstream.uri(request.uri())?;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    remove_hop_by_hop(headers, modern);
    if shared.htpasswd {
        password::replace(headers);
    }
    // The container takes the scheme of its Location URLs and of a token realm from it.
    let scheme = HeaderValue::from_static(if shared.secure { "https" } else { "http" });
    headers.entry(FORWARDED_PROTO).or_insert(scheme);
    Ok(request)
}

fn remove_hop_by_hop(headers: &mut HeaderMap, modern: bool) {
    for name in HOP_BY_HOP {
        headers.remove(name);
    }
    if modern {
        headers.remove(TRANSFER_ENCODING);
    }
}

fn damage(
    response: &Response<Incoming>,
    head: bool,
    cut: Option<u64>,
    flip: bool,
    done: &mut Vec<String>,
) -> Damage {
    let mut damage = Damage::default();
    let length = response.body().size_hint().exact();
    if head || length == Some(0) {
        return damage;
    }
    if let Some(cut) = cut.filter(|cut| length.is_none_or(|length| *cut < length)) {
        done.push(format!("cut after {cut} bytes"));
        damage.cut = Some(cut);
    }
    if flip {
        let at = length.unwrap_or(0) / 2;
        done.push(format!("byte {at} flipped"));
        damage.flip = Some(at);
    }
    damage
}

#[cfg(test)]
mod tests {
    use super::renamed;

    #[test]
    fn another_name_leads_to_the_same_address_and_port() {
        assert_eq!(renamed("http://172.18.0.1:4000"), "http://[::ffff:172.18.0.1]:4000");
        assert_eq!(renamed("https://127.0.0.1:5000"), "https://[::ffff:127.0.0.1]:5000");
        assert_eq!(renamed("http://registry.example.com"), "http://registry.example.com");
    }
}
