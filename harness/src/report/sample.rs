//! Outcomes for the tests of reports.

use std::{collections::BTreeMap, time::Duration};

use semver::Version;

use crate::{
    case::model::When,
    cluster::NodeVersions,
    expectation::Mismatch,
    outcome::{Evidence, Observation, Outcome, Result, SourceLocation, StepFailure},
    registry::{Authorization, RequestSummary, sample::requests},
};

use super::{Column, Grid};

/// An outcome of `documentation/missing-secret` on 1.37.2.
pub fn outcome(result: Result) -> Outcome {
    Outcome {
        name: "documentation/missing-secret".into(),
        title: "A pod without a secret".into(),
        source: "https://kubernetes.io/docs/a/#b".into(),
        note: None,
        path: "scenarios/documentation/missing-secret.yaml".into(),
        versions: versions("1.37.2"),
        result,
        took: Duration::from_millis(1840),
        registries: registry("node GET /v2/ - 401\n".repeat(4).as_str()),
        observed: vec![pending("no basic auth credentials")],
        decisions: Vec::new(),
        evidence: Some(Evidence::In("target/pullproof/x".into())),
    }
}

/// The outcome of a case of another name.
pub fn named(name: &str, result: Result) -> Outcome {
    let path = format!("scenarios/{name}.yaml").into();
    Outcome { name: name.into(), path, ..outcome(result) }
}

/// A Kubernetes version with containerd 2.3.7.
pub fn versions(kubernetes: &str) -> NodeVersions {
    NodeVersions { kubernetes: kubernetes.parse().unwrap(), containerd: Version::new(2, 3, 7) }
}

/// A pod that fails to pull.
pub fn pending(message: &str) -> Observation {
    Observation {
        step: 2,
        after: vec!["apply Pod/private-reg".into()],
        pod: Some("private-reg".into()),
        phase: Some("Pending".into()),
        reasons: vec!["ErrImagePull".into(), "ImagePullBackOff".into()],
        message: Some(message.into()),
        registries: registry("node GET /v2/ - 401"),
        causes: vec!["no-credentials".into()],
        ..Observation::default()
    }
}

/// A pod that runs.
pub fn running() -> Observation {
    Observation {
        step: 4,
        after: vec!["run kubectl create secret docker-registry regcred".into()],
        pod: Some("private-reg".into()),
        phase: Some("Running".into()),
        registries: registry("node GET /v2/ - 401\nnode GET /v2/ janedoe 200"),
        causes: Vec::new(),
        ..Observation::default()
    }
}

/// What the only registry of a case saw.
fn registry(lines: &str) -> BTreeMap<String, Vec<RequestSummary>> {
    BTreeMap::from([("registry".to_owned(), RequestSummary::of(&requests(lines)))])
}

/// A request on behalf of a user.
pub fn request_of(user: &str) -> RequestSummary {
    let authorization = Authorization::Basic { user: user.to_owned() };
    RequestSummary { token: false, authorization, status: Some(401), count: 1 }
}

/// Line 7 of a case.
pub fn place() -> SourceLocation {
    SourceLocation { path: "a.yaml".into(), line: Some(7) }
}

/// Kubernetes before 1.35.
pub fn before_1_35() -> When {
    When { kubernetes: "<1.35".parse().ok(), containerd: None }
}

/// A failed expectation.
pub fn failed() -> Result {
    Result::Failed(StepFailure {
        place: place(),
        mismatch: Mismatch::new("phase", "Running", "Pending"),
        waited: Duration::from_millis(1200),
        kubelet: None,
        diagnosis: None,
        requests: Vec::new(),
        control: Vec::new(),
    })
}

/// Two versions and four cases of two themes: alike, different, failed, not applicable.
pub fn grid() -> Grid {
    let names = ["documentation/a", "documentation/b", "key-matching/c", "key-matching/d"];
    let columns = ["1.34", "1.37"].map(|label| Column::new(label.into()));
    let mut grid = Grid::new(columns.into(), names.map(str::to_owned).into());
    for (at, version) in ["1.34.4", "1.37.2"].into_iter().enumerate() {
        let mut all = names.map(|name| named(name, Result::Passed));
        for one in &mut all {
            one.versions = versions(version);
        }
        all[0].title = "A title with <script>alert(1)</script> & `code`".into();
        all[0].note = Some("Kubernetes 1.28 and later say so.".into());
        all[1].observed = vec![pending(if at == 0 { "<old>" } else { "<new>" }), running()];
        all[2].source = "pkg/credentialprovider/keyring.go".into();
        if at == 1 {
            all[2].result = failed();
            all[3].result = Result::NotApplicable { applies_to: before_1_35() };
            all[3].observed = Vec::new();
        }
        for (row, outcome) in all.into_iter().enumerate() {
            grid.set(at, row, outcome);
        }
    }
    grid
}
