//! The kubelet's keyring makes of invented secrets what it makes of the real ones, but for their names.

#![expect(clippy::unwrap_used, reason = "a test says by panicking what went wrong")]

#[path = "../../credentials/tests/support/mod.rs"]
#[expect(dead_code, reason = "the generator alone is used")]
mod support;

use std::collections::{BTreeMap, BTreeSet};

use pullproof_credentials::{
    ConfigError, Credential, Difference, Image, KeyringError, KubernetesVersion, Lookup, NoKeys,
    PassedOver, PullSecret, Reason,
};
use pullproof_pseudonym::{Pseudonyms, ShapeError};
use secrecy::ExposeSecret as _;
use support::compare::{Outcome, pull_secrets};
use support::generator;
use support::wire::{Bytes, Input};

const SEED: u64 = 11;
/// How many inputs are generated.
const INPUTS: u64 = 2000;

/// The input with invented secrets. None if a secret's shape cannot be kept.
fn invented(input: &Input, seed: u64, anonymise: bool) -> Result<Input, ShapeError> {
    let secrets = pull_secrets(input);
    let image = String::from_utf8_lossy(&input.image.0).into_owned();
    let builder = Pseudonyms::builder(seed).image(&image);
    let builder = secrets.iter().fold(builder, |builder, secret| builder.secret(secret));
    let pseudonyms = if anonymise { builder.anonymise() } else { builder }.build();
    let mut renamed = input.clone();
    for (secret, renamed) in secrets.iter().zip(&mut renamed.secrets) {
        let data = pseudonyms.secret(secret)?;
        renamed.data = data.into_iter().map(|(key, value)| (key, Bytes(value))).collect();
    }
    renamed.image = Bytes(pseudonyms.image(&image).into_bytes());
    Ok(renamed)
}

/// What an outcome is without the names in it.
fn outline(outcome: &Outcome, anonymise: bool) -> Vec<String> {
    match outcome {
        Outcome::Image(error) => vec![format!("{error:?}")],
        Outcome::Secret(error) => outline_of_error(error, anonymise),
        Outcome::Found { image, lookup } => outline_of_lookup(image, lookup, anonymise),
    }
}

fn outline_of_error(error: &KeyringError, anonymise: bool) -> Vec<String> {
    let class = match &error.error {
        ConfigError::Type { expected, found, .. } => format!("{expected:?} {found:?}"),
        ConfigError::Base64 { offset, .. } => format!("base64 {offset}"),
        ConfigError::NoColon { .. } => "no colon".to_owned(),
        ConfigError::Syntax(error) => format!("{error:?}"),
    };
    let mut lines = vec![format!("{} {class}", error.place)];
    lines.extend(error.passed_over.iter().map(|passed| passed_over(passed, anonymise)));
    lines
}

fn outline_of_lookup(image: &Image, lookup: &Lookup, anonymise: bool) -> Vec<String> {
    let mut lines: Vec<String> =
        lookup.tried.iter().map(|credential| tried(credential, anonymise)).collect();
    for group in lookup.tried.chunk_by(|a, b| a.order_is_random && b.order_is_random) {
        let place = lookup.tried.iter().position(|one| std::ptr::eq(one, &group[0])).unwrap();
        lines[place..place + group.len()].sort();
    }
    let mut passed: Vec<String> =
        lookup.passed_over.iter().map(|passed| passed_over(passed, anonymise)).collect();
    passed.sort();
    lines.push(format!("{} {:?} {:?}", image.path(), image.tag(), image.digest()));
    lines.extend(passed);
    lines
}

fn tried(credential: &Credential, anonymise: bool) -> String {
    let key = if anonymise { String::new() } else { bare(&credential.key) };
    let (user, password) = login(credential);
    format!(
        "{} {key} {:?} {} {:?} {} {}",
        credential.place,
        credential.matched_by,
        credential.order_is_random,
        credential.sent,
        user.len(),
        password.len()
    )
}

fn login(credential: &Credential) -> (Vec<u8>, Vec<u8>) {
    let password = credential.password().map(|it| it.expose_secret().to_vec()).unwrap_or_default();
    (credential.user_bytes().to_vec(), password)
}

