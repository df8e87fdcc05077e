//! Attributes that name functions and other types: what these read is seen by what payloads read as.

use super::*;

/// An event that cannot be shown: only its JSON is compared.
macro_rules! without_debug {
    ($(#[$meta:meta])* struct T { $(#[$attribute:meta])* a: u32 }) => {
        #[derive(Serialize, Deserialize, Event)]
        #[event(type = "table.changed", version = 1, register = false)]
        $(#[$meta])*
        struct T { $(#[$attribute])* a: u32 }
        fn shown<X>(json: &str) -> Option<String> {
            super::super::shown::<Number>(json).filter(|_| std::any::type_name::<X>().ends_with('T'))?;
            serde_json::from_str::<T>(json).ok().map(|value| value.a.to_string())
        }
        #[derive(Debug, Deserialize)]
        struct Number { a: u32 }
    };
}

/// Numbers as text or as numbers.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
mod lenient {
    use super::*;

    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }

    pub(super) fn serialize<S: Serializer>(value: &u32, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(*value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        match Either::deserialize(from)? {
            Either::Number(number) => Ok(number),
            Either::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// Never more than 9.
mod clamped {
    use super::*;

    pub(super) use super::cents::serialize;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
        u32::deserialize(from).map(|number| number.min(9))
    }
}

/// Another crate's type.
#[derive(Debug)]
struct Remote {
    a: u32,
}

/// Doubles on the way in, halves on the way out.
#[derive(Debug, Clone, Serialize, Deserialize, Shape)]
struct Halved {
    a: u32,
}

/// As it is.
#[derive(Debug, Clone, Serialize, Deserialize, Shape)]
struct Plain {
    a: u32,
}

/// As it is, under another name.
#[derive(Debug, Clone, Serialize, Deserialize, Shape)]
struct Renamed {
    a: u32,
}

macro_rules! conversions {
    ($($other:ident $in:tt $out:tt $by:literal;)*) => {
        $(impl From<$other> for T { fn from(other: $other) -> Self { Self { a: other.a $in $by } } }
        impl From<T> for $other { fn from(whole: T) -> Self { Self { a: whole.a $out $by } } })*
        impl Clone for T { fn clone(&self) -> Self { Self { a: self.a } } }
    };
}

const NUMBERS: [&str; 5] =
    [r#"{"a":7}"#, r#"{"a":1200}"#, r#"{"a":"7"}"#, "{}", r#"{"a":7,"x":1}"#];

rows! {
    /// `with` and its halves.
    rows:
    field "with" Appears "another reading" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(with = "units")] a: u32 } } } NUMBERS;
    field "with" OnlyGoes "the same reading" { event! { struct T { #[serde(with = "cents")] a: u32 } } } { event! { struct T { a: u32 } } } NUMBERS;
    field "with" OnlyGoes "a more tolerant one" { event! { struct T { #[serde(with = "lenient")] a: u32 } } } { event! { struct T { a: u32 } } } NUMBERS;
    field "with" OnlyAppears "the same reading" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(with = "cents")] a: u32 } } } NUMBERS, Refused;
    field "with" Changes "another reading" { event! { struct T { #[serde(with = "cents")] a: u32 } } } { event! { struct T { #[serde(with = "units")] a: u32 } } } NUMBERS;
    field "with" Changes "another reading of large values" { event! { struct T { #[serde(with = "cents")] a: u32 } } } { event! { struct T { #[serde(with = "clamped")] a: u32 } } } [r#"{"a":7}"#, r#"{"a":1200}"#];
    field "with" OnlyGoes "another reading of large values" { event! { struct T { #[serde(with = "clamped")] a: u32 } } } { event! { struct T { a: u32 } } } [r#"{"a":7}"#, r#"{"a":1200}"#];
    field "with" Changes "a moved path" {
        mod codec { pub(super) use super::cents; }
        event! { struct T { #[serde(with = "codec::cents")] a: u32 } }
    } { event! { struct T { #[serde(with = "cents")] a: u32 } } } NUMBERS;
    field "with" Changes "another body" {
        use super::super::cents as money;
        event! { struct T { #[serde(with = "money")] a: u32 } }
    } {
        use super::super::units as money;
        event! { struct T { #[serde(with = "money")] a: u32 } }
    } NUMBERS;
    field "with" Changes "a moved path without `Debug`" {
        use super::super::cents as money;
        without_debug! { struct T { #[serde(with = "money")] a: u32 } }
    } { without_debug! { struct T { #[serde(with = "cents")] a: u32 } } } NUMBERS, Refused;
    field "with" Changes "another body without `Debug`" {
        use super::super::cents as money;
        without_debug! { struct T { #[serde(with = "money")] a: u32 } }
    } {
        use super::super::units as money;
        without_debug! { struct T { #[serde(with = "money")] a: u32 } }
    } NUMBERS, NotSeen;
    field "with" OnlyAppears "the two halves in one module" { event! { struct T { #[serde(serialize_with = "units::serialize", deserialize_with = "units::deserialize")] a: u32 } } } { event! { struct T { #[serde(with = "units")] a: u32 } } } NUMBERS;
    field "with" Changes "in a newtype" { event! { struct T(#[serde(with = "cents")] u32); } } { event! { struct T(#[serde(with = "units")] u32); } } ["7", "[7]"];
    field "with" Appears "in a newtype" { event! { struct T(u32); } } { event! { struct T(#[serde(with = "units")] u32); } } ["7", "[7]"];
    field "with" Changes "in a tuple" { event! { struct T(u32, #[serde(with = "cents")] u32); } } { event! { struct T(u32, #[serde(with = "units")] u32); } } ["[1,7]"];
    field "with" Changes "a moved path in a tuple" { event! { struct T(u32, #[serde(with = "cents")] u32); } } {
        use super::super::cents as money;
        event! { struct T(u32, #[serde(with = "money")] u32); }
    } ["[1,7]"];
    field "deserialize_with" OnlyAppears "another reading" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(deserialize_with = "units::deserialize")] a: u32 } } } NUMBERS;
    field "deserialize_with" Changes "another reading" {
        event! { struct T { #[serde(deserialize_with = "cents::deserialize")] a: u32 } }
    } {
        event! { struct T { #[serde(deserialize_with = "units::deserialize", serialize_with = "units::serialize")] a: u32 } }
    } NUMBERS;
    field "deserialize_with" Changes "a moved path" {
        use super::super::cents as money;
        event! { struct T { #[serde(deserialize_with = "money::deserialize")] a: u32 } }
    } { event! { struct T { #[serde(deserialize_with = "cents::deserialize")] a: u32 } } } NUMBERS;
    field "deserialize_with" OnlyGoes "the same reading" { event! { struct T { #[serde(deserialize_with = "cents::deserialize")] a: u32 } } } { event! { struct T { a: u32 } } } NUMBERS;
    field "deserialize_with" OnlyAppears "of an option with `default`" { event! { struct T { a: Option<u32> } } } {
        event! { struct T { #[serde(default, deserialize_with = "some")] a: Option<u32> } }
        fn some<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> { units::deserialize(from).map(Some) }
    } NUMBERS;
    field "serialize_with" Appears "the same writing" { event! { struct T { a: u32 } } } { event! { struct T { #[serde(serialize_with = "cents::serialize")] a: u32 } } } A;
    field "serialize_with" Changes "a moved path" { event! { struct T { #[serde(serialize_with = "cents::serialize")] a: u32 } } } {
        use super::super::cents as money;
        event! { struct T { #[serde(serialize_with = "money::serialize")] a: u32 } }
    } A;
    field "#[event(opaque)]" OnlyGoes "a form for a name" { event! { struct T { #[event(opaque)] a: u32 } } } { event! { struct T { a: u32 } } } A;
    field "#[event(opaque)]" OnlyGoes "words for a name" { event! { struct T { #[event(opaque)] a: Option<u32>, b: u32 } } } { event! { struct T { #[event(shape = "option decimal")] a: Option<u32>, b: u32 } } } AB;
}

rows! {
    /// Types that are read and written in place of another.
    conversions:
    container "from" OnlyAppears "another reading" { event! { struct T { a: u32 } } conversions! { Halved * / 2; } } { event! { #[serde(from = "Halved")] struct T { a: u32 } } conversions! { Halved * / 2; } } A;
    container "from" Appears "another reading with `into`" { event! { struct T { a: u32 } } conversions! { Halved * / 2; } } { event! { #[serde(from = "Halved", into = "Halved")] struct T { a: u32 } } conversions! { Halved * / 2; } } A;
    container "from" OnlyGoes "the same reading" { event! { #[serde(from = "Plain")] struct T { a: u32 } } conversions! { Plain + - 0; } } { event! { struct T { a: u32 } } } A;
    container "from" OnlyAppears "the same reading" { event! { struct T { a: u32 } } } { event! { #[serde(from = "Plain")] struct T { a: u32 } } conversions! { Plain + - 0; } } A, Refused;
    container "from" Changes "the type is renamed" {
        event! { #[serde(from = "Plain", into = "Plain")] struct T { a: u32 } } conversions! { Plain + - 0; }
    } {
        event! { #[serde(from = "Renamed", into = "Renamed")] struct T { a: u32 } } conversions! { Renamed + - 0; }
    } A;
    container "from" Changes "another reading" {
        event! { #[serde(from = "Plain", into = "Plain")] struct T { a: u32 } } conversions! { Plain + - 0; }
    } {
        event! { #[serde(from = "Halved", into = "Halved")] struct T { a: u32 } } conversions! { Halved * / 2; }
    } A;
    container "from" Changes "another body" {
        event! { #[serde(from = "Plain", into = "Plain")] struct T { a: u32 } } conversions! { Plain + - 0; }
    } {
        event! { #[serde(from = "Plain", into = "Plain")] struct T { a: u32 } } conversions! { Plain + - 5; }
    } [r#"{"a":7}"#, r#"{"a":8}"#];
    container "try_from" Appears "in place of `from`" {
        event! { #[serde(from = "Halved")] struct T { a: u32 } }
        impl From<Halved> for T { fn from(half: Halved) -> Self { Self { a: half.a } } }
    } {
        event! { #[serde(try_from = "Halved")] struct T { a: u32 } }
        impl TryFrom<Halved> for T {
            type Error = String;
            fn try_from(half: Halved) -> Result<Self, String> { if half.a > 8 { Err("too large".into()) } else { Ok(Self { a: half.a }) } }
        }
    } [r#"{"a":7}"#, r#"{"a":9}"#];
    container "try_from" Appears "in place of the type" {
        event! { struct T { a: u32 } }
    } {
        event! { #[serde(try_from = "Plain")] struct T { a: u32 } }
        impl TryFrom<Plain> for T {
            type Error = String;
            fn try_from(plain: Plain) -> Result<Self, String> { if plain.a > 8 { Err("too large".into()) } else { Ok(Self { a: plain.a }) } }
        }
    } [r#"{"a":7}"#, r#"{"a":9}"#];
    container "try_from" OnlyGoes "another reading" {
        event! { #[serde(try_from = "Plain", into = "Plain")] struct T { a: u32 } }
        impl TryFrom<Plain> for T {
            type Error = String;
            fn try_from(plain: Plain) -> Result<Self, String> { plain.a.checked_mul(2).map(|a| Self { a }).ok_or_else(|| "too large".into()) }
        }
        impl From<T> for Plain { fn from(whole: T) -> Self { Self { a: whole.a / 2 } } }
        impl Clone for T { fn clone(&self) -> Self { Self { a: self.a } } }
    } { event! { struct T { a: u32 } } } A;
    container "into" Appears "the same writing" { event! { struct T { a: u32 } } conversions! { Plain + - 0; } } { event! { #[serde(into = "Plain")] struct T { a: u32 } } conversions! { Plain + - 0; } } A;
    container "into" Changes "the type is renamed" { event! { #[serde(into = "Plain")] struct T { a: u32 } } conversions! { Plain + - 0; } } { event! { #[serde(into = "Renamed")] struct T { a: u32 } } conversions! { Renamed + - 0; } } A;
    container "remote" Changes "a key of it is renamed" {
        #[derive(Serialize, Deserialize)] #[serde(remote = "Remote")] struct Def { a: u32 }
        event! { struct T { #[serde(with = "Def")] r: Remote } }
    } {
        #[derive(Serialize, Deserialize)] #[serde(remote = "Remote")] struct Def { #[serde(rename = "b")] a: u32 }
        event! { struct T { #[serde(with = "Def")] r: Remote } }
    } [r#"{"r":{"a":1}}"#, r#"{"r":{"b":1}}"#];
    container "remote" Changes "it is renamed" {
        #[derive(Serialize, Deserialize)] #[serde(remote = "Remote")] struct Def { a: u32 }
        event! { struct T { #[serde(with = "Def")] r: Remote } }
    } {
        #[derive(Serialize, Deserialize)] #[serde(remote = "Remote")] struct RemoteDef { a: u32 }
        event! { struct T { #[serde(with = "RemoteDef")] r: Remote } }
    } [r#"{"r":{"a":1}}"#];
}
