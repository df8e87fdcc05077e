//! [`DecideError`]: why a decision stored nothing.

use crate::error::Error;

/// Why a decision failed: the caller's own rules refused it, or the store did.
#[derive(Debug, thiserror::Error)]
pub enum DecideError<E> {
    /// The closure refused; this is what it returned.
    #[error(transparent)]
    Refused(E),
    /// The store failed or refused. After the last retry a conflict is
    /// [`WrongExpectedVersion`](Error::WrongExpectedVersion), whose message says how often and on which versions it was decided.
    #[error(transparent)]
    Store(#[from] Error),
}

impl<E> DecideError<E> {
    /// The reason of the caller's own rules, if they refused.
    pub fn refused(self) -> Option<E> {
        match self {
            Self::Refused(reason) => Some(reason),
            Self::Store(_) => None,
        }
    }
}
