//! A matrix as one page of HTML: what happens when …
//!
//! The page needs nothing but itself: style and script are in it, and without a script all of it is
//! there to read. Its template is `page.html`, which escapes whatever it is given.

use std::path::Path;

use anyhow::Context as _;
use askama::Template;

use super::{
    Grid, Row, Sight,
    changes::{Change, changes},
    terminal,
    words::{self, Part},
};
use crate::{
    outcome::{Difference, Observation, Result},
    registry::RequestSummary,
};

/// Returns the page. Links to cases lead from `folder`, where it is to lie.
///
/// # Errors
/// The template fails, which none of its parts does.
pub fn page(grid: &Grid, folder: &Path) -> anyhow::Result<String> {
    Page::of(grid, folder).render().context("filling in the page")
}

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    style: &'static str,
    script: &'static str,
    /// Labels and versions.
    columns: Vec<(&'a str, String)>,
    differing: usize,
    changes: Vec<Change<'a>>,
    themes: Vec<Theme<'a>>,
}

struct Theme<'a> {
    id: &'a str,
    heading: String,
    articles: Vec<Article<'a>>,
}

/// A case.
struct Article<'a> {
    id: &'a str,
    /// The parts of the title, and which of them are code.
    title: Vec<(&'a str, bool)>,
    applies: String,
    differs: bool,
    note: Option<Vec<Part<'a>>>,
    steps: Vec<Step<'a>>,
    commands_alone: bool,
    /// Word, label of the version, and text.
    failures: Vec<(&'static str, &'a str, String)>,
    /// The versions that it is not about, and those that it is.
    not_on: Option<(String, String)>,
    source: Vec<Part<'a>>,
    path: String,
    file: String,
}

/// An expectation.
struct Step<'a> {
    after: &'a [String],
    sights: Vec<Seen<'a>>,
}

/// What some of the versions showed.
struct Seen<'a> {
    columns: String,
    /// Absent if all versions showed it.
    labels: Option<String>,
    pod: Option<Pod<'a>>,
    message: Option<(&'a str, &'a str)>,
    requests: Vec<Request>,
}

struct Pod<'a> {
    name: String,
    class: &'static str,
    phase: &'a str,
    reasons: &'a [String],
}

struct Request {
    sender: String,
    class: &'static str,
    status: String,
}

impl<'a> Page<'a> {
    fn of(grid: &'a Grid, folder: &Path) -> Self {
        let columns = grid.columns.iter().enumerate().map(|(at, column)| {
            let versions = grid.versions(at).unwrap_or_else(|| "could not be run".to_owned());
            (column.label.as_str(), versions)
        });
        let themes = grid.themes().into_iter().map(|(id, rows)| Theme {
            id,
            heading: words::heading(id),
            articles: rows.into_iter().filter_map(|row| Article::of(grid, row, folder)).collect(),
        });
        Self {
            style: include_str!("page.css"),
            script: include_str!("page.js"),
            columns: columns.collect(),
            differing: grid.rows.iter().filter(|row| row.differs()).count(),
            changes: changes(grid),
            themes: themes.collect(),
        }
    }
}

/// The cases that a version changed, by what differs.
fn differences<'a>(change: &'a Change<'_>) -> Vec<(&'static str, Vec<&'a str>)> {
    let all = [Difference::Outcome, Difference::Requests, Difference::Wording];
    let named = all.map(|difference| {
        let names = change.rows_with(difference).map(|row| row.name.as_str()).collect();
        (words::difference(difference), names)
    });
    named.into_iter().filter(|(_, names): &(_, Vec<_>)| !names.is_empty()).collect()
}

