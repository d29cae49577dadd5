//! Everything that is to be replaced, before anything is.

use std::collections::BTreeSet;

use pullproof_credentials::PullSecret;
use rand::{SeedableRng as _, rngs::StdRng};
use secrecy::ExposeSecret as _;

use crate::hosts::Hosts;
use crate::pseudonyms::{Pseudonyms, rename_data};
use crate::registry_key;
use crate::values::Found;

/// How often values are invented until every secret keeps its shape: a word without quotes may become
/// the beginning of `true`.
const ATTEMPTS: u64 = 16;

/// Collects what is known before values are invented, so that none of them is a real one.
pub struct Builder {
    seed: u64,
    found: Found,
    secrets: Vec<PullSecret>,
    images: BTreeSet<String>,
    visible: BTreeSet<String>,
    anonymise: bool,
}

impl Builder {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            found: Found::default(),
            secrets: Vec::new(),
            images: BTreeSet::new(),
            visible: BTreeSet::new(),
            anonymise: false,
        }
    }

    /// Adds a secret, of whatever type.
    #[must_use]
    pub fn secret(mut self, secret: &PullSecret) -> Self {
        self.found.secret = Some(secret.id());
        for (key, value) in secret.entries() {
            rename_data(key, value.expose_secret(), &mut self.found);
        }
        self.secrets.push(secret.clone());
        self
    }

    /// Adds the image of a container. The words of its repository stay visible: a user name that is one
    /// of them is not looked for in texts.
    #[must_use]
    pub fn image(mut self, image: &str) -> Self {
        let mut of_image = Found::default();
        registry_key::rename_image(image, &mut of_image);
        self.images.extend(of_image.hosts.iter().cloned());
        self.found.hosts.extend(of_image.hosts);
        self.visible(image)
    }

    /// Adds a text that stays as it is, such as the name of a namespace.
    #[must_use]
    pub fn visible(mut self, text: &str) -> Self {
        let words = text.split(|letter: char| !letter.is_alphanumeric() && !"-_".contains(letter));
        self.visible.extend(words.map(str::to_lowercase));
        self
    }

    /// Replaces the names of hosts too.
    #[must_use]
    pub fn anonymise(mut self) -> Self {
        self.anonymise = true;
        self
    }

    /// Invents the values.
    pub fn build(self) -> Pseudonyms {
        let Self { seed, found, secrets, images, visible, anonymise } = self;
        let hosts = anonymise.then(|| Hosts::new(&found.hosts, &images, seed));
        let invent = |attempt: u64| {
            // Not the same numbers as those of the hosts.
            let random = &mut StdRng::seed_from_u64(seed.rotate_left(32) ^ attempt);
            let invented = found.invent(random);
            Pseudonyms::new(invented, hosts.clone(), found.clone(), visible.clone())
        };
        let failures = |made: &Pseudonyms| {
            secrets.iter().filter(|secret| made.secret(secret).is_err()).count()
        };
        let mut best = invent(0);
        let mut fewest = failures(&best);
        for attempt in 1..ATTEMPTS {
            if fewest == 0 {
                break;
            }
            let next = invent(attempt);
            let failed = failures(&next);
            if failed < fewest {
                (best, fewest) = (next, failed);
            }
        }
        best
    }
}
