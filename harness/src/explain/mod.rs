//! Why pods of any cluster cannot pull: reads what its API shows, and has [`pullproof_diagnosis`] decide.
//!
//! Nothing is written and nothing has to run in the cluster. [`Target`] says which pods, [`read`]
//! returns a [`Finding`] per cause; what may not be read is listed in [`Explanation::unread`].

mod cluster;
mod failing;
mod finding;
mod gathered;
mod pod_evidence;
mod probed;
mod read;
mod reader;
mod target;

pub use cluster::connect;
pub use failing::{FailingContainer, failing_containers};
pub use finding::{Explanation, Finding, Pull};
pub(crate) use pod_evidence::{PodEvidence, PullEvidence, pod_evidence};
pub(crate) use read::gather;
pub use read::{ReadError, read};
pub use target::{Target, TargetError};