impl<'a> Article<'a> {
    fn of(grid: &'a Grid, row: &'a Row, folder: &Path) -> Option<Self> {
        let any = row.any()?;
        let applies = |at: &usize| {
            let outcome = row.cells[*at].as_ref();
            outcome.is_some_and(|one| !matches!(one.result, Result::NotApplicable { .. }))
        };
        let applies: Vec<usize> = (0..row.cells.len()).filter(applies).collect();
        let seen_on = row.seen_on();
        let steps: Vec<Step<'_>> =
            row.sights().iter().map(|sights| Step::of(grid, sights, seen_on.len())).collect();
        let failures = grid.columns.iter().zip(&row.cells).filter_map(|(column, cell)| {
            let outcome = cell.as_ref().filter(|outcome| !outcome.is_good())?;
            Some((terminal::word(outcome), column.label.as_str(), terminal::failure(outcome)))
        });
        let path = words::link_to(folder, &any.path);
        Some(Self {
            id: &row.name,
            title: code_parts(&any.title),
            applies: numbers(&applies),
            differs: row.differs(),
            note: any.note.as_deref().map(words::links),
            commands_alone: steps.is_empty() && !seen_on.is_empty(),
            steps,
            failures: failures.collect(),
            not_on: row
                .not_applicable()
                .map(|(columns, about)| (grid.labels(&columns).join(", "), about.to_string())),
            source: words::links(&any.source),
            file: path.trim_start_matches("../").to_owned(),
            path,
        })
    }
}

impl<'a> Step<'a> {
    fn of(grid: &Grid, sights: &[Sight<'a>], all: usize) -> Self {
        let of = |sight: &Sight<'a>| {
            let some = sight.columns.len() != all;
            let labels = some.then(|| grid.labels(&sight.columns).join(", "));
            Seen::of(sight.seen, numbers(&sight.columns), labels)
        };
        Self {
            after: sights.first().map_or(&[], |sight| sight.seen.after.as_slice()),
            sights: sights.iter().map(of).collect(),
        }
    }
}

impl<'a> Seen<'a> {
    fn of(seen: &'a Observation, columns: String, labels: Option<String>) -> Self {
        let several = seen.registries.len() > 1;
        let requests = words::requests(&seen.registries);
        let requests = requests.map(|(name, one)| Request::of(several.then_some(name), one));
        Self {
            columns,
            labels,
            pod: seen.pod.as_deref().map(|name| Pod::of(name, seen)),
            // The cause comes last.
            message: seen.message.as_deref().map(|message| match message.rfind(": ") {
                Some(at) => message.split_at(at + 2),
                None => ("", message),
            }),
            requests: requests.collect(),
        }
    }
}

impl<'a> Pod<'a> {
    fn of(name: &str, seen: &'a Observation) -> Self {
        let phase = seen.phase.as_deref().unwrap_or("no such pod");
        let class = match phase {
            "Running" | "Succeeded" => "good",
            "Failed" => "bad",
            _ => "waits",
        };
        let name = match &seen.container {
            Some(container) => format!("{name} / {container}"),
            None => name.to_owned(),
        };
        Self { name, class, phase, reasons: &seen.reasons }
    }
}

impl Request {
    fn of(registry: Option<&str>, request: &RequestSummary) -> Self {
        let registry = registry.map(|name| format!("{name}: ")).unwrap_or_default();
        let class = match request.status {
            Some(200..300) => "good",
            Some(400..) => "bad",
            _ => "",
        };
        let status = request.status.map_or("no answer".to_owned(), |status| status.to_string());
        Self { sender: format!("{registry}{}", request.sender()), class, status }
    }
}

/// The parts of a title; what stands between backticks is code.
fn code_parts(title: &str) -> Vec<(&str, bool)> {
    let parts: Vec<&str> = title.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return vec![(title, false)];
    }
    parts.into_iter().enumerate().map(|(at, part)| (part, at % 2 == 1)).collect()
}

