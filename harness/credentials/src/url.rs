//! Host and path of a key or an image, as Go's `net/url` reads them after `https://`.

use std::net::Ipv6Addr;

use crate::version::{Brackets, Rules};

/// Why a key is not a URL. The kubelet logs it and goes on as if the key were not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// A line break, a tab or another control character.
    #[error("it has a control character, such as a line break")]
    ControlCharacter,
    /// A `%` that no two hexadecimal digits follow, or one that a host cannot have.
    #[error("it has a % that is no escape")]
    Escape,
    /// A character that a host cannot have, such as a space.
    #[error("its host has a character that hosts cannot have")]
    HostCharacter,
    /// Something other than digits after the host's colon.
    #[error("its port is not a number")]
    Port,
    /// More than one colon in the host, which Kubernetes 1.36 and later refuse.
    #[error("its host has more than one colon")]
    Colons,
    /// Square brackets around something other than an IPv6 address.
    #[error("its host has brackets that hold no IPv6 address")]
    Brackets,
    /// A character before `@` that a user name cannot have.
    #[error("its user name has a character that it cannot have")]
    UserInfo,
}

/// What the keyring keeps of a URL. Escapes can stand for any byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(crate) host: Vec<u8>,
    pub(crate) path: Vec<u8>,
}

impl Url {
    /// Reads what follows `https://` (`Parse` in net/url/url.go).
    pub(crate) fn parse(rest: &[u8], rules: Rules) -> Result<Self, UrlError> {
        let (rest, fragment) = cut(rest, b'#');
        if rest.iter().any(|&byte| byte < b' ' || byte == 0x7f) {
            return Err(UrlError::ControlCharacter);
        }
        let (rest, _query) = cut(rest, b'?');
        let slash = rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
        let host = authority(&rest[..slash], rules)?;
        let path = unescape(&rest[slash..], Part::Other)?;
        unescape(fragment, Part::Other)?;
        Ok(Self { host, path })
    }

    /// Returns the host without its port, and the port (`SplitURL` in keyring.go). Where the two
    /// cannot be told apart, the port is empty and an IPv6 address keeps its brackets.
    pub(crate) fn host_and_port(&self) -> (&[u8], &[u8]) {
        split_host_port(&self.host).unwrap_or((&self.host, b""))
    }
}

fn cut(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    match text.iter().position(|&byte| byte == at) {
        Some(place) => (&text[..place], &text[place + 1..]),
        None => (text, b""),
    }
}

fn authority(text: &[u8], rules: Rules) -> Result<Vec<u8>, UrlError> {
    let Some(at) = text.iter().rposition(|&byte| byte == b'@') else { return host(text, rules) };
    let (user, rest) = (&text[..at], &text[at + 1..]);
    let host = host(rest, rules)?;
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
    if !user.iter().all(allowed) {
        return Err(UrlError::UserInfo);
    }
    // A colon separates user and password before their escapes are read, so none spans it.
    let (name, password) = cut(user, b':');
    unescape(name, Part::Other)?;
    unescape(password, Part::Other)?;
    Ok(host)
}

fn host(text: &[u8], rules: Rules) -> Result<Vec<u8>, UrlError> {
    let bracket = text.iter().rposition(|&byte| byte == b'[');
    match (rules.brackets, bracket) {
        (Brackets::AtStart, Some(1..)) => Err(UrlError::Brackets),
        (Brackets::AtStart | Brackets::Address, Some(open)) => address(text, open),
        (Brackets::Any, _) if text.starts_with(b"[") => anything_in_brackets(text),
        _ => {
            let first = text.iter().position(|&byte| byte == b':');
            let last = text.iter().rposition(|&byte| byte == b':');
            if rules.strict_colons && first != last {
                return Err(UrlError::Colons);
            }
            if let Some(colon) = last {
                optional_port(&text[colon..])?;
            }
            unescape(text, Part::Host)
        }
    }
}

