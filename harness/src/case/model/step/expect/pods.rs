//! Pods, containers and namespaces that an expectation names have to be in a manifest applied before it,
//! unless a command may have made them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Expect;
use crate::case::{
    error::CaseError,
    model::Verb,
    pod_selector::PodSelector,
    source::{Source, at},
    tree::Key,
    variables::variable_name,
};

pub(super) fn check(source: Source<'_>, index: usize, expect: &Expect) -> Result<(), CaseError> {
    let own = namespace(source, index, expect)?;
    let Some(pod) = &expect.pod else {
        return match &expect.container {
            Some(_) => {
                let problem = "a container is one of a pod: the key `pod` is missing";
                Err(source.error(at!["steps", index, "expect", "container"], problem))
            }
            None => Ok(()),
        };
    };
    let which = PodSelector::parse(pod)
        .map_err(|error| source.error(at!["steps", index, "expect", "pod"], error.to_string()))?;
    if may_be_made_otherwise(source, index) {
        return Ok(());
    }
    let objects = || source.file.objects.range(..index).flat_map(|(_, objects)| objects);
    let templates: Vec<&Value> = objects().filter_map(template).collect();
    let pods: Vec<&Value> = objects().filter(|object| object["kind"] == "Pod").collect();
    let in_namespace =
        |object: &&&Value| normal(source, object["metadata"]["namespace"].as_str()) == own;
    let meant = |object: &&&Value| match &which {
        PodSelector::Name(name) => object["metadata"]["name"].as_str() == Some(name.as_str()),
        PodSelector::Labels(labels) => labels.iter().all(|(name, value)| {
            object["metadata"]["labels"][name].as_str() == Some(value.as_str())
        }),
        PodSelector::Workload { .. } => false,
    };
    let named: Vec<&Value> =
        pods.iter().filter(in_namespace).filter(meant).map(|object| &object["spec"]).collect();
    // The name of a workload's pod is known when it is there; its containers are known before.
    let specs = if named.is_empty() { templates } else { named };
    if specs.is_empty() {
        return missing_pod(source, index, expect, pod, &pods, &own);
    }
    let known: BTreeSet<&str> = specs.iter().flat_map(|spec| containers(spec)).collect();
    let check = |container: &Option<String>, path: &[Key<'_>]| match container {
        Some(container) if !known.contains(container.as_str()) => {
            let problem = format!("the pod `{pod}` has no container `{container}`");
            Err(source.error(path, problem).among(container, known.iter().copied()))
        }
        _ => Ok(()),
    };
    check(&expect.container, at!["steps", index, "expect", "container"])?;
    for (at, event) in expect.events.iter().enumerate() {
        check(&event.container, at!["steps", index, "expect", "events", at, "container"])?;
    }
    Ok(())
}

/// A command, or a file that the kubelet reads, may make what no manifest holds.
fn may_be_made_otherwise(source: Source<'_>, index: usize) -> bool {
    let mut before = source.file.steps().take_while(|(step, _)| *step < index);
    before.any(|(_, step)| match &step.verb {
        Verb::Run(run) => run.command.contains("kubectl"),
        Verb::Node(node) => node.files.values().any(|text| text.contains("Pod")),
        Verb::Apply(_) | Verb::Expect(_) | Verb::Patch(_) | Verb::Delete(_) | Verb::Registry(_) => {
            false
        }
    })
}

/// The spec of the pods that a workload makes.
fn template(object: &Value) -> Option<&Value> {
    let spec = &object["spec"];
    [&spec["template"]["spec"], &spec["jobTemplate"]["spec"]["template"]["spec"]]
        .into_iter()
        .find(|spec| spec.is_object())
}

fn containers(spec: &Value) -> impl Iterator<Item = &str> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .filter_map(|key| spec[key].as_array())
        .flatten()
        .filter_map(|container| container["name"].as_str())
}

/// A namespace by one name: the case's own goes by several.
fn normal(source: Source<'_>, name: Option<&str>) -> String {
    match name {
        None | Some("$NAMESPACE") => String::new(),
        Some(name) if source.file.case.namespace.as_deref() == Some(name) => String::new(),
        Some(name) => name.to_owned(),
    }
}

/// The namespace of an expectation, which is one of the case's.
fn namespace(source: Source<'_>, index: usize, expect: &Expect) -> Result<String, CaseError> {
    let case = &source.file.case;
    let normal = normal(source, expect.namespace.as_deref());
    let mut known: Vec<String> =
        case.namespaces.iter().map(|name| format!("${}", variable_name(name))).collect();
    if normal.is_empty() || known.contains(&normal) {
        return Ok(normal);
    }
    known.push("$NAMESPACE".to_owned());
    known.extend(case.namespace.clone());
    let problem = format!("the namespace `{normal}` is not one of the case");
    let path = at!["steps", index, "expect", "namespace"];
    Err(source.error(path, problem).among(&normal, known))
}

fn missing_pod(
    source: Source<'_>,
    index: usize,
    expect: &Expect,
    pod: &str,
    pods: &[&Value],
    own: &str,
) -> Result<(), CaseError> {
    let name = |object: &Value| object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
    let elsewhere = pods.iter().find(|object| name(object) == pod);
    let problem = match elsewhere {
        Some(object) => {
            let other = object["metadata"]["namespace"].as_str().unwrap_or("$NAMESPACE");
            let own = if own.is_empty() { "$NAMESPACE" } else { own };
            format!("the pod `{pod}` is applied in the namespace `{other}`, not in `{own}`")
        }
        None if pods.is_empty() => format!(
            "no manifest applied before this step holds a pod, so there is no `{pod}` to look at"
        ),
        None => format!("no manifest applied before this step holds the pod `{pod}`"),
    };
    let key = if elsewhere.is_some() && expect.namespace.is_some() { "namespace" } else { "pod" };
    let known: BTreeSet<String> = match elsewhere {
        Some(_) => BTreeSet::new(),
        None => pods.iter().map(|object| name(object)).collect(),
    };
    Err(source.error(at!["steps", index, "expect", key], problem).among(pod, known))
}
