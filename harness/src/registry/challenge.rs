//! The challenge of a registry, and how a case changes it.

use hyper::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::fault::with_host;
use crate::case::model::Challenge;

/// Changes realm, service and scope of a Bearer challenge. Returns whether it did.
pub(super) fn change(headers: &mut HeaderMap, change: &Challenge, host: &str) -> bool {
    if *change == Challenge::default() {
        return false;
    }
    let Some(challenge) = headers.get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let Some(text) = challenge.strip_prefix("Bearer ") else { return false };
    let mut parameters = parameters(text);
    for (name, wanted) in
        [("realm", &change.realm), ("service", &change.service), ("scope", &change.scope)]
    {
        let Some(wanted) = wanted else { continue };
        let wanted = with_host(wanted, host);
        match parameters.iter_mut().find(|(known, _)| known == name) {
            Some((_, value)) => *value = wanted,
            None => parameters.push((name.to_owned(), wanted)),
        }
    }
    let changed = parameters
        .iter()
        .map(|(name, value)| {
            format!("{name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
        })
        .collect::<Vec<_>>()
        .join(",");
    let Ok(changed) = HeaderValue::from_str(&format!("Bearer {changed}")) else { return false };
    headers.insert(WWW_AUTHENTICATE, changed);
    true
}

/// Returns the parameters of a challenge, `name="value",…`. A value may hold commas and escaped
/// quotes, or be a bare word.
pub(crate) fn parameters(text: &str) -> Vec<(String, String)> {
    let mut read = Vec::new();
    let mut rest = text.chars().peekable();
    loop {
        let name: String = rest.by_ref().take_while(|&letter| letter != '=').collect();
        if rest.peek().is_none() {
            return read;
        }
        let mut value = String::new();
        if rest.next_if_eq(&'"').is_some() {
            while let Some(letter) = rest.next() {
                match letter {
                    '"' => break,
                    '\\' => value.extend(rest.next()),
                    _ => value.push(letter),
                }
            }
        } else {
            value.extend(std::iter::from_fn(|| rest.next_if(|&letter| letter != ',')));
        }
        read.push((name.trim_matches([',', ' ']).to_owned(), value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = r#"Bearer realm="http://a/token",service="pullproof",scope="repository:a:pull,push",error="invalid_token""#;

    fn changed(sent: &'static str, change: Challenge) -> (bool, String) {
        let mut headers = HeaderMap::new();
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(sent));
        let done = super::change(&mut headers, &change, "r:5000");
        (done, headers[WWW_AUTHENTICATE].to_str().unwrap().to_owned())
    }

    #[test]
    fn nothing_to_change_leaves_it_as_it_is() {
        assert_eq!(changed(SENT, Challenge::default()), (false, SENT.to_owned()));
    }

    #[test]
    fn named_parameters_are_replaced_and_the_rest_stays() {
        let change = Challenge {
            realm: Some("http://$HOST/token?a=b".into()),
            scope: Some("repository:b:pull".into()),
            service: None,
        };
        assert_eq!(
            changed(SENT, change).1,
            r#"Bearer realm="http://r:5000/token?a=b",service="pullproof",scope="repository:b:pull",error="invalid_token""#
        );
    }

    #[test]
    fn a_missing_parameter_is_added() {
        let change = Challenge { scope: Some("repository:b:pull".into()), ..Challenge::default() };
        assert_eq!(
            changed(r#"Bearer realm="r",service="s""#, change).1,
            r#"Bearer realm="r",service="s",scope="repository:b:pull""#
        );
    }

    #[test]
    fn a_value_may_be_quoted_or_a_bare_word() {
        let read = parameters(r#"realm="https://a/t?b=c,d", service=reg.example, scope="x\"y",z="#);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let expected = [
            pair("realm", "https://a/t?b=c,d"),
            pair("service", "reg.example"),
            pair("scope", "x\"y"),
        ];
        assert_eq!(read, expected);
    }

    #[test]
    fn a_basic_challenge_stays() {
        let change = Challenge { realm: Some("x".into()), ..Challenge::default() };
        assert_eq!(changed(r#"Basic realm="pullproof""#, change).1, r#"Basic realm="pullproof""#);
    }
}
