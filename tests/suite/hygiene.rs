//! The derives in a module without the standard prelude, where every name they could rely on means something else.

#![no_implicit_prelude]
#![allow(dead_code, reason = "names that generated code must not resolve to")]
#![allow(unused_macros, reason = "names that generated code must not resolve to")]
#![allow(non_camel_case_types, reason = "names that generated code must not resolve to")]
#![forbid(unsafe_code)]

mod core {}
mod std {}
mod alloc {}
mod event_core {}
mod inventory {}
mod serde_json {}

struct Option;
struct Result;
struct Ok;
struct Err;
struct Some;
struct None;
struct Box;
struct String;
struct Vec;
struct u32; // no `str`: serde's own derive relies on the primitive of that name
trait From {}
trait TryFrom {}
trait Event {}
trait Shape {}
const TYPE: ::core::primitive::u8 = 0;
const VERSION: ::core::primitive::u8 = 0;

macro_rules! env {
    () => {};
}
macro_rules! line {
    () => {};
}
macro_rules! submit {
    () => {};
}
macro_rules! field {
    () => {};
}

/// A type inside the event, with its own shape.
#[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Shape)]
#[serde(rename_all = "camelCase", tag = "kind")]
enum Inside {
    First,
    Second { a_field: ::core::primitive::u8 },
}

#[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Event)]
#[event(type = "hygiene.plain", version = 1, alias = "hygiene.old")]
struct PlainV1 {
    number: ::core::primitive::u8,
}

#[allow(clippy::unnecessary_wraps, reason = "the signature of a validation function")]
fn valid(
    _: &r#type,
    _: ::chrono::DateTime<::chrono::Utc>,
) -> ::core::result::Result<(), ::event_core::InvalidEvent> {
    ::core::result::Result::Ok(())
}

#[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Event)]
#[event(type = "hygiene.plain", version = 2, from = PlainV1, validate = valid)]
struct r#type {
    r#fn: ::core::primitive::u8,
    #[serde(default)]
    inside: ::core::option::Option<Inside>,
}

impl ::core::convert::From<PlainV1> for r#type {
    fn from(old: PlainV1) -> Self {
        Self { r#fn: old.number, inside: ::core::option::Option::None }
    }
}

#[derive(::event_core::Event)]
enum Set {
    Type(r#type),
    #[event(other)]
    Other(::event_core::RecordedEvent),
}

macro_rules! event_of {
    ($name:ident, $event_type:literal, $held:ty) => {
        #[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Event)]
        #[event(type = $event_type, version = 1)]
        struct $name {
            held: $held,
        }
    };
}

event_of!(Made, "hygiene.made", ::std::vec::Vec<::core::primitive::i64>);

/// Every plain name that an expansion might introduce, as a type, a value and a macro of the user: a constant or a unit
/// struct of a parameter's name makes a pattern of it.
macro_rules! taken {
    ($($name:ident)*) => {
        mod taken {
            #![allow(
                missing_debug_implementations, missing_docs, unreachable_pub, clippy::upper_case_acronyms, clippy::pub_underscore_fields, non_camel_case_types, non_snake_case, unused_macros,
                reason = "names that generated code might use"
            )]
            $(
                #[derive(
                    ::core::clone::Clone, ::core::fmt::Debug, ::core::cmp::PartialEq,
                    ::serde::Serialize, ::serde::Deserialize, ::event_core::Shape,
                )]
                pub struct $name;

                macro_rules! $name {
                    () => {};
                }
            )*

            #[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Event)]
            #[event(type = "hygiene.taken", version = 1, alias = "hygiene.had")]
            pub struct Taken {
                $(pub $name: $name),*
            }

            #[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Event)]
            #[event(type = "hygiene.taken", version = 2, from = Taken)]
            pub struct TakenV2 {
                $(pub $name: [$name; 1]),*
            }

            impl ::core::convert::From<Taken> for TakenV2 {
                fn from(given: Taken) -> Self {
                    Self { $($name: [given.$name]),* }
                }
            }

            #[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Event)]
            #[event(type = "hygiene.taken", version = 3, from = TakenV2, also_from(Taken), validate = valid, readonly)]
            pub struct TakenV3 {
                $(pub $name: [$name; 1]),*
            }

            #[allow(clippy::unnecessary_wraps, reason = "the signature of a validation function")]
            fn valid(
                _: &TakenV3,
                _: ::chrono::DateTime<::chrono::Utc>,
            ) -> ::core::result::Result<(), ::event_core::InvalidEvent> {
                ::core::result::Result::Ok(())
            }

            impl ::core::convert::From<TakenV2> for TakenV3 {
                fn from(given: TakenV2) -> Self {
                    Self { $($name: given.$name),* }
                }
            }

            impl ::core::convert::From<Taken> for TakenV3 {
                fn from(given: Taken) -> Self {
                    Self { $($name: [given.$name]),* }
                }
            }

            #[derive(::serde::Serialize, ::serde::Deserialize, ::event_core::Event)]
            #[event(
                type = "hygiene.taken",
                version = 4,
                migrate(from = TakenV3, with = same),
                register = false
            )]
            pub struct TakenV4 {
                $(pub $name: [$name; 1]),*
            }

            #[allow(clippy::unnecessary_wraps, reason = "the signature of a JSON step")]
            fn same(
                given: ::event_core::serde_json::Value,
            ) -> ::core::result::Result<::event_core::serde_json::Value, ::event_core::MigrationError>
            {
                ::core::result::Result::Ok(given)
            }

            #[derive(::event_core::Event)]
            pub enum TakenSet {
                Taken(TakenV3),
                #[event(other)]
                Other(::event_core::RecordedEvent),
            }
        }
    };
}

taken! {
    _event VERSION_CHAIN ALSO_FROM TYPES TYPE VERSION HISTORY FACTS ORIGIN REGISTRATIONS VARIANT_0 TYPE_0
    DISTINCT_TYPE_0 CHAIN recorded now event set name shapes spec held history previous version data value json raw
    Event EventSet Shape Facts History Typed Also JsonStep Registration NewEvent RecordedEvent Error AnyEvent Form
    Spec Probe Option Result Some None Ok Err String Vec Box From TryFrom Clone Default Send Sync
    event_core core std alloc serde inventory chrono env line file
}

#[::core::prelude::v1::test]
fn the_derives_rely_on_no_name_in_scope() {
    let event_type = <r#type as ::event_core::Event>::TYPE;
    ::core::assert_eq!(event_type, "hygiene.plain");
    ::core::assert_eq!(<Set as ::event_core::EventSet>::TYPES, ["hygiene.plain"]);
    let form = ::event_core::shape::form_of::<r#type>();
    let lines: ::std::vec::Vec<::std::string::String> = ::core::iter::Iterator::collect(
        ::core::iter::Iterator::map(::core::iter::IntoIterator::into_iter(form.lines()), |line| {
            ::std::string::ToString::to_string(&line)
        }),
    );
    ::core::assert_eq!(
        lines,
        [
            "fn: u8",
            "inside: option enum tagged `kind`, may be missing",
            "inside<first>: unit",
            "inside<second>: struct",
            "inside<second>.a_field: u8",
        ]
    );
    let made = ::event_core::shape::form_of::<Made>();
    ::core::assert_eq!(::std::string::ToString::to_string(&made.lines()[0]), "held: list of i64");
}
