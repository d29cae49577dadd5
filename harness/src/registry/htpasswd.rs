//! The htpasswd file of a registry container.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use secrecy::{ExposeSecret as _, SecretString};

use super::password::stand_in;

/// The container checks the password with each request, so the least cost that bcrypt knows is
/// the right one here: the default takes 50 ms a request.
const COST: u32 = 4;

/// Why users cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum HtpasswdError {
    /// A name that Basic credentials or the file cannot carry.
    #[error("user {0:?} cannot be in an htpasswd file: no colon, no line break, no leading #")]
    User(String),
    /// A password that bcrypt does not take.
    #[error("the password of user {user:?} cannot be hashed")]
    Password {
        /// The user.
        user: String,
        /// Why.
        #[source]
        source: bcrypt::BcryptError,
    },
}

/// Writes users and passwords as the registry reads them. A password that bcrypt would confuse with
/// others is written by its stand-in.
pub(super) fn htpasswd(users: &BTreeMap<String, SecretString>) -> Result<String, HtpasswdError> {
    let mut file = String::new();
    for (user, password) in users {
        if user.is_empty() || user.starts_with('#') || user.contains([':', '\n', '\r']) {
            return Err(HtpasswdError::User(user.clone()));
        }
        let password = password.expose_secret();
        let hash = match stand_in(password.as_bytes()) {
            Some(stand_in) => bcrypt::hash(stand_in, COST),
            None => bcrypt::hash(password, COST),
        }
        .map_err(|source| HtpasswdError::Password { user: user.clone(), source })?;
        // Writing to a String cannot fail.
        writeln!(file, "{user}:{hash}").ok();
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_user_is_a_line_whose_hash_verifies() {
        let users = BTreeMap::from([
            ("janedoe".to_owned(), SecretString::from("p&$:\"\\")),
            ("other".to_owned(), "x".into()),
        ]);
        let file = htpasswd(&users).unwrap();
        let lines: Vec<_> = file.lines().map(|line| line.split_once(':').unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].0, "janedoe");
        assert!(bcrypt::verify("p&$:\"\\", lines[0].1).unwrap());
        assert!(lines[0].1.starts_with("$2b$04$"), "{}", lines[0].1);
        assert!(!file.contains("p&$"));
    }

    #[test]
    fn no_long_password_verifies_by_its_beginning() {
        let users = BTreeMap::from([("janedoe".to_owned(), SecretString::from("x".repeat(80)))]);
        let file = htpasswd(&users).unwrap();
        let hash = file.trim_end().split_once(':').unwrap().1;
        for wrong in [72, 73, 80] {
            assert!(!bcrypt::verify("x".repeat(wrong), hash).unwrap(), "{wrong}");
        }
        assert!(bcrypt::verify(stand_in("x".repeat(80).as_bytes()).unwrap(), hash).unwrap());
    }

    #[test]
    fn a_name_that_breaks_the_file_is_refused() {
        for name in ["", "a:b", "#a", "a\nb"] {
            let users = BTreeMap::from([(name.to_owned(), SecretString::from("x"))]);
            assert!(matches!(htpasswd(&users), Err(HtpasswdError::User(_))), "{name:?}");
        }
    }
}
