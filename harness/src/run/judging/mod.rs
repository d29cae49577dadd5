//! Whether what is seen is what a case expects, and why a pull fails.

pub(super) mod awaiting;
pub(super) mod cause;
pub(super) mod control_pull;
pub(super) mod observation;
pub(super) mod specimen;
