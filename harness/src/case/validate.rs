//! What serde cannot say of a case: one verb a step, names that exist, a reason for every failure.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    error::CaseError,
    file::CaseFile,
    model::{
        Auth, Expect, Fault, FaultAction, Hosts, Phase, Step, When, ca_variable, node_variable,
    },
    range::VersionRange,
    variables::{names_in, variable_name},
};
use crate::versions::Versions;

const VERBS: [&str; 7] = ["apply", "expect", "run", "patch", "delete", "registry", "node"];

/// Checks a case as a whole.
pub(super) fn check(file: &CaseFile) -> Result<(), CaseError> {
    let case = &file.case;
    ranges(file, None, &case.when)?;
    if case.steps.is_empty() {
        return Err(CaseError::at(&file.path, None, "has no steps"));
    }
    for (name, registry) in &case.registries {
        if let Auth::Token(token) = &registry.auth
            && token.users.is_empty()
            && token.public.is_empty()
        {
            let problem =
                format!("the token server of `{name}` has neither users nor public repositories");
            return Err(CaseError::at(&file.path, None, problem));
        }
    }
    for registry in case.registries.values() {
        redirects_lead_somewhere(file, None, &registry.faults)?;
    }
    for (host, hosts) in &case.hosts {
        for name in hosts.server.iter().chain(&hosts.mirrors) {
            registry_exists(file, None, name, &format!("hosts of `{host}`"))?;
        }
        own_toml(file, host, hosts)?;
    }
    let mut proved = false;
    for (index, step) in file.steps() {
        let place = file.place(index);
        ranges(file, place, &step.when)?;
        one_verb(file, place, step)?;
        let recorded = step.node.as_ref().is_some_and(|node| node.record.is_some());
        proved |= step.expect.is_some() || step.run.is_some() || recorded;
        if let Some(expect) = &step.expect {
            expectation(file, index, expect)?;
        }
        if let Some(change) = &step.registry {
            the_registry(file, place, change.of.as_deref())?;
            redirects_lead_somewhere(file, place, change.faults.as_deref().unwrap_or_default())?;
        }
        variables_exist(file, index)?;
    }
    if !proved {
        let problem = "expects nothing: a case needs a step `expect` or `run`";
        return Err(CaseError::at(&file.path, None, problem));
    }
    Ok(())
}

fn one_verb(file: &CaseFile, place: Option<(u64, u64)>, step: &Step) -> Result<(), CaseError> {
    let given: Vec<&str> = [
        step.apply.is_some(),
        step.expect.is_some(),
        step.run.is_some(),
        step.patch.is_some(),
        step.delete.is_some(),
        step.registry.is_some(),
        step.node.is_some(),
    ]
    .into_iter()
    .zip(VERBS)
    .filter_map(|(given, verb)| given.then_some(verb))
    .collect();
    let problem = match given.as_slice() {
        [_] => return Ok(()),
        [] => format!("a step without a verb; expected one of {}", VERBS.join(", ")),
        many => format!(
            "a step with {} verbs ({}); make each a step of its own",
            many.len(),
            many.join(", ")
        ),
    };
    Err(CaseError::at(&file.path, place, problem))
}

/// A range must hold for a version there is: a typo would otherwise switch the step off for ever.
fn ranges(file: &CaseFile, place: Option<(u64, u64)>, when: &When) -> Result<(), CaseError> {
    let versions = Versions::built_in();
    let check = |range: &Option<VersionRange>, of: &str, known: Vec<String>| match range {
        Some(range) if !known.iter().any(|known| holds_for_minor(range, known)) => {
            let problem = format!("no {of} version there is lies in `{range}`");
            Err(CaseError::at(&file.path, place, problem).among(&range.to_string(), known))
        }
        _ => Ok(()),
    };
    check(&when.kubernetes, "Kubernetes", versions.kubernetes_minors())?;
    check(&when.containerd, "containerd", versions.containerd_minors())
}

fn holds_for_minor(range: &VersionRange, minor: &str) -> bool {
    // The first and a late patch: a range may begin or end within a minor.
    [0, 99].iter().any(|patch| {
        super::range::version_of(&format!("{minor}.{patch}")).is_some_and(|v| range.contains(&v))
    })
}

fn expectation(file: &CaseFile, index: usize, expect: &Expect) -> Result<(), CaseError> {
    let place = file.place(index);
    let fails = expect.phase == Some(Phase::Pending)
        || expect.reasons.iter().any(|reason| reason != "ContainerCreating");
    let told = expect.events.iter().any(|event| !event.message.0.is_empty());
    if fails && expect.message.0.is_empty() && expect.registry.0.is_empty() && !told {
        let problem = "expects a failing pull without saying why: any error would satisfy it. \
                       Add `message`, `registry` or `events` with a message";
        return Err(CaseError::at(&file.path, place, problem));
    }
    for text in
        expect.message.0.iter().chain(expect.events.iter().flat_map(|event| &event.message.0))
    {
        ranges(file, place, &text.when)?;
    }
    if expect.phase == Some(Phase::Running)
        && !expect.reasons.is_empty()
        && expect.container.is_none()
    {
        let problem = "a running pod has no waiting reasons: name the `container` that waits, or split the step";
        return Err(CaseError::at(&file.path, place, problem));
    }
    let nothing = expect.phase.is_none()
        && expect.reasons.is_empty()
        && expect.events.is_empty()
        && expect.message.0.is_empty()
        && expect.registry.0.is_empty()
        && expect.no_events.is_empty();
    if nothing {
        let problem = "an empty expectation holds for anything; say `phase`, `reasons`, `message`, `events` or `registry`";
        return Err(CaseError::at(&file.path, place, problem));
    }
    for registry in &expect.registry.0 {
        the_registry(file, place, registry.of.as_deref())?;
    }
    let pod_needed = expect.phase.is_some()
        || !expect.reasons.is_empty()
        || !expect.message.0.is_empty()
        || !expect.events.is_empty()
        || !expect.no_events.is_empty();
    match &expect.pod {
        Some(pod) => pod_exists(file, index, pod),
        None if pod_needed => Err(CaseError::at(&file.path, place, "the key `pod` is missing")),
        None => Ok(()),
    }
}

