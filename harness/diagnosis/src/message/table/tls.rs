//! Wordings of Go's TLS and certificate libraries.

use super::{is, with};
use crate::message::field;
use crate::message::row::{Origin::Go, Row};
use crate::sign::Sign;

const VERIFY: &str = "go crypto/x509/verify.go";
const ALERT: &str = "go crypto/tls/alert.go";
const CONN: &str = "go crypto/tls/handshake_client.go";

pub(super) const ROWS: &[Row] = &[
    is(
        Go,
        VERIFY,
        "certificate signed by unknown authority",
        "x509: certificate signed by unknown authority",
        Sign::UnknownAuthority,
    ),
    is(
        Go,
        VERIFY,
        "certificate is not trusted",
        "x509: “reg.example.net” certificate is not trusted",
        Sign::UnknownAuthority,
    ),
    is(
        Go,
        VERIFY,
        "certificate is not standards compliant",
        "x509: “reg.example.net” certificate is not standards compliant",
        Sign::TlsRefused,
    ),
    is(
        Go,
        VERIFY,
        "failed to load system roots",
        "x509: failed to load system roots and no roots provided",
        Sign::UnknownAuthority,
    ),
    is(
        Go,
        VERIFY,
        "a certificate chain processed, but terminated in a root certificate which is not trusted",
        "x509: a certificate chain processed, but terminated in a root certificate which is not trusted by the trust provider",
        Sign::UnknownAuthority,
    ),
    is(
        Go,
        "OpenSSL, behind proxies",
        "self-signed certificate",
        "self-signed certificate in certificate chain",
        Sign::UnknownAuthority,
    ),
    is(
        Go,
        "OpenSSL, behind proxies",
        "self signed certificate",
        "self signed certificate in certificate chain",
        Sign::UnknownAuthority,
    ),
    is(
        Go,
        VERIFY,
        "certificate relies on legacy Common Name field",
        "x509: certificate relies on legacy Common Name field, use SANs instead",
        Sign::CertificateName,
    ),
    with(
        Go,
        VERIFY,
        "certificate is valid for ",
        "x509: certificate is valid for ingress.local, not reg.example.net",
        |spot| spot.after.contains(", not ").then_some(Sign::CertificateName),
    ),
    is(
        Go,
        VERIFY,
        "certificate is not valid for any names",
        "x509: certificate is not valid for any names, but wanted to match reg.example.net",
        Sign::CertificateName,
    ),
    is(
        Go,
        VERIFY,
        "doesn't contain any IP SANs",
        "x509: cannot validate certificate for 10.0.0.1 because it doesn't contain any IP SANs",
        Sign::CertificateName,
    ),
    is(
        Go,
        VERIFY,
        "certificate has no names matching",
        "x509: certificate has no names matching reg.example.net",
        Sign::CertificateName,
    ),
    is(
        Go,
        VERIFY,
        "not authorized to sign for this name",
        "x509: a root or intermediate certificate is not authorized to sign for this name: reg.example.net",
        Sign::TlsRefused,
    ),
    with(
        Go,
        VERIFY,
        "certificate has expired or is not yet valid",
        "x509: certificate has expired or is not yet valid: current time 2026-01-02T00:00:00Z is after 2026-01-01T00:00:00Z",
        |spot| {
            let times =
                spot.after.split_once("current time").and_then(|(_, rest)| field::times(rest));
            Some(Sign::CertificateTime { times })
        },
    ),
    is(
        Go,
        VERIFY,
        "not authorized to sign other certificates",
        "x509: certificate is not authorized to sign other certificates",
        Sign::TlsRefused,
    ),
    is(
        Go,
        VERIFY,
        "specifies an incompatible key usage",
        "x509: certificate specifies an incompatible key usage",
        Sign::TlsRefused,
    ),
    is(
        Go,
        VERIFY,
        "parent certificate cannot sign this kind of certificate",
        "x509: invalid signature: parent certificate cannot sign this kind of certificate",
        Sign::TlsRefused,
    ),
    is(
        Go,
        "go crypto/x509/x509.go",
        "cannot verify signature: insecure algorithm",
        "x509: cannot verify signature: insecure algorithm SHA1-RSA",
        Sign::TlsRefused,
    ),
    is(
        Go,
        "go crypto/x509/parser.go",
        "x509: negative serial number",
        "x509: negative serial number",
        Sign::TlsRefused,
    ),
    is(
        Go,
        VERIFY,
        "unhandled critical extension",
        "x509: unhandled critical extension",
        Sign::TlsRefused,
    ),
    with(Go, ALERT, "remote error: tls: ", "remote error: tls: handshake failure", |spot| {
        (!spot.after.starts_with("unknown certificate authority")).then_some(Sign::TlsRefused)
    }),
    is(
        Go,
        CONN,
        "server selected unsupported protocol version",
        "tls: server selected unsupported protocol version 301",
        Sign::TlsRefused,
    ),
    is(
        Go,
        CONN,
        "protocol version not supported",
        "tls: protocol version not supported",
        Sign::TlsRefused,
    ),
    is(
        Go,
        CONN,
        "no supported versions satisfy",
        "tls: no supported versions satisfy MinVersion and MaxVersion",
        Sign::TlsRefused,
    ),
    is(
        Go,
        CONN,
        "server's certificate contains an unsupported",
        "tls: server's certificate contains an unsupported type of public key",
        Sign::TlsRefused,
    ),
    is(
        Go,
        CONN,
        "failed to parse certificate from server",
        "tls: failed to parse certificate from server: x",
        Sign::TlsRefused,
    ),
    is(
        Go,
        "docker registry/registry.go",
        "missing client certificate",
        "missing client certificate reg.example.net.cert for key reg.example.net.key",
        Sign::NodeConfig,
    ),
    is(
        Go,
        "docker registry/registry.go",
        "for client certificate",
        "missing key reg.example.net.key for client certificate reg.example.net.cert",
        Sign::NodeConfig,
    ),
];
