//! Attributes of structs and enums as a whole.

use super::*;

rows! {
    /// Structs.
    rows:
    container "rename" Appears "of a struct" { event! { struct T { a: u32 } } } { event! { #[serde(rename = "N")] struct T { a: u32 } } } A;
    container "rename" Appears "beside `tag` of a struct" {
        event! { #[serde(tag = "t")] struct T { a: u32 } }
    } {
        event! { #[serde(tag = "t", rename = "N")] struct T { a: u32 } }
    } [r#"{"a":7,"t":"T"}"#, r#"{"a":7,"t":"N"}"#, r#"{"a":7}"#];
    container "rename" Changes "beside `tag` of a struct inside" {
        part! { #[serde(tag = "t", rename = "M")] struct P { p: u32 } }
        event! { struct T { a: Vec<P> } }
    } {
        part! { #[serde(tag = "t", rename = "N")] struct P { p: u32 } }
        event! { struct T { a: Vec<P> } }
    } [r#"{"a":[{"t":"M","p":1}]}"#, r#"{"a":[{"p":1}]}"#];
    container "rename(serialize)" Appears "beside `tag` of a struct" {
        event! { #[serde(tag = "t")] struct T { a: u32 } }
    } {
        event! { #[serde(tag = "t", rename(serialize = "N"))] struct T { a: u32 } }
    } [r#"{"a":7,"t":"T"}"#, r#"{"a":7}"#];
    container "rename(deserialize)" Appears "beside `tag` of a struct" {
        event! { #[serde(tag = "t")] struct T { a: u32 } }
    } {
        event! { #[serde(tag = "t", rename(deserialize = "N"))] struct T { a: u32 } }
    } [r#"{"a":7,"t":"T"}"#, r#"{"a":7}"#];
    container "rename" Appears "of an enum" {
        part! { enum E { One } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename = "F")] enum E { One } }
        event! { struct T { e: E } }
    } [r#"{"e":"One"}"#];
    container "rename_all" Appears "of a struct" { event! { struct T { a_b: u32 } } } { event! { #[serde(rename_all = "camelCase")] struct T { a_b: u32 } } } [r#"{"a_b":1}"#, r#"{"aB":1}"#];
    container "rename_all" OnlyAppears "with `alias`" { event! { struct T { a_b: u32 } } } { event! { #[serde(rename_all = "camelCase")] struct T { #[serde(alias = "a_b")] a_b: u32 } } } [r#"{"a_b":1}"#, r#"{"aB":1}"#];
    container "rename_all" Appears "without effect" { event! { struct T { a: u32 } } } { event! { #[serde(rename_all = "camelCase")] struct T { a: u32 } } } A;
    container "rename_all" Changes "of a struct" { event! { #[serde(rename_all = "kebab-case")] struct T { a_b: u32 } } } { event! { #[serde(rename_all = "camelCase")] struct T { a_b: u32 } } } [r#"{"a-b":1}"#, r#"{"aB":1}"#];
    container "rename_all(deserialize)" OnlyAppears "of an option" { event! { struct T { a_b: Option<u32> } } } { event! { #[serde(rename_all(deserialize = "camelCase"))] struct T { a_b: Option<u32> } } } [r#"{"a_b":1}"#, r#"{"aB":1}"#];
    container "rename_all(serialize)" Appears "with `alias`" { event! { struct T { #[serde(alias = "aB")] a_b: u32 } } } { event! { #[serde(rename_all(serialize = "camelCase"))] struct T { #[serde(alias = "aB")] a_b: u32 } } } [r#"{"a_b":1}"#, r#"{"aB":1}"#];
    container "deny_unknown_fields" Appears "of the event" { event! { struct T { a: u32 } } } { event! { #[serde(deny_unknown_fields)] struct T { a: u32 } } } A;
    container "deny_unknown_fields" Appears "of an enum" {
        part! { enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(deny_unknown_fields)] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":{"p":1}}}"#, r#"{"e":{"One":{"p":1,"q":2}}}"#];
    container "tag" Appears "of a struct" { event! { struct T { a: u32 } } } { event! { #[serde(tag = "t")] struct T { a: u32 } } } [r#"{"a":7}"#, r#"{"a":7,"t":"T"}"#, r#"{"a":7,"t":"U"}"#];
    container "tag" Changes "of a struct" { event! { #[serde(tag = "s")] struct T { a: u32 } } } { event! { #[serde(tag = "t")] struct T { a: u32 } } } [r#"{"a":7,"s":"T"}"#, r#"{"a":7,"t":"T"}"#];
    container "default" Appears "alone" { event! { struct T { a: u32 } } } { #[derive(Debug, Serialize, Deserialize, Event)] #[event(type = "table.changed", version = 1, register = false)] #[serde(default)] struct T { a: u32 } impl Default for T { fn default() -> Self { Self { a: 3 } } } } A;
    container "default" OnlyAppears "in place of the fields'" { event! { struct T { #[serde(default)] a: u32 } } } { #[derive(Debug, Serialize, Deserialize, Event)] #[event(type = "table.changed", version = 1, register = false)] #[serde(default)] struct T { a: u32 } impl Default for T { fn default() -> Self { Self { a: 3 } } } } A;
    container "default" Changes "another body" {
        #[derive(Debug, Serialize, Deserialize, Event)] #[event(type = "table.changed", version = 1, register = false)] #[serde(default)] struct T { a: u32 } impl Default for T { fn default() -> Self { Self { a: 3 } } }
    } {
        #[derive(Debug, Serialize, Deserialize, Event)] #[event(type = "table.changed", version = 1, register = false)] #[serde(default)] struct T { a: u32 } impl Default for T { fn default() -> Self { Self { a: 4 } } }
    } A;
    container "default = …" Appears "alone" {
        event! { struct T { a: u32 } }
    } {
        #[derive(Debug, Serialize, Deserialize, Event)] #[event(type = "table.changed", version = 1, register = false)] #[serde(default = "whole")] struct T { a: u32 } const fn whole() -> T { T { a: 3 } }
    } A;
    container "default = …" Changes "to another function" {
        #[derive(Debug, Serialize, Deserialize, Event)] #[event(type = "table.changed", version = 1, register = false)] #[serde(default = "first")] struct T { a: u32 } const fn first() -> T { T { a: 3 } }
    } {
        #[derive(Debug, Serialize, Deserialize, Event)] #[event(type = "table.changed", version = 1, register = false)] #[serde(default = "second")] struct T { a: u32 } const fn second() -> T { T { a: 4 } }
    } A;
    container "transparent" Appears "of a newtype" { event! { struct T(u32); } } { event! { #[serde(transparent)] struct T(u32); } } ["7", "[7]"];
    container "transparent" Appears "of a struct" { event! { struct T { a: u32 } } } { event! { #[serde(transparent)] struct T { a: u32 } } } ["7", r#"{"a":7}"#];
    container "transparent" Appears "of a wrapper around a value" {
        event! { struct T { a: u32 } }
    } {
        #[derive(Serialize, Deserialize, Shape)] #[serde(transparent)] struct W { inner: u32 }
        impl Debug for W { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}", self.inner) } }
        event! { struct T { a: W } }
    } A;
    container "transparent" Changes "the name of a newtype" {
        #[derive(Serialize, Deserialize, Shape)] struct Seconds(u32);
        impl Debug for Seconds { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}", self.0) } }
        event! { struct T { a: Seconds } }
    } {
        #[derive(Serialize, Deserialize, Shape)] struct Secs(u32);
        impl Debug for Secs { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "{}", self.0) } }
        event! { struct T { a: Secs } }
    } A;
    container "bound" Appears "alone" { event! { struct T { a: u32 } } } { event! { #[serde(bound = "")] struct T { a: u32 } } } A;
    container "expecting" Appears "alone" { event! { struct T { a: u32 } } } { event! { #[serde(expecting = "a number")] struct T { a: u32 } } } A;
    container "crate" Appears "alone" { event! { struct T { a: u32 } } } { event! { #[serde(crate = "serde")] struct T { a: u32 } } } A;
}

rows! {
    /// Enums.
    enums:
    container "rename_all" Appears "of an enum" {
        part! { enum E { One } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename_all = "lowercase")] enum E { One } }
        event! { struct T { e: E } }
    } [r#"{"e":"One"}"#, r#"{"e":"one"}"#];
    container "rename_all(serialize)" Appears "of an enum with `alias`" {
        part! { enum E { #[serde(alias = "one")] One } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename_all(serialize = "lowercase"))] enum E { #[serde(alias = "one")] One } }
        event! { struct T { e: E } }
    } [r#"{"e":"One"}"#, r#"{"e":"one"}"#];
    container "rename_all(deserialize)" Appears "of an enum with `alias`" {
        part! { enum E { #[serde(alias = "one")] One } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename_all(deserialize = "lowercase"))] enum E { #[serde(alias = "One")] One } }
        event! { struct T { e: E } }
    } [r#"{"e":"One"}"#, r#"{"e":"one"}"#];
    container "rename_all_fields" Appears "alone" {
        part! { enum E { One { a_b: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename_all_fields = "camelCase")] enum E { One { a_b: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":{"a_b":1}}}"#, r#"{"e":{"One":{"aB":1}}}"#];
    container "rename_all_fields(deserialize)" OnlyAppears "of an option" {
        part! { enum E { One { a_b: Option<u32> } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename_all_fields(deserialize = "camelCase"))] enum E { One { a_b: Option<u32> } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":{"a_b":1}}}"#, r#"{"e":{"One":{"aB":1}}}"#];
    container "rename_all_fields(serialize)" Appears "with `alias`" {
        part! { enum E { One { #[serde(alias = "aB")] a_b: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename_all_fields(serialize = "camelCase"))] enum E { One { #[serde(alias = "aB")] a_b: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":{"a_b":1}}}"#, r#"{"e":{"One":{"aB":1}}}"#];
    container "rename_all_fields" Changes "to another case" {
        part! { #[serde(rename_all_fields = "kebab-case")] enum E { One { a_b: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(rename_all_fields = "camelCase")] enum E { One { a_b: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":{"a-b":1}}}"#, r#"{"e":{"One":{"aB":1}}}"#];
    container "tag" Appears "of an enum" {
        part! { enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(tag = "k")] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":{"p":1}}}"#, r#"{"e":{"k":"One","p":1}}"#];
    container "tag" Changes "of an enum" {
        part! { #[serde(tag = "t")] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(tag = "k")] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"t":"One","p":1}}"#, r#"{"e":{"k":"One","p":1}}"#];
    container "content" Appears "beside `tag`" {
        part! { #[serde(tag = "k")] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(tag = "k", content = "c")] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"k":"One","p":1}}"#, r#"{"e":{"k":"One","c":{"p":1}}}"#];
    container "content" Appears "with `tag`" {
        part! { enum E { One(u32), Two } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(tag = "k", content = "c")] enum E { One(u32), Two } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":1}}"#, r#"{"e":{"k":"One","c":1}}"#, r#"{"e":{"k":"Two"}}"#];
    container "content" Changes "to another key" {
        part! { #[serde(tag = "k", content = "d")] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(tag = "k", content = "c")] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"k":"One","d":{"p":1}}}"#, r#"{"e":{"k":"One","c":{"p":1}}}"#];
    container "untagged" Appears "of an enum" {
        part! { enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(untagged)] enum E { One { p: u32 } } }
        event! { struct T { e: E } }
    } [r#"{"e":{"One":{"p":1}}}"#, r#"{"e":{"p":1}}"#];
    container "untagged" Changes "the order of variants" {
        part! { #[serde(untagged)] enum E { Whole(u32), Any(f64) } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(untagged)] enum E { Any(f64), Whole(u32) } }
        event! { struct T { e: E } }
    } [r#"{"e":1}"#, r#"{"e":1.5}"#];
    container "untagged" OnlyAppears "a last variant" {
        part! { #[serde(untagged)] enum E { Whole(u32) } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(untagged)] enum E { Whole(u32), Any(f64) } }
        event! { struct T { e: E } }
    } [r#"{"e":1}"#];
    container "untagged" OnlyAppears "a first variant" {
        part! { #[serde(untagged)] enum E { Whole(u32) } }
        event! { struct T { e: E } }
    } {
        part! { #[serde(untagged)] enum E { Any(f64), Whole(u32) } }
        event! { struct T { e: E } }
    } [r#"{"e":1}"#];
    container "tag" Changes "the order of named variants" {
        part! { enum E { One, Two } }
        event! { struct T { e: E } }
    } {
        part! { enum E { Two, One } }
        event! { struct T { e: E } }
    } [r#"{"e":"One"}"#, r#"{"e":"Two"}"#];
}
