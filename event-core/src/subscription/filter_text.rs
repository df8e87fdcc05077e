//! [`Written`]: the text of a filter, read back. It is all that the store keeps of a filter, so that what an earlier filter
//! selected can be told after a subscription was changed.

use crate::error::Result;
use crate::registry::Registry;
use crate::subscription::filter::Filter;
use crate::value::StreamId;

/// The clause of a partition key of the application's own.
const PARTITIONED_BY: &str = "partitioned by ";

/// A registered filter: everything but the code of its predicate and of its partition key, of which it has the names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    /// Without the predicate.
    pub(crate) filter: Filter,
    pub(crate) predicate: Option<String>,
    pub(crate) partition_key: Option<String>,
}

impl Written {
    /// Reads the text that a filter was registered with; `None` if no filter is written like that.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (mut written, mut rest) = (Self::default(), text);
        loop {
            rest = written.parse_condition(rest)?;
            if rest.is_empty() {
                return Some(written);
            }
            rest = rest.strip_prefix(", ")?;
        }
    }

    /// Reads one condition; returns what follows it.
    fn parse_condition<'t>(&mut self, text: &'t str) -> Option<&'t str> {
        if let Some(rest) = text.strip_prefix("everything") {
            return Some(rest);
        }
        if let Some(mut rest) = text.strip_prefix("types ") {
            let mut types = Vec::new();
            while rest.starts_with('"') {
                let (name, after) = quoted(rest)?;
                types.push(name);
                rest = if after.starts_with(" \"") { &after[1..] } else { after };
            }
            self.filter = std::mem::take(&mut self.filter).event_types(types);
            return Some(rest);
        }
        let (keyword, start) = ["stream ", "category ", "predicate ", PARTITIONED_BY]
            .into_iter()
            .find_map(|keyword| Some((keyword, text.strip_prefix(keyword)?)))?;
        let (value, rest) = quoted(start)?;
        match keyword {
            "stream " => {
                let stream_id = StreamId::new(value).ok()?;
                self.filter = std::mem::take(&mut self.filter).stream(stream_id);
            }
            "category " => self.filter = std::mem::take(&mut self.filter).category(value),
            "predicate " => self.predicate = Some(value),
            _ => self.partition_key = Some(value),
        }
        Some(rest)
    }
}

/// The text that a filter and the name of a partition key are registered with, the types under their current names.
pub(crate) fn write(filter: &Filter, partition_key: Option<&str>, registry: &Registry) -> String {
    let filter = filter.clone().with_current_names(registry).to_string();
    with_key(filter, partition_key)
}

/// A filter's text with the clause of a partition key.
pub(crate) fn with_key(filter: String, partition_key: Option<&str>) -> String {
    match partition_key {
        Some(name) => format!("{filter}, {PARTITIONED_BY}{name:?}"),
        None => filter,
    }
}

/// The text in which a registered filter is compared: types that were renamed since are written under their current names.
pub(crate) fn canonical(text: &str, registry: &Registry) -> String {
    let Some(written) = Written::parse(text) else { return text.to_owned() };
    let Written { mut filter, predicate, partition_key } = written;
    if let Some(name) = predicate {
        filter = filter.predicate(name, |_| true);
    }
    write(&filter, partition_key.as_deref(), registry)
}

/// Whether two texts mean the same filter; types that were renamed since are the same.
pub(crate) fn is_same(stored: &str, wanted: &str) -> Result<bool> {
    if stored == wanted {
        return Ok(true);
    }
    let registry = Registry::global()?;
    Ok(canonical(stored, registry) == canonical(wanted, registry))
}

/// Reads a quoted text as `{:?}` writes it; returns it and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        value.push(match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                '0' => '\0',
                'u' => {
                    let (digits, rest) = chars.as_str().strip_prefix('{')?.split_once('}')?;
                    chars = rest.chars();
                    char::from_u32(u32::from_str_radix(digits, 16).ok()?)?
                }
                other => other,
            },
            other => other,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let hostile = "a\" \"b, predicate \"\\x\n\u{301}\u{7f}\0é";
        let filters = [
            Filter::all(),
            Filter::all().category(hostile),
            Filter::all().stream(StreamId::new("a-\"1, \\").unwrap()).category("a"),
            Filter::all().event_types(Vec::<String>::new()),
            Filter::all().event_types(["b", hostile, ""]),
            Filter::all().category("a").event_types(["b"]),
        ];
        for filter in filters {
            for predicate in [None, Some(hostile)] {
                for key in [None, Some(hostile)] {
                    let named = match predicate {
                        Some(name) => filter.clone().predicate(name, |_| true),
                        None => filter.clone(),
                    };
                    let written = Written::parse(&with_key(named.to_string(), key)).unwrap();
                    assert_eq!(written.filter.to_string(), filter.to_string());
                    assert_eq!(written.predicate.as_deref(), predicate);
                    assert_eq!(written.partition_key.as_deref(), key);
                }
            }
        }
        for other in ["", "all", "category a", "category \"a", "types \"a\"; ", "everything,"] {
            assert!(Written::parse(other).is_none(), "{other:?}");
        }
    }
}