/// An IPv6 address between the brackets. What stands before them is lost.
fn address(text: &[u8], open: usize) -> Result<Vec<u8>, UrlError> {
    let close = text.iter().rposition(|&byte| byte == b']').ok_or(UrlError::Brackets)?;
    let port = &text[close + 1..];
    optional_port(port)?;
    // A bracket that opens after the last one that closes was refused as a port.
    let inside = text.get(open + 1..close).ok_or(UrlError::Brackets)?;
    let address = match find(inside, b"%25") {
        Some(zone) => {
            let mut address = unescape(&inside[..zone], Part::Host)?;
            address.extend(unescape(&inside[zone..], Part::Zone)?);
            address
        }
        None => unescape(inside, Part::Host)?,
    };
    if !is_ipv6(&address) {
        return Err(UrlError::Brackets);
    }
    Ok([b"[", address.as_slice(), b"]", port].concat())
}

/// As until Go 1.24.7: nothing looks at what the brackets hold.
fn anything_in_brackets(text: &[u8]) -> Result<Vec<u8>, UrlError> {
    let close = text.iter().rposition(|&byte| byte == b']').ok_or(UrlError::Brackets)?;
    optional_port(&text[close + 1..])?;
    match find(&text[..close], b"%25") {
        Some(zone) => {
            let mut host = unescape(&text[..zone], Part::Host)?;
            host.extend(unescape(&text[zone..close], Part::Zone)?);
            host.extend(unescape(&text[close..], Part::Host)?);
            Ok(host)
        }
        None => unescape(text, Part::Host),
    }
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

/// As `netip.ParseAddr`, but for IPv4. A zone may be anything but empty.
fn is_ipv6(text: &[u8]) -> bool {
    let (address, zone) = match text.iter().position(|&byte| byte == b'%') {
        Some(place) => (&text[..place], Some(&text[place + 1..])),
        None => (text, None),
    };
    let address = std::str::from_utf8(address).unwrap_or("");
    address.parse::<Ipv6Addr>().is_ok() && zone.is_none_or(|zone| !zone.is_empty())
}

fn optional_port(text: &[u8]) -> Result<(), UrlError> {
    match text {
        [] => Ok(()),
        [b':', digits @ ..] if digits.iter().all(u8::is_ascii_digit) => Ok(()),
        _ => Err(UrlError::Port),
    }
}

/// The part of a URL that is unescaped, for their rules differ.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Zone,
    Other,
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, UrlError> {
    let mut unescaped = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'%' {
            if part != Part::Other && byte.is_ascii() && !in_host(*byte) {
                return Err(UrlError::HostCharacter);
            }
            unescaped.push(*byte);
            continue;
        }
        let [high, low, after @ ..] = rest else { return Err(UrlError::Escape) };
        rest = after;
        let byte = hexadecimal(*high).zip(hexadecimal(*low)).ok_or(UrlError::Escape)?;
        let byte = byte.0 << 4 | byte.1;
        let allowed = match part {
            // In a host escapes are for bytes beyond ASCII, and for the percent sign of a zone.
            Part::Host => !byte.is_ascii() || byte == b'%',
            Part::Zone => byte == b'%' || byte == b' ' || in_host(byte),
            Part::Other => true,
        };
        if !allowed {
            return Err(UrlError::Escape);
        }
        unescaped.push(byte);
    }
    Ok(unescaped)
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn in_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$&'()*+,;=:[]<>\"-_.~".contains(&byte)
}

