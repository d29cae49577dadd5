//! Steps: a verb each, and the versions that it is for.
//!
//! A verb is a row of [`Verb`] and a file with what is written under it, which answers what the format
//! asks of each ([`Action`]). What it does is a file of the same name in `run/steps/`.

use std::{borrow::Cow, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Value, json};

use super::When;
use crate::{
    case::{error::CaseError, manifest::Manifests, secrets::Found, source::Source, tree::Node},
    redaction::Redaction,
};

mod apply;
mod command;
mod delete;
mod expect;
mod node;
mod object;
mod output;
mod patch;
mod registry;

pub use command::CommandStep;
pub use delete::Delete;
pub use expect::*;
pub use node::{ImageRecord, NodeChange};
pub use object::ObjectName;
pub use output::Output;
pub use patch::Patch;
pub use registry::RegistryChange;

/// One step.
#[derive(Debug, Clone)]
pub struct Step {
    /// The versions that it is for; on others it is passed over.
    pub when: When,
    /// What it does.
    pub verb: Verb,
}

/// What the format asks of a verb. Nothing has a default: whoever adds a verb decides about each.
pub(in crate::case) trait Action {
    /// Checks what serde cannot. `index` is the step's.
    fn check(&self, source: Source<'_>, index: usize) -> Result<(), CaseError>;

    /// Returns the parts of what is written under the verb in which variables are replaced.
    fn filled<'a>(&self, written: &'a Node) -> Vec<&'a Node>;

    /// Adds the passwords that it holds.
    fn secrets(&self, found: &mut Found);

    /// Whether it can fail by what is seen.
    fn proves(&self) -> bool;

    /// Whether other cases on the node would notice.
    fn needs_node_alone(&self) -> bool;

    /// Returns what it does in words, without secrets wherever it shortens. `objects` are those that the
    /// step applies.
    fn describe(&self, objects: &[Value], redaction: &Redaction) -> Vec<String>;
}

/// Defines the verbs, a row each: its meaning for the schema, its word, its name, what is written under it.
macro_rules! verbs {
    ($($(#[$meaning:meta])+ $word:literal => $name:ident($words:ty),)+) => {
        /// What a step does.
        #[derive(Debug, Clone, JsonSchema)]
        pub enum Verb {
            $($(#[$meaning])+ #[schemars(rename = $word)] $name($words),)+
        }

        /// A key of a step.
        #[derive(Deserialize)]
        #[serde(field_identifier)]
        enum Key {
            #[serde(rename = "when")]
            When,
            $(#[serde(rename = $word)] $name,)+
        }

        impl Verb {
            /// The words of all verbs.
            const WORDS: &[&str] = &[$($word),+];

            /// Returns its word.
            pub fn word(&self) -> &'static str {
                match self { $(Self::$name(_) => $word,)+ }
            }

            /// Returns what the format asks of it.
            pub(in crate::case) fn action(&self) -> &dyn Action {
                match self { $(Self::$name(words) => words,)+ }
            }
        }

        impl Entries {
            fn read<'de, A: MapAccess<'de>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
                match key {
                    Key::When => self.when = map.next_value()?,
                    $(Key::$name => self.verbs.push(Verb::$name(value(map, $word)?)),)+
                }
                Ok(())
            }
        }
    };
}

verbs! {
    /// Creates or replaces objects.
    "apply" => Apply(Manifests),
    /// Waits until the cluster and the registry show what is written, or fails.
    "expect" => Expect(Expect),
    /// Runs a documented command as it stands, with the case's own home, kubeconfig and tools.
    "run" => Run(CommandStep),
    /// Merges a patch into an object.
    "patch" => Patch(Patch),
    /// Deletes an object and waits until it is gone: `pod/private-reg`.
    "delete" => Delete(Delete),
    /// Changes a registry: users and passwords, faults, whether it listens.
    "registry" => Registry(RegistryChange),
    /// Reads or writes files of the node.
    "node" => Node(NodeChange),
}

impl Step {
    /// Whether it can fail by what is seen.
    pub fn proves(&self) -> bool {
        self.verb.action().proves()
    }

    /// Whether other cases on the node would notice.
    pub fn needs_node_alone(&self) -> bool {
        self.verb.action().needs_node_alone()
    }

    /// Returns what it does in words, as the case has it: variables stay variables, secrets are hidden.
    /// `objects` are those that it applies.
    pub fn describe(&self, objects: &[Value], redaction: &Redaction) -> Vec<String> {
        let words = self.verb.action().describe(objects, redaction);
        words.iter().map(|words| redaction.hide(words)).collect()
    }
}

/// The entries of a step, as they are read.
#[derive(Default)]
struct Entries {
    when: When,
    verbs: Vec<Verb>,
}

impl Entries {
    /// Makes a step of them: one verb.
    fn step(mut self) -> Result<Step, String> {
        match (self.verbs.pop(), self.verbs.len()) {
            (Some(verb), 0) => Ok(Step { when: self.when, verb }),
            (None, _) => {
                Err(format!("a step without a verb; expected one of {}", Verb::WORDS.join(", ")))
            }
            (Some(last), others) => {
                self.verbs.push(last);
                let given = |word: &&&str| self.verbs.iter().any(|verb| verb.word() == **word);
                let words: Vec<&str> = Verb::WORDS.iter().filter(given).copied().collect();
                Err(format!(
                    "a step with {} verbs ({}); make each a step of its own",
                    others + 1,
                    words.join(", ")
                ))
            }
        }
    }
}

/// Reads what is written under a verb.
fn value<'de, A: MapAccess<'de>, T: Deserialize<'de>>(
    map: &mut A,
    word: &str,
) -> Result<T, A::Error> {
    let nothing = || A::Error::custom(format!("expected a value for `{word}`, found nothing"));
    map.next_value::<Option<T>>()?.ok_or_else(nothing)
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Step;
            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("a map")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Step, A::Error> {
                let mut entries = Entries::default();
                while let Some(key) = map.next_key()? {
                    entries.read(key, &mut map)?;
                }
                entries.step().map_err(A::Error::custom)
            }
        }
        from.deserialize_struct("Step", Verb::WORDS, Fields)
    }
}

