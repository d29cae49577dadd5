//! Registries, their faults and images, and hosts.toml files.

use super::{HEAD, POD, error, with};

/// A case whose registry is written out.
fn registry(fields: &str) -> String {
    error(&format!(
        "title: t\nsource: s\nregistries:\n  registry: {{{fields}}}\nsteps: [{{run: a}}]\n"
    ))
}

#[test]
fn values_that_a_registry_cannot_use() {
    let faulty = |fault: &str| registry(&format!("auth: none, faults: [{fault}]"));
    for (error, expected) in [
        (
            faulty("{nth: 0, action: resetPeer}"),
            "`0` is out of range; expected which of the matching",
        ),
        (faulty("{action: {status: 99}}"), "`99` is out of range; expected the status of an HTTP"),
        (
            faulty("{action: {status: 9999}}"),
            "`9999` is out of range; expected the status of an HTTP",
        ),
        (faulty("{action: {withoutChallenge: 600}}"), "`600` is out of range; expected the status"),
        (
            registry("auth: none, images: [{name: 'a:v1', padding: 10000000000000}]"),
            "`10000000000000` is out of range; expected at most 1073741824 bytes (1 GiB)",
        ),
        (
            registry("auth: {token: {public: [a], expires: 9223372036854775807}}"),
            "expected at most 31536000 seconds",
        ),
        (faulty("{action: {ignore: ['a b']}}"), "\"a b\" is not the name of a header"),
        (faulty("{action: {headers: {Connection: x}}}"), "`Connection` is the connection's own"),
        (
            faulty("{action: {headers: {X: {a: b}}}}"),
            "cannot be the value of a header; expected a text",
        ),
        (
            faulty("{action: {headers: {X: \"a\\nb\"}}}"),
            "cannot be the value of a header; expected one",
        ),
        (
            faulty("{kind: manifst, action: resetPeer}"),
            "unknown value `manifst`; did you mean `manifest`?",
        ),
        (registry("auth: {htpasswd: \"a:b\\nc\"}"), "expected lines of the form user:hash"),
        (registry("auth: {basic: {'a:b': x}}"), "expected a user name without colon"),
        (registry("auth: {basic: {'': x}}"), "expected a user name without colon"),
        (
            registry("auth: {token: {users: {'a:b': {password: x}}}}"),
            "expected a user name without colon",
        ),
        (registry("auth: none, images: [app]"), "\"app\" is not an image of a registry; expected"),
        (registry("auth: none, images: ['App:v1']"), "\"App:v1\" is not an image of a registry"),
        (registry("auth: none, images: ['app:']"), "\"app:\" is not an image of a registry"),
        (with("- registry: {users: {'a:b': x}}\n"), "expected a user name without colon"),
        (with("- registry: {push: [team/app]}\n"), "\"team/app\" is not an image of a registry"),
    ] {
        assert!(error.contains(expected), "{error}");
        assert!(error.starts_with("theme/case.yaml:"), "{error}");
    }
}

#[test]
fn a_redirect_to_nowhere() {
    let error = with("- registry: {faults: [{action: {redirectToOtherHost: registy}}]}\n");
    assert!(
        error
            .contains("the registry `registy` is not among `registries`; did you mean `registry`?"),
        "{error}"
    );
}

#[test]
fn a_hosts_toml_of_the_cases_own() {
    let hosts = |fields: &str| {
        error(&format!(
            "{HEAD}hosts:\n  a.example.com: {{{fields}}}\n{POD}- expect: {{pod: app, phase: Running}}\n"
        ))
    };
    let error = hosts("server: registry, toml: x");
    assert!(error.contains("`toml` stands beside `server` or `mirrors`"), "{error}");
    let error = hosts("toml: 'server = \"http://$REGISTY_NODE\"'");
    assert!(
        error.contains(
            "`$REGISTY_NODE` is not defined in a hosts.toml; did you mean `REGISTRY_NODE`?"
        ),
        "{error}"
    );
}
