//! Names of registries, namespaces and hosts, and the variables that they become.

use std::collections::BTreeMap;

use crate::case::{
    error::CaseError,
    model::{
        Fault, FaultAction, Hosts, NAMESPACE_LENGTH, Tls, ca_variable, client_certificate_variable,
        client_key_variable, node_variable,
    },
    names::{EVERY_HOST, is_host, is_label, is_literal, is_variable},
    source::{Source, at, below},
    tree::Key,
    variables::{Part, parts, variable_name},
};

/// Variables that every case has, and those that a command needs for itself: a registry of such a name
/// would take the place of the folder of its programs or the like.
const RESERVED: [&str; 25] = [
    "NAMESPACE",
    "NODE",
    "PATH",
    "HOME",
    "KUBECONFIG",
    "LANG",
    "LANGUAGE",
    "DOCKER_HOST",
    "DOCKER_CONFIG",
    "DOCKER_CONTEXT",
    "DOCKER_CERT_PATH",
    "DOCKER_TLS_VERIFY",
    "ENV",
    "BASH_ENV",
    "IFS",
    "PWD",
    "OLDPWD",
    "PPID",
    "OPTIND",
    "SHELL",
    "TERM",
    "TMPDIR",
    "USER",
    "TZ",
    "HTTP_PROXY",
];

/// Beginnings of such variables.
const RESERVED_BEGINNINGS: [&str; 3] = ["LC_", "LD_", "KUBECTL_"];

/// Namespaces that belong to the cluster: a case's own is deleted after it.
const OF_THE_CLUSTER: [&str; 5] =
    ["default", "kube-system", "kube-public", "kube-node-lease", "local-path-storage"];

pub(super) fn check(source: Source<'_>) -> Result<(), CaseError> {
    let case = &source.file.case;
    namespaces(source)?;
    let mut variables = BTreeMap::new();
    for (index, name) in case.namespaces.iter().enumerate() {
        variable(source, at!["namespaces", index], "namespace", name, &mut variables)?;
    }
    for name in case.registries.keys() {
        let path = at!["registries", name];
        if is_literal(name) {
            if !is_host(name) {
                return Err(source.error(path, not_a_host(name)));
            }
        } else if !is_label(name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            let problem = format!(
                "`{name}` cannot be a registry's name; write lower-case letters, digits and `-` \
                 (`the-mirror`), or a host (`registry.example.com`)"
            );
            return Err(source.error(path, problem));
        }
        variable(source, path, "registry", name, &mut variables)?;
    }
    redirects(source)?;
    hosts(source)
}

/// A redirect leads to a registry of the case.
fn redirects(source: Source<'_>) -> Result<(), CaseError> {
    let lead = |path: &[Key<'_>], faults: &[Fault]| {
        for (at, fault) in faults.iter().enumerate() {
            if let FaultAction::Redirect(name) | FaultAction::RedirectAway(name) = &fault.action {
                source.registry_exists(&below(path, at), name)?;
            }
        }
        Ok(())
    };
    for (name, registry) in &source.file.case.registries {
        lead(at!["registries", name, "faults"], &registry.faults)?;
    }
    for (index, change) in source.file.registry_changes() {
        let faults = change.faults.as_deref().unwrap_or_default();
        lead(at!["steps", index, "registry", "faults"], faults)?;
    }
    Ok(())
}

fn namespaces(source: Source<'_>) -> Result<(), CaseError> {
    let case = &source.file.case;
    if let Some(name) = &case.namespace {
        if !is_label(name) {
            let problem = format!(
                "`{name}` cannot be a namespace; write lower-case letters, digits and `-`, at most 63"
            );
            return Err(source.error(at!["namespace"], problem));
        }
        if OF_THE_CLUSTER.contains(&name.as_str()) {
            let problem = format!(
                "the namespace `{name}` belongs to the cluster, and a case's namespace is deleted after \
                 it; choose another name"
            );
            return Err(source.error(at!["namespace"], problem));
        }
    }
    for (index, name) in case.namespaces.iter().enumerate() {
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !is_label(name) || !begins || name.len() > NAMESPACE_LENGTH {
            let problem = format!(
                "`{name}` cannot name a namespace; write lower-case letters, digits and `-`, at most \
                 {NAMESPACE_LENGTH}"
            );
            return Err(source.error(at!["namespaces", index], problem));
        }
    }
    Ok(())
}

