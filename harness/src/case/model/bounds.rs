//! Values that a type takes and a registry cannot use, refused when a case is read.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use serde::de::{Deserialize, Deserializer, Error as _};

use crate::case::names::{is_repository, is_tag};

/// The pattern of a user: Basic credentials end the name at the first colon.
pub(in crate::case) const USER: &str = r"^[^#:\n\r\x00][^:\n\r\x00]*$";
/// The pattern of a header's name (RFC 9110, section 5.6.2).
pub(in crate::case) const HEADER: &str = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// The most random data that an image is padded with: it is built in memory.
const MOST_PADDING: u64 = 1 << 30;
/// A year, in seconds.
const YEAR: u64 = 365 * 24 * 60 * 60;

/// Reads the status of an answer. One below 200 is not the last that a client gets.
pub(super) fn status<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    let status = within(from, 200..=599, "the status of an HTTP answer, from 200 to 599")?;
    u16::try_from(status).map_err(D::Error::custom)
}

/// Reads which of the requests is meant.
pub(super) fn nth<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
    let expected = "which of the matching requests, counted from 1";
    within(from, 1..=u64::MAX, expected).map(Some)
}

/// Reads the bytes of an image's padding.
pub(super) fn padding<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    within(
        from,
        0..=MOST_PADDING,
        "at most 1073741824 bytes (1 GiB), as images are built in memory",
    )
}

/// Reads a time in seconds.
pub(super) fn seconds<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
    within(from, 0..=YEAR, "at most 31536000 seconds, a year")
}

fn within<'de, D: Deserializer<'de>>(
    from: D,
    range: RangeInclusive<u64>,
    expected: &str,
) -> Result<u64, D::Error> {
    let value = u64::deserialize(from)?;
    match range.contains(&value) {
        true => Ok(value),
        false => Err(D::Error::custom(format!("`{value}` is out of range; expected {expected}"))),
    }
}

/// Reads what headers of requests contain. Credentials are not kept, so they are not looked for here.
pub(in crate::case) fn request_headers<'de, D>(
    from: D,
) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let headers = BTreeMap::<String, String>::deserialize(from)?;
    for name in headers.keys() {
        match HeaderName::try_from(name.as_str()) {
            Ok(known) if is_secret(&known) => {
                let problem = format!(
                    "`{name}` holds credentials, which are not recorded; expected `user` and \
                     `password` in its place"
                );
                return Err(D::Error::custom(problem));
            }
            Ok(_) => {}
            Err(_) => {
                return Err(D::Error::custom(format!("{name:?} is not the name of a header")));
            }
        }
    }
    Ok(headers)
}

/// Whether a header of a request holds credentials.
pub(crate) fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION].contains(name)
}

/// Reads users by name.
pub(in crate::case) fn users<'de, D, T>(from: D) -> Result<BTreeMap<String, T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let users = BTreeMap::<String, T>::deserialize(from)?;
    let breaks = |name: &&String| {
        name.is_empty() || name.starts_with('#') || name.contains([':', '\n', '\r', '\0'])
    };
    match users.keys().find(breaks) {
        Some(name) => Err(D::Error::custom(format!(
            "{name:?} cannot be a user; expected a user name without colon or line break that does \
             not begin with #: Basic credentials end the name at the first colon"
        ))),
        None => Ok(users),
    }
}

/// Checks the name of an image in a registry.
pub(super) fn image_name(name: &str) -> Result<(), String> {
    let named = name
        .rsplit_once(':')
        .is_some_and(|(repository, tag)| is_repository(repository) && is_tag(tag));
    match named {
        true => Ok(()),
        false => Err(format!(
            "{name:?} is not an image of a registry; expected repository:tag, \
             such as janedoe/jdoe-private:v1"
        )),
    }
}

/// Reads an htpasswd file. A line without a colon would make the registry refuse all of it
/// (registry/auth/htpasswd/htpasswd.go of distribution).
pub(super) fn htpasswd<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    let passed_over = |line: &str| line.is_empty() || line.starts_with('#');
    match text.lines().map(str::trim).find(|line| !passed_over(line) && !line.contains(':')) {
        Some(_) => Err(D::Error::custom(
            "a line of the htpasswd file has no colon; expected lines of the form user:hash",
        )),
        None => Ok(text),
    }
}
