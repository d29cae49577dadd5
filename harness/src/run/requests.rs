//! Did a registry see what is expected? Pure rules over its record.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    case::model::{Authenticated, ExpectedRequests, Statuses},
    registry::{Authorization, Origin, Request, RequestKind},
};

use super::expectation::{Met, Mismatch};

/// Looks at the requests that the node sent; those of commands on the host do not count.
pub fn requests(expect: &ExpectedRequests, all: &[Request]) -> Met {
    let seen = Seen::of(all);
    if expect.requests.is_some() && seen.count > 0 {
        let seen = format!("{} requests: {}", seen.count, in_words(all));
        return Met::Never(Mismatch::new("registry", "no request at all", seen));
    }
    if let Some(expected) = &expect.anonymous {
        let found = statuses("anonymous", expected, seen.anonymous.get("anonymous"), all);
        if found != Met::Yes {
            return found;
        }
    }
    let classes = [
        ("authenticated", &expect.authenticated, &seen.basic),
        ("bearer", &expect.bearer, &seen.bearer),
        ("tokens", &expect.tokens, &seen.tokens),
    ];
    for (class, expected, seen) in classes {
        if let Some(expected) = expected {
            let found = users(class, expected, seen, all);
            if found != Met::Yes {
                return found;
            }
        }
    }
    if !expect.order.is_empty() && seen.order != expect.order {
        let mismatch = Mismatch::new(
            "registry order",
            expect.order.join(", then "),
            seen.order.join(", then "),
        );
        let early = expect.order.starts_with(&seen.order);
        return if early { Met::Nearly(mismatch) } else { Met::Never(mismatch) };
    }
    Met::Yes
}

type ByUser = BTreeMap<String, BTreeSet<u16>>;

#[derive(Default)]
struct Seen {
    count: usize,
    anonymous: ByUser,
    basic: ByUser,
    bearer: ByUser,
    tokens: ByUser,
    order: Vec<String>,
}

impl Seen {
    fn of(all: &[Request]) -> Self {
        let mut seen = Self::default();
        for request in all.iter().filter(|request| request.from == Origin::Node) {
            seen.count += 1;
            // A connection that was reset has no status; 0 stands for it.
            let status = request.status.unwrap_or(0);
            let user = match &request.authorization {
                Authorization::Basic { user } => user.clone(),
                Authorization::Bearer { subject, .. } => subject.clone().unwrap_or_default(),
                Authorization::None => "anonymous".to_owned(),
                Authorization::Other => "other".to_owned(),
            };
            let class = match (&request.kind, &request.authorization) {
                (RequestKind::Token, _) => &mut seen.tokens,
                (_, Authorization::None) => &mut seen.anonymous,
                (_, Authorization::Bearer { .. }) => &mut seen.bearer,
                _ => &mut seen.basic,
            };
            class.entry(user.clone()).or_default().insert(status);
            if user != "anonymous" && !seen.order.contains(&user) {
                seen.order.push(user);
            }
        }
        seen
    }
}

fn users(class: &str, expected: &Authenticated, seen: &ByUser, all: &[Request]) -> Met {
    if let Some(other) = seen.keys().find(|user| !expected.0.contains_key(*user)) {
        let wanted: Vec<&str> = expected.0.keys().map(String::as_str).collect();
        let wanted = if wanted.is_empty() { "none".to_owned() } else { wanted.join(", ") };
        let seen = format!("{other}: {}", in_words(all));
        return Met::Never(Mismatch::new(&format!("registry, {class}"), wanted, seen));
    }
    for (user, expected) in &expected.0 {
        let found = statuses(&format!("{class} {user}"), expected, seen.get(user), all);
        if found != Met::Yes {
            return found;
        }
    }
    Met::Yes
}

fn statuses(of: &str, expected: &Statuses, seen: Option<&BTreeSet<u16>>, all: &[Request]) -> Met {
    let empty = BTreeSet::new();
    let seen = seen.unwrap_or(&empty);
    let mismatch = || {
        let wanted: Vec<String> = expected.0.iter().map(u16::to_string).collect();
        let wanted = if wanted.is_empty() { "none".to_owned() } else { wanted.join(", ") };
        Mismatch::new(&format!("registry, {of}"), wanted, in_words(all))
    };
    if seen.iter().any(|status| !expected.0.contains(status)) {
        return Met::Never(mismatch());
    }
    match expected.0.iter().all(|status| seen.contains(status)) {
        true => Met::Yes,
        false => Met::Nearly(mismatch()),
    }
}

/// The kinds of the node's requests, in the order in which they first came.
pub fn kinds(all: &[Request]) -> Vec<String> {
    let mut kinds = Vec::new();
    for request in all.iter().filter(|request| request.from == Origin::Node) {
        let words = kind(request);
        if !kinds.contains(&words) {
            kinds.push(words);
        }
    }
    kinds
}

fn kind(request: &Request) -> String {
    let status = request.status.map_or("no answer".to_owned(), |status| status.to_string());
    let token = if request.kind == RequestKind::Token { "token for " } else { "" };
    format!("{token}{} {status}", request.authorization)
}

/// The node's requests in a line: who, with what answer, how often.
pub fn in_words(all: &[Request]) -> String {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for request in all.iter().filter(|request| request.from == Origin::Node) {
        let words = kind(request);
        match counts.iter_mut().find(|(known, _)| *known == words) {
            Some((_, count)) => *count += 1,
            None => counts.push((words, 1)),
        }
    }
    if counts.is_empty() {
        return "saw nothing".to_owned();
    }
    let words: Vec<String> =
        counts.into_iter().map(|(words, count)| format!("{words} ×{count}")).collect();
    words.join(", ")
}
