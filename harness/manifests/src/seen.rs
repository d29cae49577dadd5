//! What a cluster showed of pods that were made of the templates.

use pullproof_diagnosis::{Request, Said};

/// What a cluster showed of the pod of a template.
#[derive(Debug, Clone)]
pub struct SeenPod {
    /// The names of the pull secrets that it had once the API server had admitted it; none if that refused
    /// it.
    pub secrets: Option<Vec<String>>,
    /// What came of each container of the template, in its order.
    pub pulls: Vec<Pull>,
}

/// What a cluster showed of the pull of an image.
#[derive(Debug, Clone)]
pub enum Pull {
    /// The registry served it to a user.
    Authenticated {
        /// The secret that has the credentials that the registry saw.
        secret: String,
        /// Their key.
        key: String,
        /// The user name.
        user: String,
    },
    /// The registry served it, and does not keep it from anybody.
    Public,
    /// The API server refused each pod that had the container.
    Refused,
    /// It was not pulled.
    Failed {
        /// The waiting messages and events.
        messages: Vec<Said>,
        /// What the registry recorded of the pull, oldest first.
        requests: Vec<Request>,
    },
}
