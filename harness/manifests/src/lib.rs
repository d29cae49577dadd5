//! Finds every image of Kubernetes manifests, and whether its pull would have credentials.
//!
//! [`Manifests::read`] finds pod templates in whatever object they stand, with the file and line of each
//! image. [`Check::run`] does to each what the API server's admission and the kubelet do, and returns a
//! [`Checked`]: per container an [`Outcome`], and the [`Finding`]s. [`Check::judge`] returns the same of what a
//! cluster showed. Nothing here reads a cluster or a file.
//!
//! ```
//! use pullproof_manifests::{Check, Manifests, Source};
//!
//! let text = "\
//! apiVersion: batch/v1
//! kind: Job
//! metadata: {name: migrate}
//! spec:
//!   template:
//!     spec:
//!       containers:
//!       - name: migrate
//!         image: ghcr.io/acme/migrate:1.2
//! ";
//! let manifests = Manifests::read([Source::named("job.yaml", text)], "default")?;
//! let checked = Check::default().run(&manifests);
//! assert_eq!(checked.findings[0].rule.id(), "no-credentials");
//! assert_eq!(checked.findings[0].location.to_string(), "job.yaml:9");
//! # Ok::<(), pullproof_manifests::ManifestError>(())
//! ```

mod account;
mod baseline;
mod check;
mod error;
mod finding;
mod given;
mod json;
mod location;
mod manifests;
mod object;
mod outcome;
mod public;
mod resolve;
mod rule;
mod secret;
mod seen;
mod slip;
mod stream;
mod template;
pub mod tree;

pub use account::ServiceAccount;
pub use baseline::Baseline;
pub use check::Check;
pub use error::ManifestError;
pub use finding::{Detail, Finding};
pub use given::{GivenError, GivenSecret};
pub use location::Location;
pub use manifests::{Manifests, Source};
pub use object::ObjectId;
pub use outcome::{Checked, CheckedPod, Failure, Lack, Outcome};
pub use public::{PublicError, PublicHost};
pub use rule::Rule;
pub use secret::Secret;
pub use seen::{Pull, SeenPod};
pub use slip::{Refusal, Slip, SlipKind};
pub use template::{Container, ContainerKind, PodTemplate, SecretReference};
