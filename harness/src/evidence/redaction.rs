//! Hiding a case's secrets in whatever is shown or written.

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};

/// What stands where a secret stood.
const HIDDEN: &str = "[redacted]";

/// The secrets of a case, in every form in which they may come back.
#[derive(Debug, Clone, Default)]
pub struct Redaction(Vec<SecretString>);

impl Redaction {
    /// Hides these from now on. Empty ones cannot be told from anything else and are left out.
    pub fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut all: Vec<SecretString> =
            secrets.into_iter().filter(|secret| !secret.expose_secret().is_empty()).collect();
        // Longest first: one secret may be part of another.
        all.sort_by_key(|secret| std::cmp::Reverse(secret.expose_secret().len()));
        Self(all)
    }

    /// The text without the secrets: as they are, escaped as JSON escapes them, and in any base64
    /// text that decodes to something with one of them in it (an `auth`, a whole secret's data).
    ///
    /// ```
    /// use pullproof::evidence::Redaction;
    /// let redaction = Redaction::new(["hunter22".into()]);
    /// assert_eq!(redaction.hide("--password=hunter22"), "--password=[redacted]");
    /// // base64 of "janedoe:hunter22"
    /// assert_eq!(redaction.hide("auth: amFuZWRvZTpodW50ZXIyMg=="), "auth: [redacted]");
    /// ```
    pub fn hide(&self, text: &str) -> String {
        if self.0.is_empty() {
            return text.to_owned();
        }
        let mut hidden = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let plain = rest.find(is_base64).unwrap_or(rest.len());
            hidden.push_str(&rest[..plain]);
            rest = &rest[plain..];
            let end = rest.find(|c| !is_base64(c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            hidden.push_str(if self.is_encoded_secret(word) { HIDDEN } else { word });
            rest = after;
        }
        for secret in &self.0 {
            let secret = secret.expose_secret();
            hidden = hidden.replace(secret, HIDDEN);
            let escaped = serde_json::Value::from(secret).to_string();
            let escaped = escaped.trim_matches('"');
            if escaped != secret {
                hidden = hidden.replace(escaped, HIDDEN);
            }
        }
        hidden
    }

    fn is_encoded_secret(&self, word: &str) -> bool {
        self.holds_secret(word, 2)
    }

    /// A secret's data holds an `auth`, which is base64 in base64.
    fn holds_secret(&self, word: &str, depth: u8) -> bool {
        let plain = word.trim_end_matches('=');
        // Four characters are three bytes; a remainder of one decodes to nothing.
        let whole = &plain[..plain.len() - usize::from(plain.len() % 4 == 1)];
        let padded = format!("{whole}{}", "=".repeat((4 - whole.len() % 4) % 4));
        let Ok(bytes) = STANDARD.decode(padded) else { return false };
        let text = String::from_utf8_lossy(&bytes);
        self.0.iter().any(|secret| text.contains(secret.expose_secret()))
            || (depth > 0
                && text
                    .split(|c| !is_base64(c))
                    .filter(|inner| inner.len() >= 8)
                    .any(|inner| self.holds_secret(inner, depth - 1)))
    }
}

fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=')
}

#[cfg(test)]
mod tests {
    use super::*;

    const CANARY: &str = "c4n4ry-Passw0rd\"$";

    fn hide(text: &str) -> String {
        Redaction::new([CANARY.into(), "".into()]).hide(text)
    }

    #[test]
    fn a_secret_is_hidden_in_every_form() {
        let auth = STANDARD.encode(format!("janedoe:{CANARY}"));
        let config = serde_json::json!({"auths": {"r": {"auth": auth, "password": CANARY}}});
        let data = STANDARD.encode(config.to_string());
        let only_auth = STANDARD.encode(format!("{{\"auths\":{{\"r\":{{\"auth\":\"{auth}\"}}}}}}"));
        for text in [CANARY.to_owned(), auth, config.to_string(), data, only_auth] {
            let hidden = hide(&format!("before {text} after"));
            assert!(hidden.contains(HIDDEN), "{text} → {hidden}");
            assert!(!hidden.contains("c4n4ry") && hidden.starts_with("before "), "{hidden}");
            assert_eq!(hide(&hidden), hidden);
        }
    }

    #[test]
    fn other_text_stays() {
        let text = "sha256:0123456789abcdef amFuZWRvZTpvdGhlcg== Zürich /v2/team/app/manifests/v1";
        assert_eq!(hide(text), text);
    }

    #[test]
    fn nothing_of_it_is_in_its_debug_form() {
        assert!(!format!("{:?}", Redaction::new([CANARY.into()])).contains("c4n4ry"));
    }
}
