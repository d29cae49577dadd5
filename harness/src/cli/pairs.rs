//! The versions that `matrix` is asked for.

use crate::{case::model::SeenOn, error::Usage, settings::Settings, versions};

/// Stands for each version that is known.
const ALL: &str = "all";

/// A Kubernetes minor with a containerd minor, and the settings that mean its cluster.
#[derive(Debug, Clone)]
pub struct Pair {
    /// `1.37`, or `1.37/2.2` with a containerd that was asked for.
    pub label: String,
    /// The settings.
    pub settings: Settings,
}

impl Pair {
    /// Names the containerd only if it is another than the node image's own.
    fn of(settings: Settings) -> Self {
        let label = match &settings.containerd {
            Some(containerd) => format!("{}/{containerd}", settings.kubernetes),
            None => settings.kubernetes.clone(),
        };
        Self { label, settings }
    }

    /// Returns its place in the order of versions.
    pub fn order(&self) -> (Vec<u64>, Vec<u64>) {
        let containerd = self.settings.containerd.as_deref().unwrap_or_default();
        (versions::order(&self.settings.kubernetes), versions::order(containerd))
    }
}

/// Returns the known pair that is nearest to the versions on which something was seen: of each program
/// the same minor, otherwise the next one, otherwise the last. Without such versions, the default.
pub fn nearest(settings: &Settings, seen_on: Option<&SeenOn>) -> Pair {
    let known = &settings.versions;
    let near = |wanted: Option<&str>, minors: Vec<String>| -> Option<String> {
        let wanted = versions::order(wanted?.trim_start_matches('v'));
        let minor = wanted.get(..2)?;
        let next = minors.iter().find(|known| versions::order(known).as_slice() >= minor);
        next.or(minors.last()).cloned()
    };
    let kubernetes =
        seen_on.and_then(|on| near(on.kubernetes.as_deref(), known.kubernetes_minors()));
    let containerd = seen_on.and_then(|on| near(on.containerd(), known.containerd_minors()));
    let mut settings = settings.clone();
    settings.kubernetes = kubernetes.unwrap_or(settings.kubernetes);
    if let Some(containerd) = containerd {
        let own = settings.versions.own_containerd(&settings.kubernetes);
        settings.containerd = (own != Some(containerd.as_str())).then_some(containerd);
    }
    Pair::of(settings)
}

/// Returns the pairs that two lists mean, in their order. An entry of the first is a minor, or a minor
/// with its containerd (`1.37/2.2`); each minor alone is combined with each entry of the second.
/// `all` stands for each minor that is known.
///
/// # Errors
/// An unknown version, none at all, or one that is asked for twice.
pub fn pairs(
    settings: &Settings,
    kubernetes: Option<&str>,
    containerd: Option<&str>,
) -> anyhow::Result<Vec<Pair>> {
    let known = &settings.versions;
    let kubernetes = match kubernetes {
        Some(list) => entries(list),
        None => vec![known.older.clone(), known.default.clone()],
    };
    let containerd = containerd.map(entries);
    let mut pairs: Vec<Pair> = Vec::new();
    for entry in &kubernetes {
        let (minors, own) = match entry.split_once('/') {
            Some((minor, containerd)) => (minor, Some(vec![containerd.to_owned()])),
            None => (entry.as_str(), None),
        };
        let several =
            minors == ALL || own.iter().chain(&containerd).flatten().any(|one| one == ALL);
        let minors = match minors {
            ALL => known.kubernetes_minors(),
            minor => vec![known.kubernetes(minor)?],
        };
        for minor in &minors {
            for pair in on(settings, minor, own.as_ref().or(containerd.as_ref()))? {
                let name = pair.settings.cluster_name();
                let before = pairs.iter().find(|one| one.settings.cluster_name() == name);
                match before {
                    None => pairs.push(pair),
                    // Beside a version of its own, `all` means the others.
                    Some(_) if several => {}
                    Some(before) => {
                        let label = &before.label;
                        let problem = format!("the version {label} is asked for twice");
                        return Err(Usage(problem).into());
                    }
                }
            }
        }
    }
    match pairs.is_empty() {
        true => Err(Usage("no version is asked for".to_owned()).into()),
        false => Ok(pairs),
    }
}

