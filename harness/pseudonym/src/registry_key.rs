//! The key of an entry: its host, and what else may stand in a URL.

use crate::shape::{self, At, Kind, Renaming};
use crate::units::Units;

/// Renames the host of a key, and user, password, query and fragment. Scheme, port and path stay.
pub(crate) fn rename(key: &[u8], names: &mut dyn Renaming) -> Vec<u8> {
    let scheme = key
        .windows(3)
        .position(|window| window == b"://")
        .filter(|&end| end <= 8 && key[..end].iter().all(u8::is_ascii_alphabetic));
    let (scheme, rest) = key.split_at(scheme.map_or(0, |end| end + 3));
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let path_end = rest.iter().position(|byte| b"?#".contains(byte)).unwrap_or(rest.len());
    let (path, query) = rest.split_at(path_end);
    let (user, host) = match authority.iter().rposition(|&byte| byte == b'@') {
        Some(at) => authority.split_at(at + 1),
        None => (&b""[..], authority),
    };
    let user = login(user, names);
    let query = query.chunk_by(|_, &next| !b"?#".contains(&next)).map(|part| {
        let at = At::new(None, "the query of a key", Kind::Other);
        let (mark, part) = part.split_at(1);
        [mark, &escaped(part, &at, names)].concat()
    });
    let query = query.collect::<Vec<_>>().concat();
    [scheme, user.as_slice(), &authority_host(host, names), path, &query].concat()
}

/// Renames the host of an image, if it names one (`splitDockerDomain` of
/// github.com/distribution/reference).
pub(crate) fn rename_image(image: &str, names: &mut dyn Renaming) -> String {
    let Some((host, rest)) = image.split_once('/') else { return image.to_owned() };
    let is_host =
        host == "localhost" || host.contains(['.', ':']) || host.chars().any(char::is_uppercase);
    if !is_host {
        return image.to_owned();
    }
    let host = authority_host(host.as_bytes(), names);
    format!("{}/{rest}", String::from_utf8_lossy(&host))
}

/// `user:password@`.
fn login(text: &[u8], names: &mut dyn Renaming) -> Vec<u8> {
    let Some((_, login)) = text.split_last() else { return Vec::new() };
    let of_user = At::new(None, "the user name in a key", Kind::User);
    let of_password = At::new(None, "the password in a key", Kind::Password);
    let renamed = match login.iter().position(|&byte| byte == b':') {
        Some(colon) => {
            let (user, password) = (&login[..colon], &login[colon + 1..]);
            names.login(&Units::of_url(user).decoded, &Units::of_url(password).decoded);
            let user = escaped(user, &of_user, names);
            [user.as_slice(), b":", &escaped(password, &of_password, names)].concat()
        }
        None => escaped(login, &of_user, names),
    };
    [renamed.as_slice(), b"@"].concat()
}

fn escaped(text: &[u8], at: &At, names: &mut dyn Renaming) -> Vec<u8> {
    let units = Units::of_url(text);
    let renamed = shape::value(&units.decoded, at, names);
    units.write(&renamed)
}

/// Renames a host with its port. An IPv6 address stays.
fn authority_host(text: &[u8], names: &mut dyn Renaming) -> Vec<u8> {
    let colon = text.iter().position(|&byte| byte == b':').unwrap_or(text.len());
    let bracket = text[..colon].iter().rposition(|&byte| b"[]".contains(&byte));
    let end = match bracket {
        Some(open) if text[open] == b'[' && colon < text.len() => open,
        _ => colon,
    };
    let (host, rest) = text.split_at(end);
    [names.host(host).as_slice(), rest].concat()
}
