//! [`Links`]: the addresses of the console's pages, below the path that it is mounted at. They hold names and ids, never
//! what events contain.

use event_core::{EventId, StreamId, Tenant};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What is escaped in a segment of a path and in a query.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The addresses of the pages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Links {
    base: String,
}

impl Links {
    /// Below a path, which is empty or starts with `/` and does not end with one.
    pub(crate) const fn new(base: String) -> Self {
        Self { base }
    }

    /// The path that the console is mounted at, for cookies.
    pub(crate) fn root(&self) -> &str {
        if self.base.is_empty() { "/" } else { &self.base }
    }

    /// A page by its path within the console.
    pub(crate) fn to(&self, path: &str) -> String {
        if path == "/" { self.root().to_owned() } else { format!("{}{path}", self.base) }
    }

    pub(crate) fn stream(&self, tenant: &Tenant, stream_id: &StreamId) -> String {
        self.named("stream", &[tenant.as_str(), stream_id.as_str()])
    }

    pub(crate) fn event(&self, tenant: &Tenant, event_id: EventId) -> String {
        self.named("event", &[tenant.as_str(), &event_id.to_string()])
    }

    pub(crate) fn event_type(&self, event_type: &str) -> String {
        self.named("types", &[event_type])
    }

    /// A subscription of a tenant, or of all.
    pub(crate) fn subscription(&self, tenant: Option<&Tenant>, name: &str) -> String {
        match tenant {
            Some(tenant) => self.named("subscriptions/of", &[tenant.as_str(), name]),
            None => self.named("subscriptions/all", &[name]),
        }
    }

    /// What is done to a build of a projection.
    pub(crate) fn build(&self, name: &str, build: u32, action: &str) -> String {
        self.named("projections", &[name, &build.to_string(), action])
    }

    /// Where a projection is rebuilt.
    pub(crate) fn rebuild(&self, name: &str) -> String {
        self.named("projections", &[name, "rebuild"])
    }

    fn named(&self, page: &str, names: &[&str]) -> String {
        let mut link = format!("{}/{page}", self.base);
        for name in names {
            link.push('/');
            link.push_str(&segment(name));
        }
        link
    }
}

/// A query of the parameters that have a value, with its `?`.
pub(crate) fn query(parameters: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        text.push(if text.is_empty() { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        text.extend(utf8_percent_encode(value, ESCAPED));
    }
    text
}

/// A name as a segment of a path. Browsers resolve `.` and `..` even when they are escaped, so those get a mark in front.
fn segment(name: &str) -> String {
    let escaped = utf8_percent_encode(name, ESCAPED).to_string();
    if matches!(name, "." | "..") || name.starts_with('~') {
        format!("~{escaped}")
    } else {
        escaped
    }
}

/// The name in a segment of a path, which is not escaped any more.
pub(crate) fn name_of(segment: &str) -> &str {
    segment.strip_prefix('~').unwrap_or(segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_an_address_of_its_own() {
        let links = Links::new("/ops".to_owned());
        let tenant = Tenant::default();
        for (name, expected) in [
            ("game-1", "/ops/stream/default/game-1"),
            ("a/b?c#d", "/ops/stream/default/a%2Fb%3Fc%23d"),
            ("..", "/ops/stream/default/~.."),
            ("~..", "/ops/stream/default/~~.."),
            ("ä", "/ops/stream/default/%C3%A4"),
        ] {
            let link = links.stream(&tenant, &StreamId::new(name).unwrap());
            assert_eq!(link, expected);
            let last = link.rsplit('/').next().unwrap();
            let decoded = percent_encoding::percent_decode_str(last).decode_utf8().unwrap();
            assert_eq!(name_of(&decoded), name);
        }
        assert_eq!((links.to("/"), Links::default().to("/")), ("/ops".into(), "/".into()));
        assert_eq!(query(&[("a", ""), ("b", "x y"), ("c", "&")]), "?b=x%20y&c=%26");
    }
}
