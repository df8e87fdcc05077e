//! [`Scope`]: the tenant, cause and actor of an operation, shown in logs, spans, errors and metadata.

use std::fmt;

use crate::value::{Escaped, Tenant};

/// The tenant whose data an operation uses, and the correlation, causation and actor ids of the events it appends.
///
/// ```
/// use event_core::{Scope, Tenant};
///
/// let scope = Scope::tenant(Tenant::new("guild-1")?).correlation("request-7").actor("ann");
/// assert_eq!(scope.to_string(), "tenant guild-1, correlation request-7, actor ann");
/// # Ok::<(), event_core::value::InvalidTenant>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope {
    /// The tenant whose data is read and written.
    pub tenant: Tenant,
    /// The id shared by all events of one request or process.
    pub correlation_id: Option<String>,
    /// The id or source id of the event that caused the appended ones.
    pub causation_id: Option<String>,
    /// The user or service that acts.
    pub actor_id: Option<String>,
}

impl Scope {
    /// Creates a scope with a tenant and no ids.
    pub fn tenant(tenant: Tenant) -> Self {
        Self { tenant, ..Self::default() }
    }

    /// Sets the correlation id.
    #[must_use]
    pub fn correlation(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Sets the causation id: the id or source id of the event that caused the appended ones.
    #[must_use]
    pub fn causation(mut self, id: impl Into<String>) -> Self {
        self.causation_id = Some(id.into());
        self
    }

    /// Sets the actor id: the user or service that acts.
    #[must_use]
    pub fn actor(mut self, id: impl Into<String>) -> Self {
        self.actor_id = Some(id.into());
        self
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tenant {}", Escaped(self.tenant.as_str()))?;
        for (name, id) in [
            ("correlation", &self.correlation_id),
            ("causation", &self.causation_id),
            ("actor", &self.actor_id),
        ] {
            if let Some(id) = id {
                write!(f, ", {name} {}", Escaped(id))?;
            }
        }
        Ok(())
    }
}
