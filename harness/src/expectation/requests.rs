//! What a registry saw of the node.

use std::collections::{BTreeMap, BTreeSet};

use super::{Mismatch, Verdict, events::count};
use crate::{
    case::model::{Authenticated, ExpectedRequest, ExpectedRequests, Requests, Statuses},
    registry::{Authorization, Origin, PasswordMark, Request, RequestKind, RequestSummary},
};

/// What stands for the user of a request without credentials.
const ANONYMOUS: &str = "anonymous";

/// Judges the requests that the node sent. Those of commands on the host do not count, and never those
/// of the control pull: they are the harness's own.
pub fn requests(expect: &ExpectedRequests, all: &[Request]) -> Verdict {
    let seen = Seen::of(all);
    let mut verdicts = Vec::new();
    match &expect.requests {
        Some(Requests::None) if !seen.requests.is_empty() => {
            let words = format!("{} requests: {}", seen.requests.len(), summary(all));
            let mismatch = Mismatch::new("registry", "no request at all", words);
            verdicts.push(Verdict::Impossible(mismatch));
        }
        Some(Requests::Each(wanted)) => {
            verdicts.extend(wanted.iter().map(|wanted| one(wanted, &seen.requests)));
            if expect.in_order {
                verdicts.push(in_order(wanted, &seen.requests));
            }
        }
        _ => {}
    }
    if let Some(expected) = &expect.anonymous {
        verdicts.push(statuses(ANONYMOUS, expected, seen.anonymous.get(ANONYMOUS), all));
    }
    let classes = [
        ("authenticated", &expect.authenticated, &seen.basic),
        ("bearer", &expect.bearer, &seen.bearer),
        ("tokens", &expect.tokens, &seen.tokens),
    ];
    for (class, expected, seen) in classes {
        if let Some(expected) = expected {
            verdicts.push(users(class, expected, seen, all));
        }
    }
    if !expect.order.is_empty() && seen.order != expect.order {
        let mismatch = Mismatch::new(
            "registry order",
            expect.order.join(", then "),
            match seen.order.is_empty() {
                true => "nobody with credentials".to_owned(),
                false => seen.order.join(", then "),
            },
        );
        verdicts.push(match expect.order.starts_with(&seen.order) {
            true => Verdict::AwaitingReports(mismatch),
            false => Verdict::Impossible(mismatch),
        });
    }
    Verdict::all(verdicts)
}

type ByUser = BTreeMap<String, BTreeSet<u16>>;

#[derive(Default)]
struct Seen<'a> {
    requests: Vec<&'a Request>,
    anonymous: ByUser,
    basic: ByUser,
    bearer: ByUser,
    tokens: ByUser,
    order: Vec<String>,
}

impl<'a> Seen<'a> {
    fn of(all: &'a [Request]) -> Self {
        let mut seen = Self { requests: of_node(all).collect(), ..Self::default() };
        for request in &seen.requests {
            let user = user(request);
            let class = match (&request.kind, &request.authorization) {
                (RequestKind::Token, _) => &mut seen.tokens,
                (_, Authorization::None) => &mut seen.anonymous,
                (_, Authorization::Bearer { .. }) => &mut seen.bearer,
                _ => &mut seen.basic,
            };
            class.entry(user.clone()).or_default().insert(status(request));
            if user != ANONYMOUS && !seen.order.contains(&user) {
                seen.order.push(user);
            }
        }
        seen
    }
}

fn of_node(all: &[Request]) -> impl Iterator<Item = &Request> {
    all.iter().filter(|request| request.from == Origin::Node)
}

/// By whom a request was, as a case names it.
fn user(request: &Request) -> String {
    match &request.authorization {
        Authorization::Basic { user } => user.clone(),
        Authorization::Bearer { subject, .. } => subject.clone().unwrap_or_default(),
        Authorization::None => ANONYMOUS.to_owned(),
        Authorization::Other => "other".to_owned(),
    }
}

/// The status of a request; 0 stands for a connection that was closed without an answer.
fn status(request: &Request) -> u16 {
    request.status.unwrap_or(0)
}

