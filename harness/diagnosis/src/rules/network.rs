//! The way to the registry: names, connections, proxies and certificates.

use super::{Case, Finding};
use crate::cause::Cause::*;
use crate::message::field;
use crate::reference::{Registry, is_local_name};
use crate::sign::{Sign, Times};

/// How far two clocks may differ before one of them is called wrong.
const DAY: i64 = 24 * 60 * 60;

pub(super) fn finding(case: &Case<'_>) -> Finding {
    match case.lead {
        Sign::NoSuchHost { host, .. } => no_such_host(case, host),
        Sign::ResolverFailed { .. } if case.asked_mirror() => Finding::open([Dns, Mirror]),
        Sign::ResolverFailed { .. } => Finding::certain(Dns),
        Sign::ConnectionRefused { address } => refused(case, address.as_deref()),
        Sign::Timeout => timeout(case),
        Sign::NoRoute => Finding::open([UnreachableTimeout, UnreachableRefused, Dns, NodeConfig]),
        Sign::ConnectionLost => lost(case),
        // The proxy did not get through to the registry: either may be the one that is down.
        Sign::Proxy if is_gateway(case.message.text()) => {
            Finding::open([Proxy, RegistryError, UnreachableTimeout])
        }
        Sign::Proxy => Finding::certain(Proxy),
        Sign::UnknownAuthority => Finding::certain(TlsUnknownCa),
        // A public registry has its name in its certificate: something else answered in its place.
        Sign::CertificateName if case.asked_public_host() => {
            Finding::open([TlsName, Dns, Proxy, NodeConfig])
        }
        Sign::CertificateName => Finding::certain(TlsName),
        Sign::CertificateTime { times } => expired(case, *times),
        // A public registry does not speak plain HTTP on its port for HTTPS; something between does.
        Sign::HttpOnHttps if case.registry.is_well_known() && !case.asked_elsewhere() => {
            Finding::open([Proxy, HttpOnHttps, Mirror])
        }
        Sign::HttpOnHttps => Finding::certain(HttpOnHttps),
        Sign::HttpsOnHttp => Finding::certain(HttpsOnHttp),
        _ => handshake(case),
    }
}

fn is_gateway(text: &str) -> bool {
    [": Bad Gateway", ": Service Unavailable", ": Gateway Timeout"]
        .iter()
        .any(|words| text.contains(words))
}

/// A handshake or certificate that was refused for another reason than name, time or authority.
fn handshake(case: &Case<'_>) -> Finding {
    let text = case.message.text();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    Finding::open(if says(&["unrecognized name", "for this name"]) {
        [TlsName, RegistrySetting, Proxy, NodeConfig]
    } else if says(&["bad certificate", "certificate required", "unknown certificate"]) {
        [NodeConfig, RegistrySetting, TlsUnknownCa, Proxy]
    } else if text.contains("x509: ") {
        [TlsUnknownCa, RegistrySetting, NodeConfig, Proxy]
    } else if case.registry.is_well_known() {
        [Proxy, RegistryError, NodeConfig, UnreachableRefused]
    } else {
        [RegistrySetting, NodeConfig, Proxy, TlsName]
    })
}

/// A name that exists for all the world fails by the node's DNS; one that may be misspelt does not.
fn no_such_host(case: &Case<'_>, host: &str) -> Finding {
    let registry = Registry::of(host);
    // registry.k8s.io itself sends the runtime on to Google's registry.
    let is_own = case.registry == Registry::Kubernetes && registry == Registry::Google;
    if (case.led_to_another_token_server() && !is_own) || case.asked_mirror() {
        return Finding::open([Dns, Mirror]);
    }
    // The registry was reached, and sent the runtime on to its store of blobs.
    if case.asked_elsewhere() && !registry.is_well_known() {
        return Finding::open([Dns, RegistrySetting, Mirror]);
    }
    if registry == Registry::DockerHub && case.host_is_not_written() && !case.message.is_sandbox() {
        return Finding::open([Dns, WrongReference]);
    }
    if registry.is_well_known() || is_local_name(host) {
        return Finding::certain(Dns);
    }
    Finding::open([Dns, WrongReference])
}

fn refused(case: &Case<'_>, address: Option<&str>) -> Finding {
    if case.led_to_another_token_server() {
        return Finding::open([Mirror, UnreachableRefused, Proxy]);
    }
    let dialled = address.map(field::without_port);
    let asked = case.message.host().map(field::without_port);
    match (dialled.is_some_and(is_loopback), asked) {
        // Loopback stands for the registry only if the reference says so.
        (true, Some(asked)) if !is_loopback(asked) => {
            Finding::open([Mirror, UnreachableRefused, NodeConfig, Proxy])
        }
        (true, _) => Finding::open([UnreachableRefused, NodeConfig, Mirror, WrongReference]),
        _ if case.asked_mirror() => Finding::open([UnreachableRefused, Mirror, NodeConfig]),
        _ if case.is_one_attempt() => {
            Finding::open([UnreachableRefused, Proxy, Mirror, NodeConfig])
        }
        _ if case.port_is_implied(address) => {
            Finding::open([UnreachableRefused, NodeConfig, HttpOnHttps, WrongReference])
        }
        _ => Finding::certain(UnreachableRefused),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.starts_with("127.")
}

fn timeout(case: &Case<'_>) -> Finding {
    if case.led_to_another_token_server() {
        return Finding::open([Mirror, UnreachableTimeout]);
    }
    if case.asked_mirror() {
        return Finding::open([UnreachableTimeout, Mirror]);
    }
    if matches!(case.registry, Registry::Ecr | Registry::Acr) {
        return Finding::open([UnreachableTimeout, NetworkRule]);
    }
    if case.is_one_attempt() {
        return Finding::open([UnreachableTimeout, Proxy, Mirror]);
    }
    Finding::certain(UnreachableTimeout)
}

fn lost(case: &Case<'_>) -> Finding {
    let text = case.message.text();
    if text.contains("failed to copy") || text.contains("Seeker") || text.contains("writing blob") {
        return Finding::open([RegistryError, UnreachableTimeout, Proxy, UnreachableRefused]);
    }
    Finding::open([UnreachableRefused, Proxy, RegistryError, UnreachableTimeout])
}

/// Distinguishes a wrong clock from an expired certificate: by another clock, by the message's two times,
/// or by a registry whose certificates do not run out.
fn expired(case: &Case<'_>, times: Option<Times>) -> Finding {
    let Some(times) = times else {
        return match case.registry.is_well_known() || case.registry.knows_nodes() {
            true => Finding::open([NodeClock, TlsExpired, Proxy]),
            false => Finding::open([TlsExpired, NodeClock]),
        };
    };
    let apart =
        |one: jiff::Timestamp, other: jiff::Timestamp| (one.as_second() - other.as_second()).abs();
    if let Some(at) = case.evidence.at {
        return match apart(at, times.now) > DAY {
            true => Finding::certain(NodeClock),
            false if times.after => Finding::certain(TlsExpired),
            false => Finding::open([NodeClock, TlsExpired]),
        };
    }
    match (times.after, apart(times.now, times.limit) > DAY) {
        (true, _) if case.registry.is_well_known() => Finding::open([NodeClock, TlsExpired, Proxy]),
        // Nobody leaves a certificate expired for long; a clock is wrong by any amount.
        (true, _) if apart(times.now, times.limit) > 90 * DAY => {
            Finding::open([TlsExpired, NodeClock])
        }
        (true, _) => Finding::certain(TlsExpired),
        (false, true) => Finding::certain(NodeClock),
        (false, false) => Finding::open([NodeClock, TlsExpired]),
    }
}
