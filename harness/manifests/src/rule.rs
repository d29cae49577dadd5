//! What a finding is about.

use std::fmt;

use pullproof_diagnosis::Cause;

/// What a finding is about: the cause of a failed pull, or a mistake that may lead to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// A pull that fails for this cause.
    Cause(Cause),
    /// A key that is nearly `imagePullSecrets`.
    MisspeltKey,
    /// `imagePullSecrets` at a level where it means nothing.
    MisplacedKey,
    /// A key that is there twice.
    DuplicateKey,
    /// A pull secret as a text, or no list.
    WrongForm,
    /// A pull secret without a name.
    EmptyName,
    /// A Secret that the API server refuses.
    SecretRefused,
    /// A service account that no manifest creates.
    ServiceAccountAbsent,
    /// A tag that moves, with a policy that does not look for a newer image.
    MutableTag,
    /// A pull secret that no pod uses.
    UnusedSecret,
    /// Two objects of one name.
    DuplicateObject,
}

impl Rule {
    /// Returns its id, in kebab case.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.id(),
            Self::MisspeltKey => "misspelt-key",
            Self::MisplacedKey => "misplaced-key",
            Self::DuplicateKey => "duplicate-key",
            Self::WrongForm => "wrong-form",
            Self::EmptyName => "empty-name",
            Self::SecretRefused => "secret-refused",
            Self::ServiceAccountAbsent => "service-account-absent",
            Self::MutableTag => "mutable-tag",
            Self::UnusedSecret => "unused-secret",
            Self::DuplicateObject => "duplicate-object",
        }
    }

    /// Returns what it means, in one line.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.meaning(),
            Self::MisspeltKey => "A key is nearly imagePullSecrets, and the API server drops it.",
            Self::MisplacedKey => {
                "imagePullSecrets is at a level that has no such key, and the API server drops it."
            }
            Self::DuplicateKey => "A key is there twice, and only the last one counts.",
            Self::WrongForm => {
                "imagePullSecrets is not a list of objects with a name, and the API server refuses it."
            }
            Self::EmptyName => {
                "A pull secret has no name; it keeps the service account's from being added."
            }
            Self::SecretRefused => "The API server refuses the Secret.",
            Self::ServiceAccountAbsent => "No manifest creates the service account of a pod.",
            Self::MutableTag => {
                "The tag moves, and IfNotPresent keeps the image that a node happens to have."
            }
            Self::UnusedSecret => "No pod uses the pull secret.",
            Self::DuplicateObject => {
                "Two objects have one name, and the last one replaces the other."
            }
        }
    }

    /// Returns what to do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Cause(cause) => cause.remedy().text,
            Self::MisspeltKey => "Write imagePullSecrets.",
            Self::MisplacedKey => "Move it into the pod's spec, beside containers.",
            Self::DuplicateKey => "Make one list of the two.",
            Self::WrongForm => "Write a list of objects: - name: SECRET.",
            Self::EmptyName => "Name a secret, or remove the entry.",
            Self::SecretRefused => {
                "Create it with kubectl create secret docker-registry --dry-run=client -o yaml."
            }
            Self::ServiceAccountAbsent => {
                "Create the service account; until it exists, no pod is created."
            }
            Self::MutableTag => "Name a version or a digest, or use the policy Always.",
            Self::UnusedSecret => {
                "Name it in imagePullSecrets of the pods or their service account, or remove it."
            }
            Self::DuplicateObject => "Give one of them another name, or remove it.",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
