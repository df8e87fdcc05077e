//! [`Tokens`]: in which epoch of the log this process got the token of each lease.
//!
//! A token is worth something only there: what its holder read belongs to that log, and must not be saved in the one that
//! took its place. The holder takes its partitions anew, under other tokens, as soon as it learns of the change.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Tokens that are remembered at most. A forgotten one counts as one of the epoch of now.
const MOST: usize = 65_536;

#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<HashMap<u64, u64>>);

impl Tokens {
    /// Notes the tokens that a heartbeat returned which began in an epoch; those that are known stay in their own.
    pub(crate) fn note(&self, epoch: u64, tokens: impl Iterator<Item = u64>) {
        let mut known = self.known();
        for token in tokens {
            known.entry(token).or_insert(epoch);
        }
        if known.len() > MOST {
            known.retain(|_, its| *its == epoch);
        }
        if known.len() > MOST {
            known.clear();
        }
    }

    /// Whether the token is one of another epoch.
    pub(crate) fn is_of_another(&self, token: u64, epoch: u64) -> bool {
        self.known().get(&token).is_some_and(|its| *its != epoch)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stays_in_the_epoch_in_which_it_was_got() {
        let tokens = Tokens::default();
        tokens.note(0, [1, 2].into_iter());
        tokens.note(1, [2, 3].into_iter());
        assert!(!tokens.is_of_another(1, 0) && tokens.is_of_another(1, 1));
        assert!(
            tokens.is_of_another(2, 1),
            "a renewed lease is of the epoch in which it was taken"
        );
        assert!(tokens.is_of_another(3, 0) && !tokens.is_of_another(3, 1));
        assert!(!tokens.is_of_another(4, 7), "what this process did not take");
    }

    #[test]
    fn memory_is_bounded() {
        let tokens = Tokens::default();
        tokens.note(0, 0..60_000);
        tokens.note(1, 60_000..70_000);
        assert!(tokens.is_of_another(60_000, 0) && !tokens.is_of_another(1, 1));
        tokens.note(1, 100_000..200_000);
        assert!(tokens.known().len() <= MOST);
    }
}
