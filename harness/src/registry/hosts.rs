//! The hosts.toml by which containerd finds a registry.

use std::fmt::Write as _;

use crate::case::Variables;
use crate::case::model::{
    Hosts, ca_variable, client_certificate_variable, client_key_variable, node_variable,
};

/// A registry as a hosts.toml names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// Its base URL: `https://172.18.0.1:34567`.
    pub url: String,
    /// The path of its CA on the node; relative to the hosts.toml.
    pub ca: Option<String>,
    /// The paths of a client's certificate and of its key on the node.
    pub client: Option<(String, String)>,
}

impl HostEntry {
    /// Returns address and port alone.
    pub fn address(&self) -> &str {
        self.url.split_once("://").map_or(self.url.as_str(), |(_, address)| address)
    }
}

/// Writes the hosts.toml that a case's `hosts` describe. `entry` finds a registry of the case by
/// its name: by the address for nodes, or by that for control pulls. It is asked only for those that
/// the file leads to.
///
/// # Errors
/// Those of `entry`.
pub fn hosts_file<'a, E>(
    hosts: &'a Hosts,
    registries: impl Iterator<Item = &'a String>,
    mut entry: impl FnMut(&str) -> Result<HostEntry, E>,
) -> Result<String, E> {
    let Some(toml) = &hosts.toml else {
        let server = hosts.server.as_deref().map(&mut entry).transpose()?;
        let mirrors =
            hosts.mirrors.iter().map(|name| entry(name)).collect::<Result<Vec<_>, E>>()?;
        return Ok(hosts_toml(server.as_ref(), &mirrors));
    };
    let mut variables = Variables::default();
    for name in hosts.leads_to(registries) {
        let found = entry(name)?;
        variables.set(node_variable(name), found.address());
        variables.set(ca_variable(name), found.ca.as_deref().unwrap_or_default());
        let (certificate, key) = found.client.unwrap_or_default();
        variables.set(client_certificate_variable(name), certificate);
        variables.set(client_key_variable(name), key);
    }
    Ok(variables.fill(toml))
}

/// Writes a hosts.toml: the mirrors in their order, then `server`.
///
/// With `server` alone a failing request is sent once; a `[host]` of the same URL beside it would
/// send it twice. Certificates are always verified.
pub fn hosts_toml(server: Option<&HostEntry>, mirrors: &[HostEntry]) -> String {
    let mut file = String::new();
    if let Some(server) = server {
        setting(&mut file, "", "server", &server.url);
        // At the top of the file, settings are those of `server`.
        certificates(&mut file, "", server);
    }
    for mirror in mirrors {
        let blank = if file.is_empty() { "" } else { "\n" };
        // Writing to a String cannot fail, here and below.
        writeln!(file, "{blank}[host.{}]", text(&mirror.url)).ok();
        writeln!(file, "  capabilities = [\"pull\", \"resolve\"]").ok();
        certificates(&mut file, "  ", mirror);
    }
    file
}

fn certificates(file: &mut String, indent: &str, entry: &HostEntry) {
    if let Some(ca) = &entry.ca {
        setting(file, indent, "ca", ca);
    }
    if let Some((certificate, key)) = &entry.client {
        writeln!(file, "{indent}client = [[{}, {}]]", text(certificate), text(key)).ok();
    }
}

fn setting(file: &mut String, indent: &str, key: &str, value: &str) {
    writeln!(file, "{indent}{key} = {}", text(value)).ok();
}

fn text(value: &str) -> String {
    toml::Value::from(value).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(url: &str, ca: Option<&str>) -> HostEntry {
        HostEntry { url: url.to_owned(), ca: ca.map(str::to_owned), client: None }
    }

    #[test]
    fn a_server_alone_is_two_lines() {
        let server = entry("https://172.18.0.1:4000", Some("ca.crt"));
        assert_eq!(
            hosts_toml(Some(&server), &[]),
            "server = \"https://172.18.0.1:4000\"\nca = \"ca.crt\"\n"
        );
    }

    #[test]
    fn a_client_that_has_a_certificate_presents_it() {
        let client = Some(("a.crt".to_owned(), "a.key".to_owned()));
        let server = HostEntry { client, ..entry("https://172.18.0.1:4000", None) };
        let file = hosts_toml(Some(&server), std::slice::from_ref(&server));
        assert!(file.contains("\nclient = [[\"a.crt\", \"a.key\"]]\n"), "{file}");
        assert!(file.contains("\n  client = [[\"a.crt\", \"a.key\"]]\n"), "{file}");
    }

    #[test]
    fn mirrors_keep_their_order_and_server_comes_first() {
        let server = entry("http://172.18.0.1:4000", None);
        let mirrors = [entry("http://b:1", None), entry("https://a:2", Some("/etc/a.crt"))];
        assert_eq!(
            hosts_toml(Some(&server), &mirrors),
            "server = \"http://172.18.0.1:4000\"\n\
             \n[host.\"http://b:1\"]\n  capabilities = [\"pull\", \"resolve\"]\n\
             \n[host.\"https://a:2\"]\n  capabilities = [\"pull\", \"resolve\"]\n  ca = \"/etc/a.crt\"\n"
        );
    }

    #[test]
    fn a_text_of_the_case_gets_addresses_and_cas() {
        let toml = "[host.\"https://$REGISTRY_NODE/v2\"]\n  ca = \"$REGISTRY_CA\"\n  x = \"$OTHER_NODE $HOME\"\n";
        let hosts = Hosts { toml: Some(toml.to_owned()), ..Hosts::default() };
        let names = ["other", "registry", "unused"].map(str::to_owned);
        let mut asked = Vec::new();
        let file = hosts_file(&hosts, names.iter(), |name| {
            asked.push(name.to_owned());
            Ok::<_, ()>(match name {
                "registry" => entry("https://172.18.0.1:4000", Some("/etc/a.crt")),
                _ => entry("http://172.18.0.1:5000", None),
            })
        });
        assert_eq!(
            file.unwrap(),
            "[host.\"https://172.18.0.1:4000/v2\"]\n  ca = \"/etc/a.crt\"\n  x = \"172.18.0.1:5000 $HOME\"\n"
        );
        assert_eq!(asked, ["other", "registry"]);
    }

    #[test]
    fn a_mirror_without_server_begins_the_file() {
        let file = hosts_toml(None, &[entry("http://b:1", None)]);
        assert!(file.starts_with("[host.\"http://b:1\"]"), "{file}");
        assert!(file.parse::<toml::Table>().is_ok());
    }
}