/// A pod must have been applied before it is looked at, unless a command may have made it.
fn pod_exists(file: &CaseFile, index: usize, pod: &str) -> Result<(), CaseError> {
    let before = || file.steps().take_while(|(step, _)| *step < index);
    if before()
        .any(|(_, step)| step.run.as_ref().is_some_and(|run| run.command.contains("kubectl")))
    {
        return Ok(());
    }
    let objects: Vec<&Value> =
        file.objects.range(..index).flat_map(|(_, objects)| objects).collect();
    if objects.iter().any(|object| object["kind"] != "Pod" && !object["spec"]["template"].is_null())
    {
        return Ok(());
    }
    let pods: BTreeSet<&str> = objects
        .iter()
        .filter(|object| object["kind"] == "Pod")
        .filter_map(|object| object["metadata"]["name"].as_str())
        .collect();
    if pods.contains(pod) {
        return Ok(());
    }
    let problem = if pods.is_empty() {
        format!(
            "no manifest applied before this step holds a pod, so there is no `{pod}` to look at"
        )
    } else {
        format!("no manifest applied before this step holds the pod `{pod}`")
    };
    Err(CaseError::at(&file.path, file.place(index), problem).among(pod, pods))
}

/// The registry a step means: the one it names, or the only one.
fn the_registry(
    file: &CaseFile,
    place: Option<(u64, u64)>,
    name: Option<&str>,
) -> Result<(), CaseError> {
    match name {
        Some(name) => registry_exists(file, place, name, "this step"),
        None if file.case.registries.len() == 1 => Ok(()),
        None => {
            let problem = "the case does not have exactly one registry: say which by `of`";
            Err(CaseError::at(&file.path, place, problem).among("", file.case.registries.keys()))
        }
    }
}

/// The text of a hosts.toml stands alone and names what there is.
fn own_toml(file: &CaseFile, host: &str, hosts: &Hosts) -> Result<(), CaseError> {
    let Some(toml) = &hosts.toml else { return Ok(()) };
    if hosts.server.is_some() || !hosts.mirrors.is_empty() {
        let problem = format!(
            "hosts of `{host}` have `toml` beside `server` or `mirrors`; write these into the text"
        );
        return Err(CaseError::at(&file.path, None, problem));
    }
    let registries = file.case.registries.keys();
    let known: Vec<String> =
        registries.flat_map(|name| [node_variable(name), ca_variable(name)]).collect();
    let mut used = Vec::new();
    names_in(&Value::String(toml.clone()), &mut used);
    match used.iter().find(|name| !known.contains(name)) {
        Some(name) => {
            let problem = format!("hosts of `{host}` use `${name}`, which stands for nothing here");
            Err(CaseError::at(&file.path, None, problem).among(name, known))
        }
        None => Ok(()),
    }
}

/// A redirect leads to a registry of the case.
fn redirects_lead_somewhere(
    file: &CaseFile,
    place: Option<(u64, u64)>,
    faults: &[Fault],
) -> Result<(), CaseError> {
    for fault in faults {
        if let FaultAction::Redirect(name) | FaultAction::RedirectAway(name) = &fault.action {
            registry_exists(file, place, name, "a redirect")?;
        }
    }
    Ok(())
}

fn registry_exists(
    file: &CaseFile,
    place: Option<(u64, u64)>,
    name: &str,
    by: &str,
) -> Result<(), CaseError> {
    if file.case.registries.contains_key(name) {
        return Ok(());
    }
    let problem = format!("the registry `{name}`, named by {by}, is not among `registries`");
    Err(CaseError::at(&file.path, place, problem).among(name, file.case.registries.keys()))
}

/// A misspelt `$NAME` in a manifest would be applied as it stands.
fn variables_exist(file: &CaseFile, index: usize) -> Result<(), CaseError> {
    let case = &file.case;
    let known: Vec<String> = case
        .registries
        .keys()
        .chain(&case.namespaces)
        .map(|name| variable_name(name))
        .chain(["NAMESPACE".to_owned()])
        .chain(case.registries.keys().map(|name| node_variable(name)))
        .chain(digest_names(file))
        .collect();
    let mut used = Vec::new();
    for object in file.objects.get(&index).into_iter().flatten() {
        names_in(object, &mut used);
    }
    match used.iter().find(|name| !known.contains(name)) {
        Some(name) => Err(CaseError::at(
            &file.path,
            file.place(index),
            format!("a manifest uses `${name}`, which stands for nothing here"),
        )
        .among(name, known)),
        None => Ok(()),
    }
}

/// What the case calls the digests of its images.
fn digest_names(file: &CaseFile) -> impl Iterator<Item = String> {
    let before = file.case.registries.values().flat_map(|registry| &registry.images);
    let later = file.steps().filter_map(|(_, step)| step.registry.as_ref());
    let images = before.chain(later.flat_map(|change| &change.push));
    images.filter_map(|image| image.digest.clone())
}