fn passed_over(passed: &PassedOver, anonymise: bool) -> String {
    let key = passed.key.as_deref().map(bare).filter(|_| !anonymise);
    let reason = match &passed.reason {
        Reason::OtherKeyMatches(_) => "another key".to_owned(),
        Reason::Undecodable { wrapped, .. } => format!("undecodable {wrapped}"),
        Reason::NoKeys(NoKeys::Helpers(helpers)) => {
            // They are in the order of their hosts.
            format!("{:?}", helpers.iter().collect::<BTreeSet<_>>())
        }
        // Of several, the host is what is compared letter by letter.
        Reason::Mismatch(differences) if anonymise => differences
            .iter()
            .map(|difference| match difference {
                Difference::Host(host) => format!("{host:?}"),
                other => format!("{other:?}"),
            })
            .collect(),
        other => format!("{other:?}"),
    };
    format!("{} {key:?} {reason}", passed.secret.name)
}

/// A key without user, query and fragment.
fn bare(key: &str) -> String {
    let is_scheme = |at: &usize| key[..*at].bytes().all(|byte| byte.is_ascii_alphabetic());
    let scheme = key.find("://").filter(is_scheme).map_or(0, |at| at + 3);
    let end = key[scheme..].find(['/', '?', '#']).map_or(key.len(), |at| scheme + at);
    let host = key[scheme..end].rsplit('@').next().unwrap();
    let path = key[end..].split(['?', '#']).next().unwrap();
    format!("{}{host}{path}", &key[..scheme])
}

/// Whether users and passwords were renamed one to one.
fn is_renaming(before: &Lookup, after: &Lookup) -> bool {
    let (mut there, mut back) = (BTreeMap::new(), BTreeMap::new());
    let pairs = before.tried.iter().zip(&after.tried).filter(|(one, _)| !one.order_is_random);
    let mut fits = |old: Vec<u8>, new: Vec<u8>| {
        there.entry(old.clone()).or_insert_with(|| new.clone()) == &new
            && back.entry(new).or_insert_with(|| old.clone()) == &old
    };
    pairs.into_iter().all(|(one, other)| {
        let ((user, password), (new_user, new_password)) = (login(one), login(other));
        fits(user, new_user) && fits(password, new_password)
    })
}

fn check(anonymise: bool) {
    let (mut refused, mut found, mut errors) = (Vec::new(), 0, BTreeSet::new());
    let mut differences = Vec::new();
    for number in 0..INPUTS {
        let (input, _) = generator::input(SEED, number);
        let renamed = match invented(&input, number, anonymise) {
            Ok(renamed) => renamed,
            Err(error) => {
                refused.push(format!("{number}: {error}"));
                continue;
            }
        };
        for minor in [28, 34, 37] {
            let version = KubernetesVersion::new(minor, 2);
            let (before, after) = (Outcome::of(&input, version), Outcome::of(&renamed, version));
            let shown = || {
                let texts = |input: &Input| -> Vec<String> {
                    let data = input.secrets.iter().flat_map(|secret| secret.data.iter());
                    let texts =
                        data.map(|(key, it)| format!("{key} {}", String::from_utf8_lossy(&it.0)));
                    texts.chain([String::from_utf8_lossy(&input.image.0).into_owned()]).collect()
                };
                format!("{number}, 1.{minor}\n{:#?}\n{:#?}", texts(&input), texts(&renamed))
            };
            let (old, new) = (outline(&before, anonymise), outline(&after, anonymise));
            if old != new {
                differences.push(format!("{}\n{old:#?}\n{new:#?}", shown()));
            }
            errors.insert(old[0].split(' ').nth(1).unwrap_or_default().to_owned());
            if let (Outcome::Found { lookup: before, .. }, Outcome::Found { lookup: after, .. }) =
                (&before, &after)
            {
                found += before.tried.len();
                assert!(is_renaming(before, after), "{}", shown());
            }
        }
    }
    let shown = differences.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(differences.is_empty(), "{} differences\n{shown}", differences.len());
    assert!(found > 1000, "only {found} credentials were compared");
    assert!(errors.contains("base64") && errors.contains("no"), "{errors:?}");
    // Of some faults, no two values have them at the same byte.
    let few = refused.len() * 200 < usize::try_from(INPUTS).unwrap();
    assert!(few, "{} of {INPUTS} inputs have no invented ones: {refused:#?}", refused.len());
}

#[test]
fn invented_secrets_are_used_as_real_ones() {
    check(false);
}

#[test]
fn invented_hosts_match_as_real_ones() {
    check(true);
}

#[test]
fn everything_follows_from_the_seed() {
    let secret = PullSecret::docker_config_json(
        "team",
        "regcred",
        r#"{"auths":{"a.example":{"username":"jane","password":"hunter-22"}}}"#,
    );
    let data = |seed| Pseudonyms::builder(seed).secret(&secret).build().secret(&secret).unwrap();
    assert_eq!(data(1), data(1));
    assert_ne!(data(1), data(2));
}
