//! What the listing and the changes of streams mean for their rows. No SQL is in it.

use event_core::adapter::append::StreamChange;
use event_core::adapter::{ListOrder, StreamState, TenantView};
use event_core::{Delete, Error, ListOptions, Result, StreamId, StreamVersion, Tenant};

/// The tenant that a view is narrowed to, as a value to bind.
pub fn tenant_of(view: &TenantView) -> Option<String> {
    view.tenant().map(|tenant| tenant.as_str().to_owned())
}

/// The only tenant of a list; `None` for an empty one.
///
/// # Errors
/// [`Error::AmbiguousStream`] where several tenants have a stream of the name.
pub fn only_tenant(
    stream_id: &StreamId,
    tenants: impl Iterator<Item = Result<Tenant>>,
) -> Result<Option<Tenant>> {
    let mut tenants: Vec<Tenant> = tenants.collect::<Result<_>>()?;
    if tenants.len() > 1 {
        return Err(Error::AmbiguousStream { stream_id: stream_id.clone(), tenants });
    }
    Ok(tenants.pop())
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
    /// The update for a change.
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

/// A page of the list of streams, as values to bind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListPage {
    /// Whose streams; `None` for those of all tenants.
    pub tenant: Option<String>,
    /// The tenant and the name of the stream before the page, in byte order.
    pub after: (String, String),
    /// No name on the page is lower than the first, or higher than the second.
    pub between: (String, String),
    /// What names start with, taken literally.
    pub prefix: String,
    /// What names contain, taken literally.
    pub contains: String,
    /// The order, unless it is by name, and its key for the stream before the page; none on the first page.
    pub order: Option<(&'static str, Option<i64>)>,
    /// The only category.
    pub category: Option<String>,
    /// Whether deleted streams are on it.
    pub with_deleted: bool,
    /// Streams at most.
    pub limit: i64,
}

impl ListPage {
    /// The page that is asked for; `None` if nothing can be on it.
    pub fn of(view: &TenantView, options: &ListOptions) -> Option<Self> {
        let (prefix, category) = (options.get_prefix().unwrap_or_default(), options.get_category());
        let contains = options.get_contains().unwrap_or_default();
        if contains.contains('\0')
            || prefix.contains('\0')
            || category.is_some_and(|category| category.contains('\0'))
        {
            return None;
        }
        let start = options.get_after();
        let order = order_name(options.get_order());
        let key = start.map(|_| options.get_after_key());
        let (tenant, stream) = match (view, start) {
            // The page starts after a key, not after a name.
            (_, Some((tenant, stream_id))) if order.is_some() => {
                (tenant.as_str(), stream_id.as_str())
            }
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
            contains: contains.to_owned(),
            order: order.map(|order| (order, key)),
            category: category.map(str::to_owned),
            with_deleted: options.get_deleted(),
            limit: i64::from(options.get_limit().get()),
        })
    }
}

/// What the statements call an order that is not by name.
fn order_name(order: ListOrder) -> Option<&'static str> {
    match order {
        ListOrder::Oldest => Some("oldest"),
        ListOrder::Newest => Some("newest"),
        ListOrder::Largest => Some("largest"),
        _ => None,
    }
}

/// A text that no name with this prefix comes after: names have at most 255 bytes, and no character is higher.
fn highest_name(prefix: &str) -> String {
    let mut highest = prefix.to_owned();
    highest.extend(std::iter::repeat_n(char::MAX, 64));
    highest
}
