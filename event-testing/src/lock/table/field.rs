//! Attributes of fields that name no function but a default.

use super::*;

rows! {
    /// Fields of the event itself.
    rows:
    field "rename" Appears "alone" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(rename = "b")] a: u32 } } } A;
    field "rename" Appears "of an option" { event! { struct T { a: Option<u32> } } } { event! { struct T { #[serde(rename = "b")] a: Option<u32> } } } A;
    field "rename" OnlyAppears "with `alias`" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(rename = "b", alias = "a")] a: u32 } } } A;
    field "rename" OnlyAppears "the field is renamed in Rust" { event! { struct T { a: u32 } } } {
        #[derive(Serialize, Deserialize, Event)]
        #[event(type = "table.changed", version = 1, register = false)]
        struct T { #[serde(rename = "a")] other: u32 }
        impl Debug for T { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.debug_struct("T").field("a", &self.other).finish() } }
    } A;
    field "rename" Changes "alone" { event! { struct T { #[serde(rename = "b")] a: u32 } } } { event! { struct T { #[serde(rename = "c")] a: u32 } } } [r#"{"b":1}"#, r#"{"c":1}"#];
    field "rename" Changes "with both as `alias`" { event! { struct T { #[serde(rename = "b", alias = "c")] a: u32 } } } { event! { struct T { #[serde(rename = "c", alias = "b")] a: u32 } } } [r#"{"b":1}"#, r#"{"c":1}"#];
    field "rename" Changes "two fields trade their names" {
        event! { struct T { #[serde(rename = "a")] p: u32, #[serde(rename = "b")] q: u32 } }
    } {
        event! { struct T { #[serde(rename = "b")] p: u32, #[serde(rename = "a")] q: u32 } }
    } AB, NotSeen;
    field "rename(deserialize)" OnlyAppears "of an option" { event! { struct T { a: Option<u32> } } } { event! { struct T { #[serde(rename(deserialize = "b"))] a: Option<u32> } } } A;
    field "rename(deserialize)" OnlyAppears "with `alias`" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(rename(deserialize = "b"), alias = "a")] a: u32 } } } A;
    field "rename(deserialize)" Changes "two fields trade their names" {
        event! { struct T { #[serde(rename(deserialize = "a"), alias = "p")] p: u32, #[serde(rename(deserialize = "b"), alias = "q")] q: u32 } }
    } {
        event! { struct T { #[serde(rename(deserialize = "b"), alias = "p")] p: u32, #[serde(rename(deserialize = "a"), alias = "q")] q: u32 } }
    } AB;
    field "rename(serialize)" Appears "with `alias`" { event! { struct T { #[serde(alias = "b")] a: u32 } } } { event! { struct T { #[serde(rename(serialize = "b"), alias = "b")] a: u32 } } } A;
    field "rename(serialize)" Changes "with `alias`" {
        event! { struct T { #[serde(rename(serialize = "b"), alias = "b", alias = "c")] a: u32 } }
    } {
        event! { struct T { #[serde(rename(serialize = "c"), alias = "b", alias = "c")] a: u32 } }
    } [r#"{"a":1}"#, r#"{"b":1}"#, r#"{"c":1}"#];
    field "alias" Appears "alone" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(alias = "b")] a: u32 } } } A;
    field "alias" OnlyAppears "of an option" { event! { struct T { a: Option<u32> } } } { event! { struct T { #[serde(alias = "b")] a: Option<u32> } } } [r#"{"a":7}"#, "{}"];
    field "alias" OnlyGoes "of an option" { event! { struct T { #[serde(alias = "b")] a: Option<u32> } } } { event! { struct T { a: Option<u32> } } } A;
    field "alias" Changes "to another name" { event! { struct T { #[serde(alias = "b")] a: u32 } } } { event! { struct T { #[serde(alias = "c")] a: u32 } } } [r#"{"a":1}"#, r#"{"b":1}"#, r#"{"c":1}"#];
    field "default" Appears "alone" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(default)] a: u32 } } } A;
    field "default" Appears "of an option" { event! { struct T { a: Option<u32> } } } { event! { struct T { #[serde(default)] a: Option<u32> } } } A;
    field "default" Changes "to a function" { event! { struct T { #[serde(default)] a: u32 } } } { event! { struct T { #[serde(default = "seven")] a: u32 } } } [r#"{"a":9}"#, "{}"];
    field "default = …" Appears "alone" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(default = "eight")] a: u32 } } } A;
    field "default = …" Appears "of an option" { event! { struct T { a: Option<u32> } } } {
        event! { struct T { #[serde(default = "some")] a: Option<u32> } }
        #[expect(clippy::unnecessary_wraps, reason = "the signature that serde calls")]
        const fn some() -> Option<u32> { Some(8) }
    } A;
    field "default = …" Changes "to another function" { event! { struct T { #[serde(default = "seven")] a: u32 } } } { event! { struct T { #[serde(default = "eight")] a: u32 } } } [r#"{"a":9}"#, "{}"];
    field "default = …" Changes "another body" {
        use super::super::seven as value;
        event! { struct T { #[serde(default = "value")] a: u32 } }
    } {
        use super::super::eight as value;
        event! { struct T { #[serde(default = "value")] a: u32 } }
    } [r#"{"a":9}"#, "{}"];
    field "default = …" Changes "another body beside `skip_serializing_if`" {
        use super::super::seven as value;
        const fn is_value(number: &u32) -> bool { *number == 7 }
        event! { struct T { #[serde(default = "value", skip_serializing_if = "is_value")] a: u32 } }
    } {
        use super::super::eight as value;
        const fn is_value(number: &u32) -> bool { *number == 8 }
        event! { struct T { #[serde(default = "value", skip_serializing_if = "is_value")] a: u32 } }
    } [r#"{"a":9}"#, "{}"];
    field "skip" Appears "alone" { event! { struct T { a: u32, b: u32 } } } { event! { struct T { a: u32, #[serde(skip)] b: u32 } } } [r#"{"a":7,"b":1}"#, r#"{"a":7}"#];
    field "skip" OnlyGoes "with `default`" { event! { struct T { a: u32, #[serde(skip)] b: u32 } } } { event! { struct T { a: u32, #[serde(default)] b: u32 } } } [r#"{"a":7}"#];
    field "skip" Appears "in a tuple" { event! { struct T(u32, u32, u32); } } { event! { struct T(u32, #[serde(skip)] u32, u32); } } ["[1,2]", "[1,2,3]"];
    field "skip_deserializing" Appears "alone" { event! { struct T { a: u32, b: u32 } } } { event! { struct T { a: u32, #[serde(skip_deserializing)] b: u32 } } } [r#"{"a":7}"#, r#"{"a":7,"b":1}"#];
    field "skip_deserializing" Appears "with `default`" { event! { struct T { a: u32, #[serde(default)] b: u32 } } } { event! { struct T { a: u32, #[serde(skip_deserializing)] b: u32 } } } [r#"{"a":7}"#, r#"{"a":7,"b":1}"#];
    field "skip_serializing" Appears "with `default`" { event! { struct T { a: u32, #[serde(default)] b: u32 } } } { event! { struct T { a: u32, #[serde(default, skip_serializing)] b: u32 } } } AB;
    field "skip_serializing" Appears "of an option" { event! { struct T { a: u32, b: Option<u32> } } } { event! { struct T { a: u32, #[serde(skip_serializing)] b: Option<u32> } } } [r#"{"a":7,"b":1}"#, r#"{"a":7}"#];
    field "skip_serializing_if" Appears "with `default`" { event! { struct T { a: u32, #[serde(default)] b: u32 } } } { event! { struct T { a: u32, #[serde(default, skip_serializing_if = "is_zero")] b: u32 } } } AB;
    field "skip_serializing_if" Appears "of an option" { event! { struct T { a: u32, b: Option<u32> } } } { event! { struct T { a: u32, #[serde(skip_serializing_if = "Option::is_none")] b: Option<u32> } } } AB;
    field "skip_serializing_if" Changes "to another function" {
        event! { struct T { a: u32, #[serde(default, skip_serializing_if = "is_zero")] b: u32 } }
    } {
        const fn is_none(number: &u32) -> bool { *number == 0 }
        event! { struct T { a: u32, #[serde(default, skip_serializing_if = "is_none")] b: u32 } }
    } AB;
    field "flatten" Appears "alone" {
        part! { struct P { p: u32 } }
        event! { struct T { a: P } }
    } {
        part! { struct P { p: u32 } }
        event! { struct T { #[serde(flatten)] a: P } }
    } [r#"{"a":{"p":1}}"#, r#"{"p":1}"#];
    field "flatten" Appears "of an option" {
        part! { struct P { p: u32 } }
        event! { struct T { a: Option<P> } }
    } {
        part! { struct P { p: u32 } }
        event! { struct T { #[serde(flatten)] a: Option<P> } }
    } [r#"{"a":{"p":1}}"#, r#"{"p":1}"#, "{}"];
    field "flatten" OnlyAppears "of a map beside other fields" { event! { struct T { a: u32, m: BTreeMap<String, u32> } } } { event! { struct T { a: u32, #[serde(flatten)] m: BTreeMap<String, u32> } } } [r#"{"a":1,"m":{"x":1}}"#];
    field "flatten" Changes "two types with one key" {
        part! { struct P { k: Option<u32> } }
        part! { struct Q { #[serde(skip_serializing_if = "Option::is_none")] k: Option<u32>, q: u32 } }
        event! { struct T { #[serde(flatten)] p: P, #[serde(flatten)] r: Q } }
    } {
        part! { struct P { k: Option<String> } }
        part! { struct Q { #[serde(skip_serializing_if = "Option::is_none")] k: Option<u32>, q: u32 } }
        event! { struct T { #[serde(flatten)] p: P, #[serde(flatten)] r: Q } }
    } [r#"{"k":1,"q":2}"#, r#"{"k":"1","q":2}"#, r#"{"q":2}"#];
    field "bound" Appears "in a generic part" {
        part! { struct P<X> { p: X } }
        event! { struct T { a: P<u32> } }
    } {
        part! { struct P<X> { #[serde(bound = "X: Serialize + DeserializeOwned")] p: X } }
        event! { struct T { a: P<u32> } }
    } [r#"{"a":{"p":1}}"#];
    field "none" Changes "nothing" { event! { struct T { a: u32 } } } { event! { struct T { a: u32 } } } A;
    field "none" Changes "another order" { event! { struct T { a: u32, b: u32 } } } {
        #[derive(Serialize, Deserialize, Event)]
        #[event(type = "table.changed", version = 1, register = false)]
        struct T { b: u32, a: u32 }
        impl Debug for T { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.debug_struct("T").field("a", &self.a).field("b", &self.b).finish() } }
    } AB;
    field "none" OnlyAppears "a new required field" { event! { struct T { a: u32 } } } { event! { struct T { a: u32, b: u32 } } } AB;
    field "none" OnlyAppears "a new optional field" { event! { struct T { a: u32 } } } {
        #[derive(Serialize, Deserialize, Event)]
        #[event(type = "table.changed", version = 1, register = false)]
        struct T { a: u32, n: Option<u32> }
        impl Debug for T { fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { write!(f, "T {{ a: {} }}", self.a) } }
    } A;
}
