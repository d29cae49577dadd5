//! The files that a container starts with.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use secrecy::ExposeSecret as _;

use super::{FOLDER, HTPASSWD, PORT, random};
use crate::case::model::Auth;
use crate::registry::jwt::{ISSUER, SERVICE};
use crate::registry::record::TOKEN_PATH;

/// How a container authenticates. It cannot change while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AuthKind {
    /// Not at all.
    None,
    /// htpasswd.
    Basic,
    /// Bearer tokens, verified by a JWKS.
    Token,
}

impl From<&Auth> for AuthKind {
    fn from(auth: &Auth) -> Self {
        match auth {
            Auth::None => Self::None,
            Auth::Basic(_) | Auth::Htpasswd(_) => Self::Basic,
            Auth::Token(_) => Self::Token,
        }
    }
}

/// The registry's config.yml.
pub(super) fn config(kind: AuthKind) -> String {
    let auth = match kind {
        AuthKind::None => String::new(),
        AuthKind::Basic => {
            format!("auth:\n  htpasswd:\n    realm: pullproof\n    path: {FOLDER}/{HTPASSWD}\n")
        }
        // With autoredirect the realm is on the host that the client asked, so one container serves
        // node and host alike.
        AuthKind::Token => format!(
            "auth:\n  token:\n    realm: http://unused.invalid{TOKEN_PATH}\n    autoredirect: true\n    \
             autoredirectpath: {TOKEN_PATH}\n    service: {SERVICE}\n    issuer: {ISSUER}\n    \
             jwks: {FOLDER}/jwks.json\n"
        ),
    };
    format!(
        "version: 0.1\n\
         log:\n  level: info\n  formatter: json\n\
         storage:\n  inmemory: {{}}\n  delete:\n    enabled: true\n\
         http:\n  addr: :{PORT}\n  secret: {}\n\
         {auth}",
        random().expose_secret()
    )
}

/// A folder with files, to be copied, that only this user can read. It lies in `parent`, or where
/// temporary files usually do.
pub(super) fn folder(
    files: &[(&str, String)],
    parent: Option<&Path>,
) -> std::io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.permissions(Permissions::from_mode(0o700));
    let folder = match parent {
        Some(parent) => builder.tempdir_in(parent)?,
        None => builder.tempdir()?,
    };
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_lie_where_they_are_wanted_and_nobody_else_reads_them() {
        let parent = tempfile::tempdir().unwrap();
        let files = [(HTPASSWD, "janedoe:$2y$".to_owned())];
        let folder = folder(&files, Some(parent.path())).unwrap();
        assert_eq!(folder.path().parent(), Some(parent.path()));
        let mode = folder.path().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(std::fs::read_to_string(folder.path().join(HTPASSWD)).unwrap(), files[0].1);
    }

    #[test]
    fn the_configuration_is_yaml_with_the_wanted_authentication() {
        for (kind, key) in [(AuthKind::Basic, "htpasswd"), (AuthKind::Token, "token")] {
            let read: serde_json::Value = serde_saphyr::from_str(&config(kind)).unwrap();
            assert!(read["auth"][key].is_object(), "{read}");
            assert_eq!(read["storage"]["delete"]["enabled"], true);
        }
        let none: serde_json::Value = serde_saphyr::from_str(&config(AuthKind::None)).unwrap();
        assert!(none["auth"].is_null());
    }
}
