//! Reads messages of failed pulls by a table of wordings.
//!
//! Nothing here decides on a cause: a message becomes the image, the host and the [`Sign`]s in it.

pub(crate) mod clean;
pub(crate) mod field;
mod frame;
pub mod row;
pub mod table;

pub use clean::is_hidden;

use crate::reference::{Reference, Registry};
use crate::sign::Sign;

/// A message, read.
#[derive(Debug, Clone)]
pub struct Message {
    text: String,
    requested: Option<Reference>,
    completed: Option<Reference>,
    parts: Vec<Vec<Sign>>,
    sandbox: bool,
    after_mirrors: bool,
    innermost: String,
}

impl Message {
    /// Reads a message: an event's text, a waiting message, or a line of a log.
    ///
    /// Control characters are dropped and the middle of a long message is left out, so that the
    /// result can be printed and reading takes bounded time.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let text = clean::unquoted(&clean::printable(text));
        let primary = frame::primary(&text);
        let images = frame::images(&text);
        let parts: Vec<_> =
            frame::parts(primary).into_iter().map(|part| row::ALL.signs(part)).collect();
        let innermost = frame::innermost(primary).to_owned();
        Self {
            requested: images.requested.as_deref().map(Reference::read),
            completed: images.completed.as_deref().map(Reference::read),
            parts,
            sandbox: frame::is_sandbox(&text),
            after_mirrors: frame::after_mirrors(&text),
            innermost,
            text,
        }
    }

    /// Reads a message together with the reason of its event or waiting state.
    #[must_use]
    pub fn read_with_reason(text: &str, reason: &str) -> Self {
        let mut message = Self::read(text);
        let reason = clean::printable(reason);
        message.sandbox |= frame::is_sandbox(&reason);
        message.parts.push(row::ALL.signs(&reason));
        message
    }

    /// Returns the text, safe to print.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the image as the pod names it.
    #[must_use]
    pub fn image(&self) -> Option<&Reference> {
        self.requested.as_ref()
    }

    /// Returns the image as the runtime completed it, where the message has it.
    #[must_use]
    pub fn completed(&self) -> Option<&Reference> {
        self.completed.as_ref()
    }

    /// Returns the signs of all errors in the message.
    pub fn signs(&self) -> impl Iterator<Item = &Sign> {
        self.parts.iter().flatten()
    }

    /// Returns the signs per error; the kubelet lists one error per credential it tried.
    #[must_use]
    pub fn parts(&self) -> &[Vec<Sign>] {
        &self.parts
    }

    /// Returns whether the image is that of the pod sandbox.
    #[must_use]
    pub fn is_sandbox(&self) -> bool {
        self.sandbox
    }

    /// Returns whether mirrors had failed before the registry was asked.
    #[must_use]
    pub fn is_after_mirrors(&self) -> bool {
        self.after_mirrors
    }

    /// Returns whether the message only says that the kubelet waits before the next pull.
    #[must_use]
    pub fn is_back_off(&self) -> bool {
        self.text.contains("Back-off pulling image") || self.text.contains("ImagePullBackOff")
    }

    /// Returns the innermost error, for a message whose wording is not in the table.
    #[must_use]
    pub fn innermost(&self) -> &str {
        &self.innermost
    }

    /// Returns the first address in the message.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        field::url(&self.text)
    }

    /// Returns host and port of the registry: the image's, otherwise that of the first address.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        let named = self.completed.as_ref().or(self.requested.as_ref()).map(Reference::registry);
        named.or_else(|| self.url().and_then(field::host_of))
    }

    /// Returns which registry the host is.
    #[must_use]
    pub fn registry(&self) -> Registry {
        self.host().map_or(Registry::Other, Registry::of)
    }
}

#[cfg(test)]
mod tests {
    use super::row::Matcher;
    use super::*;

    fn kind(sign: &Sign) -> std::mem::Discriminant<Sign> {
        std::mem::discriminant(sign)
    }

    /// Every row of the table reads its own sample, and no other row would do so in its place.
    #[test]
    fn every_row_is_needed() {
        let rows: Vec<_> = table::rows().collect();
        let mut wrong = Vec::new();
        for (index, row) in rows.iter().enumerate() {
            let alone = Matcher::new([*row]).signs(row.sample);
            let others =
                rows.iter().enumerate().filter(|(other, _)| *other != index).map(|(_, row)| *row);
            let without = Matcher::new(others).signs(row.sample);
            match alone.first() {
                None => wrong.push(format!("{:?}: the sample yields no sign", row.words)),
                Some(sign) if without.iter().any(|other| kind(other) == kind(sign)) => {
                    wrong.push(format!("{:?}: another row reads the sample alike", row.words));
                }
                Some(_) => {}
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn the_table_as_a_whole() {
        let listed: Vec<_> = table::rows()
            .map(|row| {
                let sign = Matcher::new([row]).signs(row.sample).into_iter().next();
                let sign = sign.map_or_else(|| "-".to_owned(), |sign| format!("{sign:?}"));
                format!("{:?} | {} | {} => {sign}", row.origin, row.source, row.words)
            })
            .collect();
        insta::assert_snapshot!("table", listed.join("\n"));
    }

    #[test]
    fn a_log_line_is_unfolded() {
        let message = Message::read(
            r#""Error syncing pod, skipping" err="failed to \"StartContainer\" for \"a\" with ErrImagePull: \"rpc error: code = Unknown desc = failed to pull and unpack image \\\"reg.example.net/a:1\\\": failed to resolve reference \\\"reg.example.net/a:1\\\": unexpected status code [manifests 1]: 401 Unauthorized\"" pod="team/a""#,
        );
        assert_eq!(message.image().map(|image| image.text.as_str()), Some("reg.example.net/a:1"));
        assert_eq!(message.signs().collect::<Vec<_>>(), [&Sign::Status { code: 401, url: None }]);
    }

    /// The origin's error decides, and not the mirror's before it.
    #[test]
    fn errors_of_mirrors_are_not_read() {
        let message = Message::read(
            "Failed to pull image \"quay.io/team/a:1\": (Mirrors also failed: [mirror.example.net/a:1: x509: certificate signed by unknown authority]): quay.io/team/a:1: dial tcp 203.0.113.1:443: i/o timeout",
        );
        assert!(message.is_after_mirrors());
        assert_eq!(message.signs().collect::<Vec<_>>(), [&Sign::Timeout]);
    }

    #[test]
    fn the_second_error_of_cri_o_is_not_read() {
        let message = Message::read(
            "unable to pull image or OCI artifact: pull image err: no image found in image index for architecture \"arm64\"; artifact err: reading manifest 1 in reg.example.net/a: manifest unknown",
        );
        assert!(matches!(message.signs().collect::<Vec<_>>()[..], [Sign::NoPlatform { .. }]));
    }
}
