//! Attributes of variants.

use super::*;

macro_rules! holder {
    ($($variants:tt)*) => {
        part! { $($variants)* }
        event! { struct T { e: E } }
    };
}

const E: [&str; 5] =
    [r#"{"e":"One"}"#, r#"{"e":"one"}"#, r#"{"e":"uno"}"#, r#"{"e":"Two"}"#, r#"{"e":"Three"}"#];
const FIELDS: [&str; 4] = [
    r#"{"e":{"One":{"a_b":1}}}"#,
    r#"{"e":{"One":{"aB":1}}}"#,
    r#"{"e":{"One":{"a-b":1}}}"#,
    r#"{"e":{"One":{}}}"#,
];
const ONE: [&str; 3] = [r#"{"e":{"One":7}}"#, r#"{"e":{"One":100}}"#, r#"{"e":7}"#];

rows! {
    /// Variants of an enum inside of the event.
    rows:
    variant "rename" Appears "alone" { holder! { enum E { One, Two } } } { holder! { enum E { #[serde(rename = "one")] One, Two } } } E;
    variant "rename" OnlyAppears "with `alias`" { holder! { enum E { One, Two } } } { holder! { enum E { #[serde(rename = "one", alias = "One")] One, Two } } } E;
    variant "rename" Changes "alone" { holder! { enum E { #[serde(rename = "uno")] One, Two } } } { holder! { enum E { #[serde(rename = "one")] One, Two } } } E;
    variant "rename" Changes "two variants trade their names" { holder! { enum E { #[serde(rename = "One")] A, #[serde(rename = "Two")] B } } } { holder! { enum E { #[serde(rename = "Two")] A, #[serde(rename = "One")] B } } } E, NotSeen;
    variant "rename" Appears "with a tag" {
        holder! { #[serde(tag = "k")] enum E { One { p: u32 } } }
    } {
        holder! { #[serde(tag = "k")] enum E { #[serde(rename = "one")] One { p: u32 } } }
    } [r#"{"e":{"k":"One","p":1}}"#, r#"{"e":{"k":"one","p":1}}"#];
    variant "rename" Appears "untagged" {
        holder! { #[serde(untagged)] enum E { One { p: u32 } } }
    } {
        holder! { #[serde(untagged)] enum E { #[serde(rename = "one")] One { p: u32 } } }
    } [r#"{"e":{"p":1}}"#];
    variant "rename(deserialize)" Appears "alone" { holder! { enum E { #[serde(alias = "uno")] One, Two } } } { holder! { enum E { #[serde(rename(deserialize = "one"), alias = "uno", alias = "One")] One, Two } } } E;
    variant "rename(serialize)" Appears "with `alias`" { holder! { enum E { #[serde(alias = "one")] One, Two } } } { holder! { enum E { #[serde(rename(serialize = "one"), alias = "one")] One, Two } } } E;
    variant "alias" Appears "alone" { holder! { enum E { One, Two } } } { holder! { enum E { #[serde(alias = "one")] One, Two } } } E;
    variant "alias" Changes "to another name" { holder! { enum E { #[serde(alias = "uno")] One, Two } } } { holder! { enum E { #[serde(alias = "one")] One, Two } } } E;
    variant "rename_all" Appears "of its fields" { holder! { enum E { One { a_b: u32 } } } } { holder! { enum E { #[serde(rename_all = "camelCase")] One { a_b: u32 } } } } FIELDS;
    variant "rename_all" Changes "to another case" { holder! { enum E { #[serde(rename_all = "kebab-case")] One { a_b: u32 } } } } { holder! { enum E { #[serde(rename_all = "camelCase")] One { a_b: u32 } } } } FIELDS;
    variant "rename_all(deserialize)" OnlyAppears "of an option" { holder! { enum E { One { a_b: Option<u32> } } } } { holder! { enum E { #[serde(rename_all(deserialize = "camelCase"))] One { a_b: Option<u32> } } } } FIELDS;
    variant "rename_all(serialize)" Appears "with `alias`" { holder! { enum E { One { #[serde(alias = "aB")] a_b: u32 } } } } { holder! { enum E { #[serde(rename_all(serialize = "camelCase"))] One { #[serde(alias = "aB")] a_b: u32 } } } } FIELDS;
    variant "skip" Appears "alone" { holder! { enum E { One, Two } } } { holder! { enum E { One, #[serde(skip)] Two } } } E;
    variant "skip_serializing" Appears "alone" { holder! { enum E { One, Two } } } { holder! { enum E { One, #[serde(skip_serializing)] Two } } } E;
    variant "skip_deserializing" Appears "alone" { holder! { enum E { One, Two } } } { holder! { enum E { One, #[serde(skip_deserializing)] Two } } } E;
    variant "other" Appears "alone" { holder! { enum E { One, Two } } } { holder! { enum E { One, #[serde(other)] Two } } } E;
    variant "other" Appears "with a tag" {
        holder! { #[serde(tag = "k")] enum E { One, Two } }
    } {
        holder! { #[serde(tag = "k")] enum E { One, #[serde(other)] Two } }
    } [r#"{"e":{"k":"One"}}"#, r#"{"e":{"k":"Three"}}"#];
    variant "other" Changes "another variant" { holder! { enum E { One, Two, #[serde(other)] Three } } } { holder! { enum E { One, Three, #[serde(other)] Two } } } [r#"{"e":"One"}"#, r#"{"e":"Four"}"#];
    variant "other" OnlyAppears "a variant more beside it" { holder! { enum E { One, #[serde(other)] Two } } } { holder! { enum E { One, Three, #[serde(other)] Two } } } E, NotSeen;
    variant "skip_deserializing" OnlyGoes "beside `other`" { holder! { enum E { One, #[serde(skip_deserializing)] Three, #[serde(other)] Two } } } { holder! { enum E { One, Three, #[serde(other)] Two } } } E;
    variant "skip_deserializing" OnlyGoes "untagged" {
        holder! { #[serde(untagged)] enum E { #[serde(skip_deserializing)] Any(f64), One(u32) } }
    } {
        holder! { #[serde(untagged)] enum E { Any(f64), One(u32) } }
    } [r#"{"e":7}"#];
    variant "untagged" Appears "of the last one" { holder! { enum E { Two, One(u32) } } } { holder! { enum E { Two, #[serde(untagged)] One(u32) } } } ONE;
    variant "bound" Appears "in a generic enum" {
        part! { enum E<X> { One(X) } }
        event! { struct T { e: E<u32> } }
    } {
        part! { enum E<X> { #[serde(bound = "X: Serialize + DeserializeOwned")] One(X) } }
        event! { struct T { e: E<u32> } }
    } ONE;
    variant "with" Appears "another reading" { holder! { enum E { One(u32) } } } { holder! { enum E { #[serde(with = "units")] One(u32) } } } ONE;
    variant "with" Changes "another reading" { holder! { enum E { #[serde(with = "cents")] One(u32) } } } { holder! { enum E { #[serde(with = "units")] One(u32) } } } ONE;
    variant "with" Changes "a moved path" {
        use super::super::cents as money;
        holder! { enum E { #[serde(with = "money")] One(u32) } }
    } {
        holder! { enum E { #[serde(with = "cents")] One(u32) } }
    } ONE;
    variant "with" Changes "another body" {
        use super::super::cents as money;
        holder! { enum E { #[serde(with = "money")] One(u32) } }
    } {
        use super::super::units as money;
        holder! { enum E { #[serde(with = "money")] One(u32) } }
    } ONE;
    variant "deserialize_with" OnlyAppears "another reading" { holder! { enum E { One(u32) } } } { holder! { enum E { #[serde(deserialize_with = "units::deserialize")] One(u32) } } } ONE;
    variant "serialize_with" Appears "the same writing" { holder! { enum E { One(u32) } } } { holder! { enum E { #[serde(serialize_with = "cents::serialize")] One(u32) } } } ONE;
    variant "none" OnlyAppears "a variant more" { holder! { enum E { One } } } { holder! { enum E { One, Two } } } [r#"{"e":"One"}"#];
    variant "none" OnlyGoes "a variant less" { holder! { enum E { One, Two } } } { holder! { enum E { One } } } E;
}