fn entries(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// A Kubernetes minor with each containerd that is asked for.
fn on(
    settings: &Settings,
    minor: &str,
    containerd: Option<&Vec<String>>,
) -> anyhow::Result<Vec<Pair>> {
    let known = &settings.versions;
    let one = settings.for_kubernetes(minor)?;
    let Some(wanted) = containerd else {
        return Ok(vec![Pair::of(one)]);
    };
    let mut minors = Vec::new();
    for wanted in wanted {
        match wanted.as_str() {
            ALL => minors.extend(known.containerd_minors()),
            wanted => minors.push(known.containerd(wanted)?),
        }
    }
    let own = known.own_containerd(&one.kubernetes);
    let pair = |containerd: String| {
        let label = format!("{}/{containerd}", one.kubernetes);
        // The one that the node image has anyway needs no image of its own.
        let other = (own != Some(containerd.as_str())).then_some(containerd);
        Pair { label, settings: Settings { containerd: other, ..one.clone() } }
    };
    Ok(minors.into_iter().map(pair).collect())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::versions::Versions;

    fn settings() -> Settings {
        Settings {
            versions: Versions::built_in(),
            kubernetes: "1.37".into(),
            containerd: None,
            cache: PathBuf::new(),
            evidence: PathBuf::new(),
            path: String::new(),
            scope: None,
            docker_host: None,
        }
    }

    fn asked(kubernetes: Option<&str>, containerd: Option<&str>) -> Vec<(String, String)> {
        match pairs(&settings(), kubernetes, containerd) {
            Ok(all) => {
                all.into_iter().map(|one| (one.label, one.settings.cluster_name())).collect()
            }
            Err(error) => vec![(error.to_string(), String::new())],
        }
    }

    #[test]
    fn each_kubernetes_is_combined_with_each_containerd() {
        let all = asked(Some("1.34, v1.37.2"), Some("2.2,2.3"));
        let all: Vec<_> = all.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
        assert_eq!(
            all,
            [
                ("1.34/2.2", "pullproof-1-34-containerd-2-2"),
                ("1.34/2.3", "pullproof-1-34"),
                ("1.37/2.2", "pullproof-1-37-containerd-2-2"),
                ("1.37/2.3", "pullproof-1-37"),
            ]
        );
    }

    #[test]
    fn a_pair_may_be_named_and_all_means_each_once() {
        let labels = |list| asked(Some(list), None).into_iter().map(|(label, _)| label);
        assert_eq!(labels("1.34,1.37/2.2").collect::<Vec<_>>(), ["1.34", "1.37/2.2"]);
        let known = settings().versions;
        let all: Vec<String> = labels("all,1.37/all").collect();
        let count = known.kubernetes_minors().len() + known.containerd_minors().len() - 1;
        assert_eq!(all.len(), count, "{all:?}");
        assert!(all.contains(&"1.37".to_owned()) && all.contains(&"1.37/1.7".to_owned()));
    }

    #[test]
    fn without_a_version_the_older_and_the_newest_are_meant() {
        let versions = Versions::built_in();
        let labels: Vec<String> = asked(None, None).into_iter().map(|(label, _)| label).collect();
        assert_eq!(labels, [versions.older, versions.default]);
    }

    #[test]
    fn what_was_seen_elsewhere_is_tried_on_the_nearest_version() {
        let label = |kubernetes: &str, runtime: &str| {
            let seen_on = SeenOn {
                kubernetes: Some(kubernetes.to_owned()),
                runtime: Some(runtime.to_owned()),
            };
            nearest(&settings(), Some(&seen_on)).label
        };
        assert_eq!(label("v1.36.3", "containerd://2.3.7"), "1.36");
        assert_eq!(label("1.34.11+k3s1", "containerd://2.1.4-k3s1"), "1.34/2.1");
        assert_eq!(label("v1.19.3", "docker://19.3.8"), "1.31");
        assert_eq!(label("v1.40.0", "containerd://1.6.9"), "1.37/1.7");
        assert_eq!(nearest(&settings(), None).label, "1.37");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        assert_eq!(asked(Some(","), None)[0].0, "no version is asked for");
        assert_eq!(asked(Some("1.34,1.34.4"), None)[0].0, "the version 1.34 is asked for twice");
        assert_eq!(asked(Some("1.37,1.37/2.3"), None)[0].0, "the version 1.37 is asked for twice");
        assert!(asked(Some("1.7"), None)[0].0.starts_with("unknown Kubernetes version `1.7`"));
        assert!(asked(Some("1.37/3.7"), None)[0].0.starts_with("unknown containerd version `3.7`"));
    }
}
