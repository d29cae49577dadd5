//! Texts that are looked for in messages and outputs.

use super::{Mismatch, applies};
use crate::{
    case::model::{Text, TextMatch, Texts},
    cluster::NodeVersions,
};

/// The texts that hold for these versions.
///
/// # Errors
/// There are some, and none of them for these versions: a gap in the case.
pub(super) fn held<'a>(
    of: &str,
    texts: &'a Texts,
    versions: &NodeVersions,
) -> Result<Vec<&'a Text>, Mismatch> {
    let held: Vec<&Text> = texts.0.iter().filter(|text| applies(&text.when, versions)).collect();
    if held.is_empty() && !texts.0.is_empty() {
        let versions =
            format!("Kubernetes {}, containerd {}", versions.kubernetes, versions.containerd);
        return Err(Mismatch::new(of, "a text for this version", versions));
    }
    Ok(held)
}

/// Whether a message is as a text says.
pub(super) fn fits(text: &Text, message: &str) -> bool {
    match text.how {
        TextMatch::Contains => message.contains(&text.text),
        TextMatch::Equals => message.trim_end_matches('\n') == text.text.trim_end_matches('\n'),
        TextMatch::NotContains => !message.contains(&text.text),
    }
}

/// Whether messages are as a text says: one of them, or all of them if it must lack.
pub(super) fn found(text: &Text, messages: &[String]) -> bool {
    match text.how {
        TextMatch::NotContains => messages.iter().all(|message| fits(text, message)),
        _ => messages.iter().any(|message| fits(text, message)),
    }
}

/// What is looked for, in words.
pub(super) fn wanted(text: &Text) -> String {
    match text.how {
        TextMatch::Contains => format!("contains {:?}", text.text),
        TextMatch::Equals => format!("is {:?}", text.text),
        TextMatch::NotContains => format!("does not contain {:?}", text.text),
    }
}
