//! [`Scope`]: for whom and why something is done; it reaches logs, spans, errors and metadata (S-09).

use std::fmt;

use crate::value::{Escaped, Tenant};

/// The tenant whose data is touched, and what its events say about their cause.
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
    /// Whose data.
    pub tenant: Tenant,
    /// What groups the events of one request.
    pub correlation_id: Option<String>,
    /// What caused them.
    pub causation_id: Option<String>,
    /// Who acts.
    pub actor_id: Option<String>,
}

impl Scope {
    /// The scope of a tenant.
    pub fn tenant(tenant: Tenant) -> Self {
        Self { tenant, ..Self::default() }
    }

    /// Adds a correlation id.
    #[must_use]
    pub fn correlation(mut self, id: impl Into<String>) -> Self {
        self.correlation_id = Some(id.into());
        self
    }

    /// Adds a causation id: the id or source id of the event that caused what follows.
    #[must_use]
    pub fn causation(mut self, id: impl Into<String>) -> Self {
        self.causation_id = Some(id.into());
        self
    }

    /// Adds the acting user.
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