/// Notes the variable of a name, which must be nobody else's.
fn variable(
    source: Source<'_>,
    path: &[Key<'_>],
    of: &str,
    name: &str,
    taken: &mut BTreeMap<String, String>,
) -> Result<(), CaseError> {
    let variable = variable_name(name);
    if is_reserved(&variable) {
        let problem = format!(
            "the {of} `{name}` would be `${variable}`, which has a meaning already; choose another name"
        );
        return Err(source.error(path, problem));
    }
    let this = format!("{of} `{name}`");
    match taken.get(&variable) {
        Some(other) => {
            let problem = format!("the {this} and the {other} would both be `${variable}`");
            Err(source.error(path, problem))
        }
        None => {
            taken.insert(variable, this);
            Ok(())
        }
    }
}

fn is_reserved(variable: &str) -> bool {
    RESERVED.contains(&variable)
        || RESERVED_BEGINNINGS.iter().any(|begin| variable.starts_with(begin))
}

/// The name by which an image's digest is known.
pub(super) fn digest(source: Source<'_>, path: &[Key<'_>], name: &str) -> Result<(), CaseError> {
    let case = &source.file.case;
    if !is_variable(name) {
        let problem = format!("`{name}` cannot be a variable; write capitals, digits and `_`");
        return Err(source.error(path, problem));
    }
    let taken =
        case.registries.keys().chain(&case.namespaces).any(|one| variable_name(one) == name);
    if taken || is_reserved(name) {
        return Err(source.error(path, format!("`${name}` has a meaning already")));
    }
    Ok(())
}

/// What stands for a registry in the text of a hosts.toml.
fn toml_variables(source: Source<'_>, registry: &str) -> Vec<String> {
    let mut names = vec![node_variable(registry), ca_variable(registry)];
    if source.file.case.registries[registry].tls == Tls::ClientCertificate {
        names.extend([client_certificate_variable(registry), client_key_variable(registry)]);
    }
    names
}

/// The text of a hosts.toml stands alone and names what there is.
fn own_toml(source: Source<'_>, host: &str, hosts: &Hosts) -> Result<(), CaseError> {
    let Some(toml) = &hosts.toml else { return Ok(()) };
    let path = at!["hosts", host, "toml"];
    if hosts.server.is_some() || !hosts.mirrors.is_empty() {
        let problem = "`toml` stands beside `server` or `mirrors`; write these into the text";
        return Err(source.error(path, problem));
    }
    let registries = source.file.case.registries.keys();
    let known: Vec<String> = registries.flat_map(|name| toml_variables(source, name)).collect();
    let mut used = parts(toml).filter_map(|part| match part {
        Part::Name(name) => Some(name),
        _ => None,
    });
    match used.find(|name| !known.iter().any(|known| known == name)) {
        Some(name) => {
            let problem = format!("`${name}` is not defined in a hosts.toml");
            Err(source.error(path, problem).among(name, known))
        }
        None => Ok(()),
    }
}

fn hosts(source: Source<'_>) -> Result<(), CaseError> {
    let case = &source.file.case;
    for (host, hosts) in &case.hosts {
        let path = at!["hosts", host];
        // One with a variable is checked when the variables are.
        let variable = host.contains('$');
        if !variable && !case.registries.contains_key(host) {
            if !is_literal(host) {
                let problem = format!("`{host}` is neither a registry of the case nor a host name");
                return Err(source.error(path, problem).among(host, case.registries.keys()));
            }
            if !is_host(host) && host != EVERY_HOST {
                return Err(source.error(path, not_a_host(host)));
            }
        }
        own_toml(source, host, hosts)?;
        if variable
            && (host.contains('/') || host.contains("..") || host.contains(char::is_control))
        {
            return Err(source.error(path, not_a_host(host)));
        }
        if let Some(server) = &hosts.server {
            source.registry_exists(at!["hosts", host, "server"], server)?;
        }
        for (index, mirror) in hosts.mirrors.iter().enumerate() {
            source.registry_exists(at!["hosts", host, "mirrors", index], mirror)?;
        }
    }
    Ok(())
}

fn not_a_host(name: &str) -> String {
    format!("`{name}` is not a host name; write for example `registry.example.com:5000`")
}