/// Looks for requests of one description.
fn one(wanted: &ExpectedRequest, seen: &[&Request]) -> Verdict {
    let found = seen.iter().filter(|request| fits(wanted, request)).count() as u64;
    if wanted.count.holds(found) {
        return Verdict::Met;
    }
    let words = format!("{found} of them among: {}", lines(seen));
    let mismatch = Mismatch::new("registry, requests", description(wanted), words);
    match found < wanted.count.least {
        true => Verdict::AwaitingReports(mismatch),
        false => Verdict::Impossible(mismatch),
    }
}

/// Looks for the wanted requests one after the other; others may lie between them.
fn in_order(wanted: &[ExpectedRequest], seen: &[&Request]) -> Verdict {
    let mut rest = seen.iter();
    match wanted.iter().find(|wanted| !rest.by_ref().any(|request| fits(wanted, request))) {
        None => Verdict::Met,
        Some(missing) => {
            let all: Vec<String> = wanted.iter().map(description).collect();
            let wanted =
                format!("{}; missing in its place: {}", all.join(", then "), description(missing));
            Verdict::AwaitingReports(Mismatch::new(
                "registry, order of requests",
                wanted,
                lines(seen),
            ))
        }
    }
}

fn fits(wanted: &ExpectedRequest, request: &Request) -> bool {
    wanted.kind.is_none_or(|kind| kind == request.kind)
        && wanted.method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&request.method))
        && wanted.path.as_ref().is_none_or(|path| request.path.contains(path.as_str()))
        && wanted.user.as_ref().is_none_or(|name| *name == user(request))
        && wanted.status.as_ref().is_none_or(|wanted| wanted.0.contains(&status(request)))
        && wanted
            .password
            .as_ref()
            .is_none_or(|password| request.password == Some(PasswordMark::of(password)))
        && wanted.headers.iter().all(|(name, text)| request.has_header(name, text))
}

/// What is looked for, in words; the password is not among them.
fn description(wanted: &ExpectedRequest) -> String {
    let mut words = Vec::new();
    words.extend(wanted.user.clone());
    words.extend(wanted.password.as_ref().map(|_| "with a certain password".to_owned()));
    words.extend(wanted.method.clone());
    words.extend(wanted.kind.map(|kind| kind.to_string()));
    words.extend(wanted.path.clone());
    words.extend(wanted.headers.iter().map(|(name, text)| format!("with {name}: {text}")));
    if let Some(statuses) = &wanted.status {
        words.push(format!("→ {}", list(statuses)));
    }
    format!("{}{}", count(wanted.count), words.join(" "))
}

