//! What backends that have tables do alike around their statements. No SQL is in it.

use crate::rows::highest_name;
use event_core::adapter::append::StreamChange;
use event_core::adapter::{StreamState, TenantView};
use event_core::{Delete, Error, ListOptions, Result, StreamId, StreamVersion, Tenant};

/// The tenant that a view is narrowed to, as a value to bind.
pub fn tenant_of(view: &TenantView) -> Option<String> {
    view.tenant().map(|tenant| tenant.as_str().to_owned())
}

/// What a change does to the row of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamUpdate {
    /// The name of the operation in errors.
    pub operation: &'static str,
    /// The new state, if it changes; [`state_name`](crate::rows::state_name) writes it.
    pub state: Option<StreamState>,
    /// The first version that is kept, if events go.
    pub first_version: Option<StreamVersion>,
}

impl StreamUpdate {
    /// The update for a change that the seam asks for.
    pub fn of(change: StreamChange) -> Self {
        let (operation, state, first_version) = match change {
            StreamChange::Archive => ("archive a stream", Some(StreamState::Archived), None),
            StreamChange::Delete(Delete::Soft) => {
                ("delete a stream", Some(StreamState::SoftDeleted), None)
            }
            StreamChange::Delete(Delete::Hard) => {
                ("delete a stream", Some(StreamState::HardDeleted), None)
            }
            StreamChange::TruncateBefore(first) => {
                ("truncate a stream", None, Some(first.max(StreamVersion::new(1))))
            }
        };
        Self { operation, state, first_version }
    }
}

/// A page of the list of streams: after which one it starts, and what it is narrowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamPage {
    /// Whose streams; none for everybody's.
    pub tenant: Option<String>,
    /// It starts after this stream of this tenant, in byte order.
    pub after: (String, String),
    /// No name on it is lower than this one, or higher than the other.
    pub between: (String, String),
    /// What names start with, taken literally.
    pub prefix: String,
    /// The only category.
    pub category: Option<String>,
    /// Whether deleted streams are on it.
    pub with_deleted: bool,
    /// Streams at most.
    pub limit: i64,
}

impl StreamPage {
    /// Of what is asked for; none if there can be nothing on it.
    pub fn of(view: &TenantView, options: &ListOptions) -> Option<Self> {
        let (prefix, category) =
            (options.only_prefix().unwrap_or_default(), options.only_category());
        if prefix.contains('\0') || category.is_some_and(|category| category.contains('\0')) {
            return None;
        }
        let start = options.start();
        let (tenant, stream) = match (view, start) {
            (TenantView::One(own), Some((tenant, _))) if tenant > own => return None,
            (TenantView::One(own), Some((tenant, stream_id))) if tenant == own => {
                (own.as_str(), stream_id.as_str())
            }
            (TenantView::One(own), _) => (own.as_str(), ""),
            (TenantView::All, Some((tenant, stream_id))) => (tenant.as_str(), stream_id.as_str()),
            (TenantView::All, None) => ("", ""),
        };
        let lowest = category.map_or(prefix, |category| category.max(prefix));
        Some(Self {
            tenant: tenant_of(view),
            after: (tenant.to_owned(), stream.to_owned()),
            between: (lowest.to_owned(), highest_name(prefix)),
            prefix: prefix.to_owned(),
            category: category.map(str::to_owned),
            with_deleted: options.shows_deleted(),
            limit: i64::from(options.page().get()),
        })
    }
}

/// The only tenant of a list, or more than one.
///
/// # Errors
/// [`Error::AmbiguousStream`] where several tenants have a stream of the name.
pub fn only_tenant(stream_id: &StreamId, mut tenants: Vec<Tenant>) -> Result<Option<Tenant>> {
    if tenants.len() > 1 {
        return Err(Error::AmbiguousStream { stream_id: stream_id.clone(), tenants });
    }
    Ok(tenants.pop())
}
