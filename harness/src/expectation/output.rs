//! What a command printed.

use super::{Mismatch, applies, texts};
use crate::{case::model::Output, cluster::NodeVersions};

/// Looks at what a command printed.
pub fn output(
    of: &str,
    wanted: &Output,
    printed: &str,
    versions: &NodeVersions,
) -> Result<(), Mismatch> {
    for text in texts::held(of, &wanted.contains, versions)? {
        if !texts::fits(text, printed) {
            return Err(Mismatch::new(of, texts::wanted(text), printed));
        }
    }
    for text in wanted.not_contains.0.iter().filter(|text| applies(&text.when, versions)) {
        if printed.contains(&text.text) {
            let lacks = format!("does not contain {:?}", text.text);
            return Err(Mismatch::new(of, lacks, printed));
        }
    }
    if let Some(exact) = &wanted.equals
        && exact.trim_end_matches('\n') != printed.trim_end_matches('\n')
    {
        return Err(Mismatch::new(of, exact, printed));
    }
    if let Some(wanted) = &wanted.json {
        let value: serde_json::Value = serde_saphyr::from_str(printed).map_err(|error| {
            Mismatch::new(of, "JSON or YAML", format!("{}\n{printed}", error.without_snippet()))
        })?;
        if let Some((path, wanted, seen)) = first_difference(wanted, &value, "") {
            let place = if path.is_empty() { "all of it".to_owned() } else { path };
            return Err(Mismatch::new(of, format!("{place} is {wanted}"), seen));
        }
    }
    Ok(())
}

/// The first value of `wanted` that `seen` does not hold, with its path.
fn first_difference(
    wanted: &serde_json::Value,
    seen: &serde_json::Value,
    path: &str,
) -> Option<(String, String, String)> {
    use serde_json::Value::{Array, Object};
    match (wanted, seen) {
        (Object(wanted), Object(seen)) => wanted.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match seen.get(key) {
                Some(seen) => first_difference(value, seen, &path),
                None => Some((path, value.to_string(), "absent".to_owned())),
            }
        }),
        (Array(wanted), Array(seen)) if wanted.len() == seen.len() => {
            wanted.iter().zip(seen).enumerate().find_map(|(at, (wanted, seen))| {
                first_difference(wanted, seen, &format!("{path}[{at}]"))
            })
        }
        _ if wanted == seen => None,
        _ => Some((path.to_owned(), wanted.to_string(), seen.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::versions;
    use super::*;

    #[test]
    fn json_holds_what_is_wanted_and_may_hold_more() {
        let wanted: Output = serde_saphyr::from_str("{json: {a: {b: [1, 2]}}}").unwrap();
        let judge = |printed: &str| output("stdout", &wanted, printed, &versions());
        assert_eq!(judge(r#"{"a": {"b": [1, 2], "c": 3}, "d": 4}"#), Ok(()));
        assert_eq!(judge("a:\n  b: [1, 2]\n"), Ok(()));
        let error = judge(r#"{"a": {"b": [1, 3]}}"#).unwrap_err();
        assert_eq!((error.expected.as_str(), error.seen.as_str()), (".a.b[1] is 2", "3"));
        assert!(judge("{").is_err());
    }
}
