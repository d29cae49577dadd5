//! Fields of a message: status codes, addresses, hosts, images, times and platforms.

use crate::sign::Times;

/// Returns the first HTTP status in the text: a word of three digits from 300 to 599.
pub(crate) fn status(text: &str) -> Option<u16> {
    text.split_whitespace().find_map(|word| {
        let word = word.trim_matches(['(', ')', ',', ':', ';', '"', '.', ']', '[']);
        let code = (word.len() == 3).then(|| word.parse::<u16>().ok()).flatten()?;
        (300..600).contains(&code).then_some(code)
    })
}

/// Returns the first `http://` or `https://` address in the text.
pub(crate) fn url(text: &str) -> Option<&str> {
    let start = text.find("https://").into_iter().chain(text.find("http://")).min()?;
    let rest = &text[start..];
    let end = rest
        .find(|char: char| char.is_whitespace() || matches!(char, '"' | '\'' | ',' | '\\' | '>'))
        .unwrap_or(rest.len());
    let url = rest[..end].trim_end_matches([':', ')', ']', '.']);
    (url.len() > "https://".len()).then_some(url)
}

/// Returns the last address in the text.
pub(crate) fn last_url(text: &str) -> Option<&str> {
    text.rfind("http").and_then(|start| url(&text[start..]))
}

/// Returns host and port of an address.
pub(crate) fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?']).next()?;
    let host = host.rsplit('@').next()?;
    (!host.is_empty()).then_some(host)
}

/// Returns a host without its port; of an IPv6 address, without brackets.
pub(crate) fn without_port(host: &str) -> &str {
    if let Some(rest) = host.strip_prefix('[') {
        return rest.split(']').next().unwrap_or(rest);
    }
    match host.rsplit_once(':') {
        Some((name, _)) if !name.contains(':') => name,
        _ => host,
    }
}

/// Returns the first word in double quotes that follows the words, if any occurrence has one.
pub(crate) fn quoted_after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    const OCCURRENCES: usize = 8;
    text.match_indices(words).take(OCCURRENCES).find_map(|(at, _)| {
        let rest = text[at + words.len()..].trim_start().strip_prefix('"')?;
        let quoted = rest.split('"').next()?;
        // The quote could have closed a phrase of the log rather than opened a name.
        let is_word = !quoted.is_empty()
            && !quoted.contains(|char: char| char.is_whitespace() || char == '=');
        is_word.then_some(quoted)
    })
}

/// Reads ` 2025-06-12T03:05:25Z is after 2025-06-07T05:48:45Z`.
pub(crate) fn times(text: &str) -> Option<Times> {
    let mut words = text.split_whitespace();
    let now = words.next()?.parse().ok()?;
    let (is, after) = (words.next()?, words.next()?);
    let limit =
        words.next()?.trim_end_matches(['"', ',', ']', ')', ';', '.', '\\']).parse().ok()?;
    match (is, after) {
        ("is", "after") => Some(Times { now, limit, after: true }),
        ("is", "before") => Some(Times { now, limit, after: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::containerd(" https://reg.example.net/v2/a/manifests/200: 404 Not Found", Some(404))]
    #[case::crio(" 403 (Forbidden)", Some(403))]
    #[case::punctuated(": 401, \"body\"", Some(401))]
    #[case::port("dial tcp 10.0.0.1:443: refused", None)]
    #[case::tag("app:500 missing", None)]
    #[case::success("200 OK", None)]
    fn statuses(#[case] text: &str, #[case] expected: Option<u16>) {
        assert_eq!(status(text), expected);
    }

    #[rstest]
    #[case(
        "Head \"https://reg.example.net:5000/v2/\": EOF",
        Some("https://reg.example.net:5000/v2/")
    )]
    #[case("Get http://reg/v2/: x", Some("http://reg/v2/"))]
    #[case("no address", None)]
    #[case("https://", None)]
    fn urls(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(url(text), expected);
    }

    #[rstest]
    #[case("reg:5000", "reg")]
    #[case("[::1]:53", "::1")]
    #[case("fe80::1", "fe80::1")]
    #[case("reg", "reg")]
    fn ports(#[case] host: &str, #[case] expected: &str) {
        assert_eq!(without_port(host), expected);
    }

    #[test]
    fn both_times_are_read() {
        let times = times(" 2025-06-12T03:05:25Z is after 2025-06-07T05:48:45Z\"").unwrap();
        assert!(times.after && times.now > times.limit);
    }
}