fn list(statuses: &Statuses) -> String {
    match statuses.0.is_empty() {
        true => "none".to_owned(),
        false => statuses.0.iter().map(u16::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn lines(seen: &[&Request]) -> String {
    match seen.is_empty() {
        true => "no requests".to_owned(),
        false => seen.iter().map(|one| one.to_string()).collect::<Vec<_>>().join("\n"),
    }
}

fn users(class: &str, expected: &Authenticated, seen: &ByUser, all: &[Request]) -> Verdict {
    if let Some(other) = seen.keys().find(|user| !expected.0.contains_key(*user)) {
        let wanted: Vec<&str> = expected.0.keys().map(String::as_str).collect();
        let wanted = if wanted.is_empty() { "none".to_owned() } else { wanted.join(", ") };
        let seen = format!("{other}: {}", summary(all));
        return Verdict::Impossible(Mismatch::new(&format!("registry, {class}"), wanted, seen));
    }
    Verdict::all(expected.0.iter().map(|(user, expected)| {
        statuses(&format!("{class} {user}"), expected, seen.get(user), all)
    }))
}

fn statuses(
    of: &str,
    expected: &Statuses,
    seen: Option<&BTreeSet<u16>>,
    all: &[Request],
) -> Verdict {
    let empty = BTreeSet::new();
    let seen = seen.unwrap_or(&empty);
    let mismatch = || Mismatch::new(&format!("registry, {of}"), list(expected), summary(all));
    if seen.iter().any(|status| !expected.0.contains(status)) {
        return Verdict::Impossible(mismatch());
    }
    match expected.0.iter().all(|status| seen.contains(status)) {
        true => Verdict::Met,
        false => Verdict::AwaitingReports(mismatch()),
    }
}

/// Returns the node's requests in a line: credentials, status, and how often.
fn summary(all: &[Request]) -> String {
    let summaries = RequestSummary::of(all);
    if summaries.is_empty() {
        return "no request".to_owned();
    }
    let words: Vec<String> = summaries.iter().map(|one| format!("{one} ×{}", one.count)).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn judge(yaml: &str, seen: &str) -> Verdict {
        requests(&serde_saphyr::from_str(yaml).unwrap(), &sample::requests(seen))
    }

    #[track_caller]
    fn seen_otherwise(yaml: &str, seen: &str) -> Mismatch {
        match judge(yaml, seen) {
            Verdict::Impossible(mismatch) => mismatch,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn awaited(yaml: &str, seen: &str) {
        let verdict = judge(yaml, seen);
        assert!(matches!(verdict, Verdict::AwaitingReports(_)), "{verdict:?}");
    }

    const PULL: &str = "
        node HEAD /v2/a/manifests/v1 - 401
        node HEAD /v2/a/manifests/v1 janedoe 200
        node GET /v2/a/blobs/sha256:0 janedoe 200
        node GET /v2/a/blobs/sha256:1 janedoe 200";
    const TOKEN: &str = "
        node HEAD /v2/a/manifests/v1 - 401
        node POST /pullproof/token janedoe 200
        node HEAD /v2/a/manifests/v1 bearer:janedoe 200";
    const CONTROL: &str = "
        control HEAD /v2/a/manifests/v1 - 401
        control GET /pullproof/token - 401";

    #[test]
    fn the_control_pull_and_the_host_are_nobodys_evidence() {
        awaited("{anonymous: 401}", CONTROL);
        awaited("{tokens: {anonymous: 401}}", CONTROL);
        awaited("{requests: [{kind: manifest}]}", CONTROL);
        assert_eq!(judge("{requests: none, anonymous: none}", CONTROL), Verdict::Met);
        awaited("{authenticated: {janedoe: 200}}", "host GET /v2/ janedoe 200");
        assert_eq!(summary(&sample::requests(CONTROL)), "no request");
    }

    #[test]
    fn each_status_was_seen_and_no_other() {
        assert_eq!(judge("{anonymous: 401, authenticated: {janedoe: 200}}", PULL), Verdict::Met);
        awaited("{anonymous: [401, 404]}", PULL);
        let mismatch = seen_otherwise("{anonymous: 404}", PULL);
        assert_eq!(mismatch.of, "registry, anonymous");
        assert_eq!(mismatch.seen, "anonymous 401 ×1, basic janedoe 200 ×3");
        seen_otherwise("{anonymous: none}", PULL);
        awaited("{anonymous: 401}", "");
        assert_eq!(judge("{anonymous: none}", ""), Verdict::Met);
    }

    #[test]
    fn users_are_those_of_basic_credentials_and_no_others() {
        assert_eq!(seen_otherwise("{authenticated: {bob: 200}}", PULL).expected, "bob");
        assert_eq!(seen_otherwise("{authenticated: none}", PULL).expected, "none");
        awaited("{authenticated: {janedoe: 200, bob: 401}}", PULL);
        seen_otherwise("{authenticated: {janedoe: 401}}", PULL);
        awaited("{authenticated: {janedoe: 200}}", TOKEN);
    }

    #[test]
    fn token_requests_and_bearers_are_classes_of_their_own() {
        let right =
            "{anonymous: 401, tokens: {janedoe: 200}, bearer: {janedoe: 200}, authenticated: none}";
        assert_eq!(judge(right, TOKEN), Verdict::Met);
        seen_otherwise("{tokens: none}", TOKEN);
        seen_otherwise("{bearer: {anonymous: 200}}", TOKEN);
        awaited("{bearer: {janedoe: 200}}", PULL);
    }

    #[test]
    fn requests_none_means_not_one() {
        assert_eq!(judge("{requests: none}", ""), Verdict::Met);
        let mismatch = seen_otherwise("{requests: none}", PULL);
        assert!(mismatch.seen.starts_with("4 requests: anonymous 401 ×1"), "{mismatch:?}");
    }

    #[test]
    fn a_reset_has_the_status_0() {
        let reset = "node HEAD /v2/a/manifests/v1 - -";
        assert_eq!(judge("{anonymous: 0}", reset), Verdict::Met);
        assert_eq!(judge("{requests: [{status: 0, count: 1}]}", reset), Verdict::Met);
        seen_otherwise("{anonymous: 401}", reset);
    }

    #[test]
    fn users_come_in_an_order() {
        let two = "node HEAD /v2/a/manifests/v1 bob 401\nnode HEAD /v2/a/manifests/v1 alice 200";
        assert_eq!(judge("{order: [bob, alice]}", two), Verdict::Met);
        awaited("{order: [bob, alice, carol]}", two);
        assert_eq!(seen_otherwise("{order: [alice, bob]}", two).of, "registry order");
    }

    #[test]
    fn requests_are_counted_by_what_is_said_of_them() {
        for met in [
            "{kind: manifest, count: 2}",
            "{kind: blob, user: janedoe, status: 200, count: '>=2'}",
            "{method: head, user: anonymous, status: 401, count: 1}",
            "{path: /blobs/sha256:1, count: 1}",
            "{user: bob, count: 0}",
            "{status: [200, 401], count: '<=4'}",
        ] {
            assert_eq!(judge(&format!("{{requests: [{met}]}}"), PULL), Verdict::Met, "{met}");
        }
        awaited("{requests: [{kind: token}]}", PULL);
        awaited("{requests: [{kind: manifest, count: 3}]}", PULL);
        let mismatch = seen_otherwise("{requests: [{kind: blob, user: janedoe, count: 1}]}", PULL);
        assert_eq!(mismatch.expected, "1 × janedoe blob");
        assert!(mismatch.seen.starts_with("2 of them among: anonymous HEAD"), "{mismatch:?}");
        seen_otherwise("{requests: [{user: janedoe, status: 200, count: 0}]}", PULL);
    }

    #[test]
    fn which_password_was_sent_can_be_told_apart() {
        let seen = "node HEAD /v2/a/manifests/v1 janedoe/old 401
                    node HEAD /v2/a/manifests/v1 janedoe/new 200";
        let judge = |password: &str, status: u16| {
            let request = format!("{{user: janedoe, password: {password}, status: {status}}}");
            judge(&format!("{{requests: [{request}]}}"), seen)
        };
        assert_eq!(judge("old", 401), Verdict::Met);
        assert_eq!(judge("new", 200), Verdict::Met);
        let Verdict::AwaitingReports(mismatch) = judge("old", 200) else { panic!() };
        assert!(!format!("{mismatch:?}").contains("old"), "{mismatch:?}");
    }

    #[test]
    fn requests_are_told_apart_by_their_headers() {
        let mut seen = sample::requests(PULL);
        seen[0].headers = vec![("accept".to_owned(), "application/json, */*".to_owned())];
        let wanted = |text: &str| -> ExpectedRequest { serde_saphyr::from_str(text).unwrap() };
        assert!(fits(&wanted("{headers: {Accept: json}}"), &seen[0]));
        assert!(!fits(&wanted("{headers: {Accept: xml}}"), &seen[0]));
        assert!(!fits(&wanted("{headers: {Range: ''}}"), &seen[0]));
    }

    #[test]
    fn requests_may_have_to_come_in_order() {
        let order = |first: &str, second: &str| {
            judge(&format!("{{inOrder: true, requests: [{first}, {second}]}}"), PULL)
        };
        assert_eq!(order("{status: 401}", "{kind: blob}"), Verdict::Met);
        let verdict = order("{kind: blob}", "{status: 401}");
        assert!(matches!(verdict, Verdict::AwaitingReports(_)), "{verdict:?}");
    }
}
