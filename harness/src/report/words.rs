//! Observations in words, shared by the table and the documents.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf, absolute},
};

use linkify::{LinkFinder, LinkKind};
use pathdiff::diff_paths;

use crate::{
    outcome::{Difference, Observation},
    registry::RequestSummary,
};

/// The pod's phase with the reasons it waited for.
pub fn state(seen: &Observation) -> Option<String> {
    let reasons = seen.reasons.join(", then ");
    match (&seen.pod, &seen.phase) {
        (None, _) => None,
        (Some(_), None) => Some("no such pod".to_owned()),
        (_, Some(phase)) if reasons.is_empty() => Some(phase.clone()),
        (_, Some(phase)) if phase == "Pending" => Some(format!("{phase}: {reasons}")),
        (_, Some(phase)) => Some(format!("{phase}, after {reasons}")),
    }
}

/// What the registries saw: `anonymous 401, basic janedoe 200`, with the registry of several.
pub fn registry(seen: &Observation) -> String {
    let several = seen.registries.len() > 1;
    let each = requests(&seen.registries).map(|(name, request)| match several {
        true => format!("{name}: {request}"),
        false => request.to_string(),
    });
    let words: Vec<String> = each.collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

/// How many requests each registry got: `anonymous 401 ×4, basic janedoe 200 ×3`.
pub fn counts(registries: &BTreeMap<String, Vec<RequestSummary>>) -> String {
    let each = registries.iter().map(|(name, requests)| {
        let words = requests.iter().map(|one| format!("{one} ×{}", one.count));
        let mut words = words.collect::<Vec<_>>().join(", ");
        if words.is_empty() {
            words.push_str("saw nothing");
        }
        if registries.len() > 1 { format!("{name}: {words}") } else { words }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// Each registry's requests, with its name.
pub fn requests(
    registries: &BTreeMap<String, Vec<RequestSummary>>,
) -> impl Iterator<Item = (&str, &RequestSummary)> {
    registries.iter().flat_map(|(name, all)| all.iter().map(|one| (name.as_str(), one)))
}

/// A difference in a word.
pub fn difference(difference: Difference) -> &'static str {
    match difference {
        Difference::Outcome => "outcome",
        Difference::Requests => "requests",
        Difference::Wording => "wording",
    }
}

/// Themes that are no words.
const ABBREVIATIONS: [&str; 2] = ["oci", "tls"];

/// A theme's folder as a heading: `key-matching` is `Key matching`.
pub fn heading(theme: &str) -> String {
    if ABBREVIATIONS.contains(&theme) {
        return theme.to_uppercase();
    }
    let text = theme.replace('-', " ");
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

/// `1 case`, `2 cases`.
pub fn count(number: usize, word: &str) -> String {
    format!("{number} {word}{}", if number == 1 { "" } else { "s" })
}

/// The parts of a text that are addresses of the web, and those between them.
pub fn links(text: &str) -> Vec<Part<'_>> {
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    let is_web = |text: &str| text.starts_with("https://") || text.starts_with("http://");
    let parts = finder.spans(text).map(|span| match span.kind() {
        Some(_) if is_web(span.as_str()) => Part::Link(span.as_str()),
        _ => Part::Text(span.as_str()),
    });
    parts.collect()
}

/// The way from a folder to a file, as a link has it.
pub fn link_to(folder: &Path, file: &Path) -> String {
    let plain = |path: &Path| absolute(path).map(normal).unwrap_or_else(|_| path.to_owned());
    let way = diff_paths(plain(file), plain(folder)).unwrap_or_else(|| file.to_owned());
    way.to_string_lossy().into_owned()
}

/// A path without `..`, whatever its folders are.
fn normal(path: PathBuf) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

/// A part of a text.
#[derive(Debug, PartialEq, Eq)]
pub enum Part<'a> {
    /// Plain text.
    Text(&'a str),
    /// An address.
    Link(&'a str),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample::{pending, running};

    #[test]
    fn a_state_says_where_it_came_from() {
        assert_eq!(state(&pending("")).unwrap(), "Pending: ErrImagePull, then ImagePullBackOff");
        assert_eq!(state(&running()).unwrap(), "Running");
        let recovered = Observation { reasons: pending("").reasons, ..running() };
        assert_eq!(
            state(&recovered).unwrap(),
            "Running, after ErrImagePull, then ImagePullBackOff"
        );
        assert_eq!(state(&Observation::default()), None);
    }

    #[test]
    fn addresses_are_found_in_a_source() {
        assert_eq!(links("KEP-2535"), [Part::Text("KEP-2535")]);
        assert_eq!(
            links("see https://kubernetes.io/c#d, and more"),
            [Part::Text("see "), Part::Link("https://kubernetes.io/c#d"), Part::Text(", and more")]
        );
        assert_eq!(links("javascript:alert(1)"), [Part::Text("javascript:alert(1)")]);
    }

    #[test]
    fn a_link_leads_from_the_document_to_the_case() {
        let link = |folder: &str, file: &str| link_to(Path::new(folder), Path::new(file));
        assert_eq!(link("/p/docs", "/p/scenarios/a/b.yaml"), "../scenarios/a/b.yaml");
        assert_eq!(link("/p", "/p/./x/../a.yaml"), "a.yaml");
        assert_eq!(link("docs", "scenarios/b.yaml"), "../scenarios/b.yaml");
    }

    #[test]
    fn a_theme_is_a_heading() {
        assert_eq!(heading("key-matching"), "Key matching");
        assert_eq!(heading("tls"), "TLS");
        assert_eq!(heading(""), "");
    }
}
