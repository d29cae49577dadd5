//! Secrets.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use pullproof_credentials::{Format, PullSecret};
use serde::de::IgnoredAny;

use crate::Location;
use crate::object::{Object, ObjectId, text, value};
use crate::slip::{Refusal, Slip, SlipKind};
use crate::tree::Node;

/// A Secret. Its values are kept only of a pull secret's data keys.
#[derive(Debug, Clone)]
pub struct Secret {
    /// What names it.
    pub id: ObjectId,
    /// Where it begins.
    pub location: Location,
    /// The template that Helm rendered it from.
    pub rendered_from: Option<Arc<str>>,
    /// What the kubelet reads.
    pub content: PullSecret,
    /// Whether the API server refuses it.
    pub refused: bool,
}

impl Secret {
    /// Whether its type is that of a pull secret.
    pub fn is_pull_secret(&self) -> bool {
        Format::of_type(&self.content.kind).is_some()
    }

    pub(crate) fn read(object: &Object, slips: &mut Vec<Slip>) -> Self {
        let node = &object.node;
        let kind = text(node, "type").filter(|kind| !kind.is_empty()).unwrap_or("Opaque");
        let mut content = PullSecret::new(&object.id.namespace, &object.id.name, kind);
        let mut refusal = None;
        let mut wanted: Option<(Vec<u8>, &Node)> = None;
        let format = Format::of_type(kind);
        // What is in stringData replaces what is in data.
        for (level, encoded) in [("data", true), ("stringData", false)] {
            for (key, value) in value(node, level).map(Node::entries).unwrap_or_default() {
                let name = key.text().unwrap_or_default();
                let bytes = match decoded(value.text().unwrap_or_default(), encoded) {
                    Some(bytes) => bytes,
                    None => {
                        let why = Refusal::NotBase64 { key: name.to_owned() };
                        refusal.get_or_insert((why, key));
                        continue;
                    }
                };
                if format.is_some_and(|format| format.data_key() == name) {
                    wanted = Some((bytes.clone(), key));
                }
                let is_read = [Format::Json, Format::Legacy].iter().any(|it| it.data_key() == name);
                content = content.with_data(name, if is_read { bytes } else { Vec::new() });
            }
        }
        if let (None, Some(format)) = (&refusal, format) {
            let key = format.data_key();
            refusal = match &wanted {
                None => Some((Refusal::NoDataKey { expected: key }, node)),
                Some((bytes, place)) if !is_json_object(bytes) => {
                    Some((Refusal::NotJson { key }, *place))
                }
                Some(_) => None,
            };
        }
        let refused = refusal.is_some();
        if let Some((why, place)) = refusal {
            slips.push(object.slip(SlipKind::SecretRefused(why), place));
        }
        let (id, location) = (object.id.clone(), object.location.clone());
        Self { id, location, rendered_from: object.rendered_from.clone(), content, refused }
    }
}

/// As encoding/json decodes it, which passes over line ends.
fn decoded(text: &str, encoded: bool) -> Option<Vec<u8>> {
    match encoded {
        true => STANDARD.decode(text.replace(['\n', '\r'], "")).ok(),
        false => Some(text.as_bytes().to_vec()),
    }
}

/// Whether Go decodes it into a map: an object, or null.
fn is_json_object(bytes: &[u8]) -> bool {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(first, Some(b'{' | b'n'))
        && serde_json::from_slice::<IgnoredAny>(
            &String::from_utf8_lossy(bytes).into_owned().into_bytes(),
        )
        .is_ok()
}
