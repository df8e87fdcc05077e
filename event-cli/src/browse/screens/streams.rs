//! [`StreamsScreen`]: the list of streams.

use event_core::adapter::ListOrder;
use event_core::{ListOptions, StreamInfo};

use crate::browse::pages::Pages;
use crate::browse::request::Request;

/// The list of streams.
#[derive(Debug, Clone)]
pub(in crate::browse) struct StreamsScreen {
    pub(in crate::browse) list: Pages<StreamInfo, Option<StreamInfo>>,
    pub(in crate::browse) search: Option<Search>,
    pub(in crate::browse) order: ListOrder,
    pub(in crate::browse) with_deleted: bool,
}

/// Which names are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::browse) enum Search {
    Prefix(String),
    Contains(String),
}

impl StreamsScreen {
    pub(in crate::browse) fn new(search: Option<Search>) -> Self {
        Self { list: Pages::new(None), search, order: ListOrder::Name, with_deleted: false }
    }

    /// The same list in the next order.
    pub(in crate::browse) fn reordered(&self) -> Self {
        let order = match self.order {
            ListOrder::Name => ListOrder::Newest,
            ListOrder::Newest => ListOrder::Oldest,
            ListOrder::Oldest => ListOrder::Largest,
            _ => ListOrder::Name,
        };
        Self { order, list: Pages::new(None), ..self.clone() }
    }

    /// The same list with the deleted streams, or without.
    pub(in crate::browse) fn with_deleted(&self, with_deleted: bool) -> Self {
        Self { with_deleted, list: Pages::new(None), ..self.clone() }
    }

    /// What the order is called.
    pub(in crate::browse) const fn order_name(&self) -> &'static str {
        match self.order {
            ListOrder::Newest => "newest first",
            ListOrder::Oldest => "oldest first",
            ListOrder::Largest => "largest first",
            _ => "by name",
        }
    }

    /// The page after a stream.
    pub(super) fn request(&self, after: Option<StreamInfo>) -> Request {
        let mut options = ListOptions::new().order(self.order);
        options = match &self.search {
            Some(Search::Prefix(text)) => options.prefix(text),
            Some(Search::Contains(text)) => options.contains(text),
            None => options,
        };
        if self.with_deleted {
            options = options.deleted();
        }
        if let Some(last) = after {
            options = options.after(&last);
        }
        Request::Streams(options)
    }
}
