//! The hosts.toml by which containerd finds a registry.

use std::fmt::Write as _;

/// A registry as a hosts.toml names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostEntry {
    /// Its base URL: `https://172.18.0.1:34567`.
    pub url: String,
    /// The path of its CA on the node; relative to the hosts.toml.
    pub ca: Option<String>,
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
        if let Some(ca) = &server.ca {
            setting(&mut file, "", "ca", ca);
        }
    }
    for mirror in mirrors {
        let blank = if file.is_empty() { "" } else { "\n" };
        // Writing to a String cannot fail, here and below.
        writeln!(file, "{blank}[host.{}]", text(&mirror.url)).ok();
        writeln!(file, "  capabilities = [\"pull\", \"resolve\"]").ok();
        if let Some(ca) = &mirror.ca {
            setting(&mut file, "  ", "ca", ca);
        }
    }
    file
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
        HostEntry { url: url.to_owned(), ca: ca.map(str::to_owned) }
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
    fn a_mirror_without_server_begins_the_file() {
        let file = hosts_toml(None, &[entry("http://b:1", None)]);
        assert!(file.starts_with("[host.\"http://b:1\"]"), "{file}");
        assert!(file.parse::<toml::Table>().is_ok());
    }
}