fn numbers(columns: &[usize]) -> String {
    columns.iter().map(usize::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::sample;

    fn main_of(page: &str) -> &str {
        let (_, rest) = page.split_once("<main>").unwrap();
        rest.split_once("</main>").unwrap().0
    }

    #[test]
    fn the_page_shows_what_was_seen_and_where_versions_differ() {
        let page = page(&sample::grid(), Path::new("docs")).unwrap();
        insta::assert_snapshot!(main_of(&page), @r##"

        <details id="versions">
        <summary>What each version changed</summary>
        <dl>
        <dt>Kubernetes 1.34 → 1.37 <small>with containerd 2.3, of 3 cases</small></dt>
        <dd><b>wording</b> <a href="#documentation/b">documentation/b</a></dd>
        </dl>
        </details>
        <section id="documentation">
        <h2>Documentation <small>2 cases</small></h2>
        <article id="documentation/a" data-on="0 1">
        <h3><a href="#documentation/a">A title with &#60;script&#62;alert(1)&#60;/script&#62; &#38; <code>code</code></a></h3>
        <p class="note">Kubernetes 1.28 and later say so.</p>
        <ol class="steps">
        <li>
        <p class="after"><code>apply Pod/private-reg</code></p>
        <div class="sight" data-on="0 1">
        <dl>
        <dt>Pod</dt><dd>private-reg <b class="waits">Pending</b> <code>ErrImagePull</code> → <code>ImagePullBackOff</code></dd>
        <dt>Message</dt><dd class="message"><b>no basic auth credentials</b></dd>
        <dt>Registry saw</dt><dd>anonymous <b class="bad">401</b></dd>
        </dl>
        </div>
        </li>
        </ol>
        <footer><span>Source: <a href="https://kubernetes.io/docs/a/#b" rel="noreferrer">https://kubernetes.io/docs/a/#b</a></span> <span>Case: <a href="../scenarios/documentation/a.yaml">scenarios/documentation/a.yaml</a></span></footer>
        </article>
        <article id="documentation/b" data-on="0 1" class="differs">
        <h3><a href="#documentation/b">A pod without a secret</a></h3>
        <ol class="steps">
        <li>
        <p class="after"><code>apply Pod/private-reg</code></p>
        <div class="sight" data-on="0">
        <p class="on">1.34</p>
        <dl>
        <dt>Pod</dt><dd>private-reg <b class="waits">Pending</b> <code>ErrImagePull</code> → <code>ImagePullBackOff</code></dd>
        <dt>Message</dt><dd class="message"><b>&#60;old&#62;</b></dd>
        <dt>Registry saw</dt><dd>anonymous <b class="bad">401</b></dd>
        </dl>
        </div>
        <div class="sight" data-on="1">
        <p class="on">1.37</p>
        <dl>
        <dt>Pod</dt><dd>private-reg <b class="waits">Pending</b> <code>ErrImagePull</code> → <code>ImagePullBackOff</code></dd>
        <dt>Message</dt><dd class="message"><b>&#60;new&#62;</b></dd>
        <dt>Registry saw</dt><dd>anonymous <b class="bad">401</b></dd>
        </dl>
        </div>
        </li>
        <li>
        <p class="after"><code>run kubectl create secret docker-registry regcred</code></p>
        <div class="sight" data-on="0 1">
        <dl>
        <dt>Pod</dt><dd>private-reg <b class="good">Running</b></dd>
        <dt>Registry saw</dt><dd>anonymous <b class="bad">401</b>, basic janedoe <b class="good">200</b></dd>
        </dl>
        </div>
        </li>
        </ol>
        <footer><span>Source: <a href="https://kubernetes.io/docs/a/#b" rel="noreferrer">https://kubernetes.io/docs/a/#b</a></span> <span>Case: <a href="../scenarios/documentation/b.yaml">scenarios/documentation/b.yaml</a></span></footer>
        </article>
        </section>
        <section id="key-matching">
        <h2>Key matching <small>2 cases</small></h2>
        <article id="key-matching/c" data-on="0 1">
        <h3><a href="#key-matching/c">A pod without a secret</a></h3>
        <ol class="steps">
        <li>
        <p class="after"><code>apply Pod/private-reg</code></p>
        <div class="sight" data-on="0 1">
        <dl>
        <dt>Pod</dt><dd>private-reg <b class="waits">Pending</b> <code>ErrImagePull</code> → <code>ImagePullBackOff</code></dd>
        <dt>Message</dt><dd class="message"><b>no basic auth credentials</b></dd>
        <dt>Registry saw</dt><dd>anonymous <b class="bad">401</b></dd>
        </dl>
        </div>
        </li>
        </ol>
        <div class="bad"><b>FAILED on 1.37</b><pre>  a.yaml:7: A pod without a secret
            expected  phase: Running
            seen      Pending
            after     1.2 s
            evidence  target/pullproof/x
        </pre></div>
        <footer><span>Source: pkg/credentialprovider/keyring.go</span> <span>Case: <a href="../scenarios/key-matching/c.yaml">scenarios/key-matching/c.yaml</a></span></footer>
        </article>
        <article id="key-matching/d" data-on="0">
        <h3><a href="#key-matching/d">A pod without a secret</a></h3>
        <ol class="steps">
        <li>
        <p class="after"><code>apply Pod/private-reg</code></p>
        <div class="sight" data-on="0">
        <dl>
        <dt>Pod</dt><dd>private-reg <b class="waits">Pending</b> <code>ErrImagePull</code> → <code>ImagePullBackOff</code></dd>
        <dt>Message</dt><dd class="message"><b>no basic auth credentials</b></dd>
        <dt>Registry saw</dt><dd>anonymous <b class="bad">401</b></dd>
        </dl>
        </div>
        </li>
        </ol>
        <p class="note">Not on 1.37: the case is about Kubernetes &#60;1.35.</p>
        <footer><span>Source: <a href="https://kubernetes.io/docs/a/#b" rel="noreferrer">https://kubernetes.io/docs/a/#b</a></span> <span>Case: <a href="../scenarios/key-matching/d.yaml">scenarios/key-matching/d.yaml</a></span></footer>
        </article>
        </section>
        <p id="nothing" hidden>No case matches.</p>
        "##);
    }

    #[test]
    fn nothing_of_a_case_is_markup_or_script() {
        let evil = "<script>alert(1)</script>\" onmouseover='alert(2)";
        let mut grid = sample::grid();
        for outcome in grid.rows.iter_mut().flat_map(|row| &mut row.cells).flatten() {
            outcome.title = evil.into();
            outcome.source = format!("{evil} https://a.b/\"onclick=\"x javascript:alert(1)");
            outcome.note = Some(evil.into());
            outcome.path = format!("scenarios/{evil}.yaml").into();
            for seen in &mut outcome.observed {
                seen.message = Some(evil.into());
                seen.pod = Some(evil.into());
                seen.after = vec![evil.into()];
                let of_evil = sample::request_of(evil);
                seen.registries = BTreeMap::from([(evil.to_owned(), vec![of_evil])]);
            }
        }
        grid.columns[0].label = evil.into();
        let page = page(&grid, Path::new("docs")).unwrap();
        assert_eq!(page.matches("<script>").count(), 1);
        assert!(!page.contains("\" on") && !page.contains("/\"on"), "{page}");
        assert!(!page.contains("href=\"javascript"));
    }

    #[test]
    fn the_page_loads_nothing() {
        let page = page(&sample::grid(), Path::new("docs")).unwrap();
        for word in ["src=", "<link", "@import", "url(", "fetch("] {
            assert!(!page.contains(word), "{word}");
        }
    }

    #[test]
    fn backticks_of_a_title_are_code() {
        assert_eq!(code_parts("a `b<` c"), [("a ", false), ("b<", true), (" c", false)]);
        assert_eq!(code_parts("a ` b"), [("a ` b", false)]);
    }
}
