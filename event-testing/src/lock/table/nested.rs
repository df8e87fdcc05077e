//! Attributes of a type inside of the event, at every place where it can be.

use super::holders::{held, put};
use super::*;

held! {
    /// A key that is read.
    rename: field "rename" Appears "inside" { part! { struct P { p: u32 } } } { part! { struct P { #[serde(rename = "q")] p: u32 } } } &[r#"{"p":1}"#, r#"{"q":1}"#]
}
held! {
    /// Keys that are refused.
    closed: container "deny_unknown_fields" Appears "inside" { part! { struct P { p: u32 } } } { part! { #[serde(deny_unknown_fields)] struct P { p: u32 } } } &[r#"{"p":1}"#, r#"{"p":1,"x":1}"#]
}
held! {
    /// A function that reads something else under the same path.
    body: field "with" Changes "another body inside" {
        use super::super::cents as money;
        part! { struct P { #[serde(with = "money")] p: u32 } }
    } {
        use super::super::units as money;
        part! { struct P { #[serde(with = "money")] p: u32 } }
    } &[r#"{"p":1}"#]
}

rows! {
    /// In a list.
    listed:
    field "default" Appears "inside" {
        part! { struct P { p: u32, q: u32 } }
        event! { struct T { a: Vec<P> } }
    } {
        part! { struct P { p: u32, #[serde(default)] q: u32 } }
        event! { struct T { a: Vec<P> } }
    } [r#"{"a":[{"p":1,"q":1}]}"#, r#"{"a":[{"p":1}]}"#];
    field "with" Changes "another reading inside" {
        part! { struct P { #[serde(with = "cents")] p: u32 } }
        event! { struct T { a: Vec<P> } }
    } {
        part! { struct P { #[serde(with = "units")] p: u32 } }
        event! { struct T { a: Vec<P> } }
    } [r#"{"a":[{"p":1}]}"#];
    field "with" Changes "a moved path inside" {
        use super::super::cents as money;
        part! { struct P { #[serde(with = "money")] p: u32 } }
        event! { struct T { a: BTreeMap<String, P> } }
    } {
        part! { struct P { #[serde(with = "cents")] p: u32 } }
        event! { struct T { a: BTreeMap<String, P> } }
    } [r#"{"a":{"k":{"p":1}}}"#];
    field "skip_serializing" Appears "inside with `default`" {
        part! { struct P { p: u32, #[serde(default)] q: u32 } }
        event! { struct T { a: Vec<P> } }
    } {
        part! { struct P { p: u32, #[serde(default, skip_serializing)] q: u32 } }
        event! { struct T { a: Vec<P> } }
    } [r#"{"a":[{"p":1,"q":2}]}"#, r#"{"a":[{"p":1}]}"#];
}

pub(super) fn rows() -> Vec<Row> {
    [rename(), body(), closed(), listed()].into_iter().flatten().collect()
}
