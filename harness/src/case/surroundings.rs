//! What a case needs of the machine around it, as far as its text shows.

use std::collections::BTreeSet;

use super::{CaseFile, is_literal};

impl CaseFile {
    /// Returns the hosts that only one case at a time can have, in the order in which they are taken.
    pub fn literal_hosts(&self) -> Vec<String> {
        let names = self.case.registries.keys().chain(self.case.hosts.keys());
        let hosts: BTreeSet<String> = names.filter(|name| is_literal(name)).cloned().collect();
        hosts.into_iter().collect()
    }

    /// Whether it applies what makes a pod again after it was deleted.
    pub fn makes_pods_again(&self) -> bool {
        let template = |object: &serde_json::Value| !object["spec"]["template"].is_null();
        let workload = |object: &serde_json::Value| {
            template(object) || !object["spec"]["jobTemplate"].is_null()
        };
        self.objects.values().flatten().any(workload)
    }
}

/// Returns a case's name as a part of a namespace's.
pub fn namespace_part(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    plain.trim_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_a_controller_makes_goes_with_the_namespace() {
        let workload = |kind: &str, spec: &str| {
            format!(
                "- apply: {{apiVersion: apps/v1, kind: {kind}, metadata: {{name: web}}, spec: {spec}}}\n\
                 - expect: {{pod: app=web, phase: Running}}"
            )
        };
        let pod =
            "{spec: {containers: [{name: web, image: web:v1}]}, metadata: {labels: {app: web}}}";
        for makes in [
            workload("Deployment", &format!("{{template: {pod}}}")),
            workload("CronJob", &format!("{{jobTemplate: {{spec: {{template: {pod}}}}}}}")),
        ] {
            let text = format!("title: t\nsource: s\nsteps:\n{makes}\n");
            let file = CaseFile::parse(Path::new("theme/case.yaml"), &text);
            let file = file.unwrap_or_else(|error| panic!("{error}"));
            assert!(file.makes_pods_again(), "{makes}");
        }
        let plain = "- apply: {apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: \
                     [{name: a, image: a:v1}]}}\n- expect: {pod: a, phase: Running}";
        let text = format!("title: t\nsource: s\nsteps:\n{plain}\n");
        assert!(!CaseFile::parse(Path::new("a.yaml"), &text).unwrap().makes_pods_again());
    }

    #[test]
    fn a_cases_name_becomes_a_part_of_a_namespaces() {
        assert_eq!(
            namespace_part("documentation/Docker Hub.yaml"),
            "documentation-docker-hub-yaml"
        );
        let long = namespace_part(&"x/".repeat(60));
        assert!(long.len() <= 40 && long.ends_with('x'), "{long}");
    }
}
