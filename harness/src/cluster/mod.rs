//! One kind cluster a version, shared by every process that asks for it.
//!
//! [`Cluster::join`] creates or joins it under locks that the kernel releases; [`Node`] is the way
//! to its files and logs; [`Run`] owns what a process makes, and its reaper removes what a process
//! leaves, however it ends.

mod access;
mod api_log;
mod condition;
mod engine;
mod inventory;
mod kind;
mod lease;
mod node;
mod node_files;
mod owner;
mod priority;
mod run;
mod shell;
pub(crate) mod strays;

pub use crate::lock::Lock;
pub use api_log::{ApiLog, StatusWrite};
pub use engine::{Engine, host_without_sys_resource};
pub use kind::KindConfig;
pub use lease::{Cluster, NodeVersions, Progress, remove, remove_all};
pub use node::Node;
pub use run::{RUN_LABEL, Run};
pub use shell::quote;
