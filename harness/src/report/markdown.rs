//! A matrix as Markdown: what happens when …

use std::{fmt::Write as _, path::Path};

use super::{
    Grid, Row, Sight,
    changes::{Change, changes},
    words::{self, Part},
};
use crate::outcome::{Difference, Result};

/// The document. Links to cases lead from `folder`, where it is to lie.
pub fn markdown(grid: &Grid, folder: &Path) -> String {
    let mut text = String::from("# What happens when Kubernetes pulls a private image\n\n");
    text.push_str(
        "What was seen on real clusters, with a registry that recorded every request. Each entry is \
         a case of the catalogue: its file says what was set up and what had to be seen. Generated \
         by `pullproof matrix`; not written by hand.\n\n",
    );
    for (at, column) in grid.columns.iter().enumerate() {
        let versions = grid.versions(at).unwrap_or_else(|| "could not be run".to_owned());
        writeln!(text, "- **{}**: {versions}", escape(&column.label)).ok();
    }
    text.push_str("\n| theme | cases | differ between versions |\n|---|---:|---:|\n");
    for (theme, rows) in grid.themes() {
        let heading = words::heading(theme);
        let differ = rows.iter().filter(|row| row.differs()).count();
        writeln!(text, "| [{}](#{theme}) | {} | {differ} |", escape(&heading), rows.len()).ok();
    }
    versions(&mut text, grid);
    for (theme, rows) in grid.themes() {
        writeln!(text, "\n## {}", escape(&words::heading(theme))).ok();
        for row in rows {
            entry(&mut text, grid, row, folder);
        }
    }
    text
}

/// What each version changed.
fn versions(text: &mut String, grid: &Grid) {
    let changes = changes(grid);
    if changes.is_empty() {
        return;
    }
    text.push_str("\n## What each version changed\n");
    for change in &changes {
        let Change { of, from, to, with, compared, .. } = change;
        let compared = words::count(*compared, "case");
        writeln!(text, "\n**{of} {from} → {to}**, with {with}, of {compared}:").ok();
        if change.rows.is_empty() {
            text.push_str("no difference.\n");
            continue;
        }
        text.push('\n');
        for difference in [Difference::Outcome, Difference::Requests, Difference::Wording] {
            let name = |row: &Row| format!("`{}`", row.name);
            let rows: Vec<String> = change.rows_with(difference).map(name).collect();
            if !rows.is_empty() {
                writeln!(text, "- {}: {}", words::difference(difference), rows.join(", ")).ok();
            }
        }
    }
}

fn entry(text: &mut String, grid: &Grid, row: &Row, folder: &Path) {
    let Some(any) = row.any() else { return };
    writeln!(text, "\n### {}\n", escape(&any.title)).ok();
    if let Some(note) = &any.note {
        writeln!(text, "{}\n", escape(note)).ok();
    }
    let all = row.seen_on().len();
    for sights in row.sights() {
        let after = sights.first().map_or(&[][..], |sight| sight.seen.after.as_slice());
        if !after.is_empty() {
            let after: Vec<String> = after.iter().map(|words| code(words)).collect();
            writeln!(text, "After {}:\n", after.join(", ")).ok();
        }
        for sight in &sights {
            let labels = grid.labels(&sight.columns).join(", ");
            let on = (sight.columns.len() != all).then_some(labels);
            seen(text, sight, on.as_deref());
        }
        text.push('\n');
    }
    if all > 0 && row.sights().is_empty() {
        text.push_str("Commands alone; the case's file has their output.\n\n");
    }
    for (column, cell) in grid.columns.iter().zip(&row.cells) {
        let words = match cell.as_ref().map(|outcome| &outcome.result) {
            Some(Result::Failed(failure)) => format!(
                "expected {}: {}, but saw {}",
                failure.mismatch.of, failure.mismatch.expected, failure.mismatch.seen
            ),
            Some(Result::Broken { error }) => format!("could not be run: {error}"),
            _ => continue,
        };
        writeln!(text, "**Not as expected on {}**: {}\n", escape(&column.label), code(&words)).ok();
    }
    if let Some((columns, about)) = row.not_applicable() {
        let labels = grid.labels(&columns).join(", ");
        let about = escape(&about.to_string());
        writeln!(text, "Not on {}: the case is about {about}.\n", escape(&labels)).ok();
    }
    let path = words::link_to(folder, &any.path);
    let name = path.trim_start_matches("../");
    writeln!(text, "Source: {} · Case: [{}](<{path}>)", source(&any.source), escape(name)).ok();
}

