//! What a rule finds: one cause for certain, or several in the order of likelihood.

use crate::cause::Cause;

/// How many candidates a diagnosis may have.
pub(crate) const MOST: usize = 4;

/// The causes that evidence leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Finding {
    causes: Vec<Cause>,
    certain: bool,
}

impl Finding {
    pub(crate) fn certain(cause: Cause) -> Self {
        Self { causes: vec![cause], certain: true }
    }

    /// Several causes, likeliest first; repeated ones count once.
    pub(crate) fn open(causes: impl IntoIterator<Item = Cause>) -> Self {
        let mut kept = Vec::with_capacity(MOST);
        for cause in causes {
            if kept.len() < MOST && !kept.contains(&cause) {
                kept.push(cause);
            }
        }
        Self { causes: kept, certain: false }
    }

    /// One cause for certain if only one is left, otherwise open.
    pub(crate) fn left(causes: impl IntoIterator<Item = Cause>) -> Self {
        let found = Self::open(causes);
        Self { certain: found.causes.len() == 1, ..found }
    }

    pub(crate) fn causes(&self) -> &[Cause] {
        &self.causes
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        self.causes.first().copied().filter(|_| self.certain)
    }
}