impl JsonSchema for Step {
    fn schema_name() -> Cow<'static, str> {
        "Step".into()
    }

    /// Returns one form per verb, each with `when` beside it.
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let when = generator.subschema_for::<When>();
        let mut verbs = Verb::json_schema(generator);
        let mut forms = verbs.remove("oneOf").unwrap_or_default();
        for form in forms.as_array_mut().into_iter().flatten() {
            form["title"] = form["required"][0].clone();
            let meaning = form["description"].clone();
            if let Some(properties) = form["properties"].as_object_mut() {
                // Editors show the meaning of a property, not that of what it refers to.
                properties.values_mut().for_each(|value| value["description"] = meaning.clone());
                let mut when = when.clone();
                let meaning = "The versions that the step is for; on others it is passed over.";
                when.insert("description".to_owned(), json!(meaning));
                properties.insert("when".to_owned(), when.into());
            }
        }
        json_schema!({"description": "One step: a verb, and the versions that it is for.", "oneOf": forms})
    }
}

/// The longest part of a text that a description shows.
const LONGEST: usize = 160;

/// Returns a text on one line, without its end if it is long. It has lost its secrets before: what is left
/// of one would not be recognised.
fn shortened(text: &str) -> String {
    let line = text.replace("\\\n", " ");
    let line: Vec<&str> = line.split_whitespace().collect();
    let line = line.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{} …", line[..end].trim_end()),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(yaml: &str) -> Result<Step, String> {
        serde_saphyr::from_str(yaml)
            .map_err(|error: serde_saphyr::Error| error.without_snippet().to_string())
    }

    #[test]
    fn a_step_has_one_verb() {
        assert_eq!(step("{run: a, when: {kubernetes: '1.37'}}").unwrap().verb.word(), "run");
        for none in ["{}", "{when: {kubernetes: '1.37'}}"] {
            let error = step(none).unwrap_err();
            assert!(error.contains("expected one of apply, expect, run, patch"), "{error}");
        }
        let error = step("{run: a, delete: pod/a, apply: a.yaml}").unwrap_err();
        assert!(error.contains("a step with 3 verbs (apply, run, delete)"), "{error}");
        for nothing in ["{expect: }", "{node: ~}", "{delete: , run: a}"] {
            let error = step(nothing).unwrap_err();
            assert!(error.contains("found nothing"), "{error}");
        }
    }

    #[test]
    fn a_description_hides_before_it_shortens() {
        let secret = "c4n4ry-Passw0rd";
        let redaction = Redaction::new([secret.into()]);
        for before in (LONGEST - 30)..LONGEST {
            let command = format!("{{run: '{}{secret} {}'}}", "x".repeat(before), "y".repeat(99));
            let words = step(&command).unwrap().describe(&[], &redaction).join("");
            assert!(!words.contains("c4n4"), "{words}");
        }
    }

    #[test]
    fn a_command_is_one_line_of_bounded_length() {
        assert_eq!(shortened("kubectl create \\\n  secret\n"), "kubectl create secret");
        assert_eq!(shortened(&"ä".repeat(200)).chars().count(), LONGEST + 2);
    }
}