fn seen(text: &mut String, sight: &Sight<'_>, on: Option<&str>) {
    let seen = sight.seen;
    let on = on.map(|on| format!("**{}**: ", escape(on))).unwrap_or_default();
    let registry = format!("the registry saw {}", words::registry(seen));
    match (words::state(seen), &seen.pod) {
        (Some(state), Some(pod)) => {
            let container = match &seen.container {
                Some(container) => format!(", container {}", code(container)),
                None => String::new(),
            };
            let pod = code(pod);
            writeln!(text, "- {on}pod {pod}{container} is {}; {registry}", escape(&state)).ok();
        }
        _ => {
            writeln!(text, "- {on}{registry}").ok();
        }
    }
    if let Some(message) = &seen.message {
        writeln!(text, "  - {}", code(message)).ok();
    }
}

fn source(text: &str) -> String {
    let parts = words::links(text);
    let part = |part: &Part<'_>| match part {
        Part::Text(text) => escape(text),
        Part::Link(link) => format!("<{}>", link.replace(['<', '>'], "")),
    };
    parts.iter().map(part).collect()
}

/// A text that Markdown and HTML leave as it is.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push(' '),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

/// A text as code, on one line, between more backticks than it has in a row.
fn code(text: &str) -> String {
    let line: Vec<&str> = text.split_whitespace().collect();
    let line = line.join(" ");
    let mut longest = 0;
    let mut length = 0;
    for c in line.chars() {
        length = if c == '`' { length + 1 } else { 0 };
        longest = longest.max(length);
    }
    let fence = "`".repeat(longest + 1);
    let space = if longest > 0 { " " } else { "" };
    format!("{fence}{space}{line}{space}{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_document_shows_what_was_seen_and_where_versions_differ() {
        let text = markdown(&sample::grid(), Path::new("docs"));
        assert!(!text.contains("<script"), "{text}");
        insta::assert_snapshot!(text, @r"
        # What happens when Kubernetes pulls a private image

        What was seen on real clusters, with a registry that recorded every request. Each entry is a case of the catalogue: its file says what was set up and what had to be seen. Generated by `pullproof matrix`; not written by hand.

        - **1.34**: Kubernetes 1.34.4, containerd 2.3.7
        - **1.37**: Kubernetes 1.37.2, containerd 2.3.7

        | theme | cases | differ between versions |
        |---|---:|---:|
        | [Documentation](#documentation) | 2 | 1 |
        | [Key matching](#key-matching) | 2 | 0 |

        ## What each version changed

        **Kubernetes 1.34 → 1.37**, with containerd 2.3, of 3 cases:

        - wording: `documentation/b`

        ## Documentation

        ### A title with &lt;script&gt;alert(1)&lt;/script&gt; &amp; \`code\`

        Kubernetes 1.28 and later say so.

        After `apply Pod/private-reg`:

        - pod `private-reg` is Pending: ErrImagePull, then ImagePullBackOff; the registry saw anonymous 401
          - `no basic auth credentials`

        Source: <https://kubernetes.io/docs/a/#b> · Case: [scenarios/documentation/a.yaml](<../scenarios/documentation/a.yaml>)

        ### A pod without a secret

        After `apply Pod/private-reg`:

        - **1.34**: pod `private-reg` is Pending: ErrImagePull, then ImagePullBackOff; the registry saw anonymous 401
          - `<old>`
        - **1.37**: pod `private-reg` is Pending: ErrImagePull, then ImagePullBackOff; the registry saw anonymous 401
          - `<new>`

        After `run kubectl create secret docker-registry regcred`:

        - pod `private-reg` is Running; the registry saw anonymous 401, basic janedoe 200

        Source: <https://kubernetes.io/docs/a/#b> · Case: [scenarios/documentation/b.yaml](<../scenarios/documentation/b.yaml>)

        ## Key matching

        ### A pod without a secret

        After `apply Pod/private-reg`:

        - pod `private-reg` is Pending: ErrImagePull, then ImagePullBackOff; the registry saw anonymous 401
          - `no basic auth credentials`

        **Not as expected on 1.37**: `expected phase: Running, but saw Pending`

        Source: pkg/credentialprovider/keyring.go · Case: [scenarios/key-matching/c.yaml](<../scenarios/key-matching/c.yaml>)

        ### A pod without a secret

        After `apply Pod/private-reg`:

        - pod `private-reg` is Pending: ErrImagePull, then ImagePullBackOff; the registry saw anonymous 401
          - `no basic auth credentials`

        Not on 1.37: the case is about Kubernetes &lt;1.35.

        Source: <https://kubernetes.io/docs/a/#b> · Case: [scenarios/key-matching/d.yaml](<../scenarios/key-matching/d.yaml>)
        ");
    }

    #[test]
    fn code_stays_code_whatever_is_in_it() {
        assert_eq!(code("a `b`\n c"), "`` a `b` c ``");
        assert_eq!(code("<a>"), "`<a>`");
    }

    #[test]
    fn nothing_in_a_text_is_markup() {
        assert_eq!(escape("*a* <b> [c](d) `e`"), r"\*a\* &lt;b&gt; \[c\](d) \`e\`");
    }
}
