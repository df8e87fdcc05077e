//! [`Context`]: what the store adds to an error of the backend.

use std::fmt;

use crate::value::{Scope, StreamVersion};

/// The scope of the failed operation, and how often a decision was made before it failed; empty until the store sets them.
#[derive(Clone, Default)]
pub struct Context(Option<Box<Parts>>);

#[derive(Debug, Clone, Default)]
struct Parts {
    scope: Option<Scope>,
    tries: Option<Tries>,
}

/// The decisions that conflicts have refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tries {
    /// How often it was decided.
    pub count: u32,
    /// The version of the stream that the first decision was made on.
    pub first: StreamVersion,
    /// The version that the last one was made on.
    pub last: StreamVersion,
}

impl Context {
    /// Returns the scope, if it is set.
    pub fn scope(&self) -> Option<&Scope> {
        self.0.as_ref()?.scope.as_ref()
    }

    /// Returns how often [`EventStore::decide`](crate::EventStore::decide) decided, if the operation was one.
    pub fn tries(&self) -> Option<Tries> {
        self.0.as_ref()?.tries
    }

    pub(super) fn set_scope(&mut self, scope: &Scope) {
        self.0.get_or_insert_default().scope = Some(scope.clone());
    }

    pub(super) fn set_tries(&mut self, tries: Tries) {
        self.0.get_or_insert_default().tries = Some(tries);
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.scope(), self.tries()) {
            (scope, None) => scope.fmt(f),
            _ => self.0.fmt(f),
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tries) = self.tries() {
            write!(f, "; {tries}")?;
        }
        self.scope().map_or(Ok(()), |scope| write!(f, " [{scope}]"))
    }
}

impl fmt::Display for Tries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, first, last } = self;
        match count {
            1 => write!(f, "decided once, on version {last}"),
            _ => write!(f, "decided {count} times, on versions {first} to {last}"),
        }
    }
}