/// `SplitHostPort` of net/ipsock.go.
fn split_host_port(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().rposition(|&byte| byte == b':')?;
    let (host, after) = if text.starts_with(b"[") {
        let close = text.iter().position(|&byte| byte == b']')?;
        if close + 1 != colon || text[1..].contains(&b'[') {
            return None;
        }
        (&text[1..close], &text[close + 1..])
    } else {
        let host = &text[..colon];
        if host.contains(&b':') || text.contains(&b'[') {
            return None;
        }
        (host, text)
    };
    if after.contains(&b']') { None } else { Some((host, &text[colon + 1..])) }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::KubernetesVersion;

    fn parse(text: &str, minor: u32) -> Result<(String, String), UrlError> {
        let url = Url::parse(text.as_bytes(), KubernetesVersion::new(minor, 4).rules())?;
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Ok((text(url.host), text(url.path)))
    }

    #[rstest]
    #[case("reg:5000/v2/", "reg:5000", "/v2/")]
    #[case("user:p@ss@reg/team", "reg", "/team")]
    #[case("reg:/a", "reg:", "/a")]
    #[case("reg/a?b#c", "reg", "/a")]
    #[case("reg#a\nb", "reg", "")]
    #[case("re%c3%a9g/%41%20", "reég", "/A ")]
    #[case("HTTPS://reg", "HTTPS:", "//reg")]
    #[case("[fe80::1%25en0]:80/a", "[fe80::1%en0]:80", "/a")]
    #[case("*.reg", "*.reg", "")]
    fn hosts_and_paths_are_split(#[case] text: &str, #[case] host: &str, #[case] path: &str) {
        for minor in [27, 34, 37] {
            assert_eq!(parse(text, minor), Ok((host.into(), path.into())), "1.{minor}");
        }
    }

    #[rstest]
    #[case("reg\n", UrlError::ControlCharacter)]
    #[case("reg/%zz", UrlError::Escape)]
    #[case("reg/%4", UrlError::Escape)]
    #[case("reg#%", UrlError::Escape)]
    #[case("r%41g", UrlError::Escape)]
    #[case("my reg", UrlError::HostCharacter)]
    #[case("reg\\a", UrlError::HostCharacter)]
    #[case("reg:5000a", UrlError::Port)]
    #[case("[::1]80", UrlError::Port)]
    #[case("[::1", UrlError::Brackets)]
    #[case("jané@reg", UrlError::UserInfo)]
    fn others_are_refused_by_every_version(#[case] text: &str, #[case] error: UrlError) {
        for minor in [27, 34, 37] {
            assert_eq!(parse(text, minor), Err(error), "1.{minor}");
        }
    }

    #[rstest]
    #[case("reg[01]", Some("reg[01]"), None, None)]
    #[case("[ab]c", None, None, None)]
    #[case("[ab]", Some("[ab]"), None, None)]
    #[case("[1.2.3.4]", Some("[1.2.3.4]"), None, None)]
    #[case("reg[::1]:80", Some("reg[::1]:80"), Some("[::1]:80"), None)]
    #[case("a:1:2", Some("a:1:2"), Some("a:1:2"), None)]
    #[case(
        "[::ffff:1.2.3.4]",
        Some("[::ffff:1.2.3.4]"),
        Some("[::ffff:1.2.3.4]"),
        Some("[::ffff:1.2.3.4]")
    )]
    fn brackets_and_colons_depend_on_the_version(
        #[case] text: &str,
        #[case] old: Option<&str>,
        #[case] middle: Option<&str>,
        #[case] new: Option<&str>,
    ) {
        for (minor, host) in [(27, old), (34, middle), (37, new)] {
            let read = parse(text, minor).ok().map(|(host, _)| host);
            assert_eq!(read.as_deref(), host, "1.{minor}");
        }
    }

    #[rstest]
    #[case("reg:5000", "reg", "5000")]
    #[case("reg", "reg", "")]
    #[case("[::1]:5000", "::1", "5000")]
    #[case("[::1]", "[::1]", "")]
    #[case("a:1:2", "a:1:2", "")]
    fn ports_are_split_from_hosts(#[case] text: &str, #[case] host: &str, #[case] port: &str) {
        let url = Url { host: text.into(), path: Vec::new() };
        assert_eq!(url.host_and_port(), (host.as_bytes(), port.as_bytes()));
    }
}
