//! Outcomes for machines.

use serde_json::{Value, json};

use crate::outcome::{Latency, Outcome};

use super::Grid;

/// The rounds of a run: `{"rounds": [{"outcomes": […]}]}`; each outcome has its versions.
pub fn json(rounds: &[Vec<Outcome>], latency: Option<&Latency>) -> String {
    let rounds: Vec<Value> = rounds.iter().map(|all| json!({"outcomes": all})).collect();
    let mut all = json!({"rounds": rounds});
    if let Some(latency) = latency {
        all["latency"] = json!(latency);
    }
    format!("{all:#}\n")
}

/// A matrix: `{"columns": [{"label": …, "error": …, "outcomes": […]}]}`.
pub fn matrix_json(grid: &Grid) -> String {
    let columns = grid.columns.iter().enumerate().map(|(at, column)| {
        json!({
            "label": column.label,
            "error": column.error,
            "outcomes": grid.outcomes(at).collect::<Vec<_>>(),
        })
    });
    format!("{:#}\n", json!({"columns": columns.collect::<Vec<_>>()}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{outcome::Result, report::sample};

    #[test]
    fn an_outcome_tells_its_result_its_versions_and_what_was_seen() {
        insta::assert_snapshot!(json(&[vec![sample::outcome(Result::Passed)]], None), @r#"
        {
          "rounds": [
            {
              "outcomes": [
                {
                  "evidence": {
                    "in": "target/pullproof/x"
                  },
                  "name": "documentation/missing-secret",
                  "note": null,
                  "observed": [
                    {
                      "after": [
                        "apply Pod/private-reg"
                      ],
                      "causes": [
                        "no-credentials"
                      ],
                      "container": null,
                      "message": "no basic auth credentials",
                      "phase": "Pending",
                      "pod": "private-reg",
                      "reasons": [
                        "ErrImagePull",
                        "ImagePullBackOff"
                      ],
                      "registries": {
                        "registry": [
                          {
                            "authorization": {
                              "kind": "none"
                            },
                            "count": 1,
                            "status": 401,
                            "token": false
                          }
                        ]
                      },
                      "step": 2
                    }
                  ],
                  "path": "scenarios/documentation/missing-secret.yaml",
                  "registries": {
                    "registry": [
                      {
                        "authorization": {
                          "kind": "none"
                        },
                        "count": 4,
                        "status": 401,
                        "token": false
                      }
                    ]
                  },
                  "result": {
                    "result": "passed"
                  },
                  "source": "https://kubernetes.io/docs/a/#b",
                  "title": "A pod without a secret",
                  "took": 1.84,
                  "versions": {
                    "containerd": "2.3.7",
                    "kubernetes": "1.37.2"
                  }
                }
              ]
            }
          ]
        }
        "#);
    }

    #[test]
    fn a_matrix_is_its_columns() {
        let value: Value = serde_json::from_str(&matrix_json(&sample::grid())).unwrap();
        assert_eq!(value["columns"][0]["label"], "1.34");
        assert_eq!(value["columns"][1]["outcomes"][2]["result"]["result"], "failed");
    }
}
