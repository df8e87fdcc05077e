//! The forms of types outside of this crate whose JSON is fixed: those of std, chrono and uuid, and behind features those
//! of `rust_decimal` and url.

use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroIsize, NonZeroU8,
    NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128, NonZeroUsize,
};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Weekday};
use serde_json::Number;
use uuid::Uuid;

use crate::shape::of::plain;
use crate::shape::{FieldForm, Form, Shape, Shapes, Tagging, VariantForm};

plain! {
    Path => Form::Text("string");
    PathBuf => Form::Text("string");
    Number => Form::Fixed("number");
    Uuid => Form::Text("uuid");
    NaiveDate => Form::Text("date");
    NaiveTime => Form::Text("time");
    NaiveDateTime => Form::Text("local datetime");
    Weekday => Form::Text("weekday");
    Month => Form::Text("month");
    IpAddr => Form::Text("ip");
    Ipv4Addr => Form::Text("ipv4");
    Ipv6Addr => Form::Text("ipv6");
    SocketAddr => Form::Text("socket address");
    SocketAddrV4 => Form::Sampled(r#""192.0.2.1:443""#, Box::new(Form::Text("socket address")));
    SocketAddrV6 => Form::Sampled(r#""[2001:db8::1]:443""#, Box::new(Form::Text("socket address")));
    NonZeroU8 => Form::Int("nonzero u8");
    NonZeroU16 => Form::Int("nonzero u16");
    NonZeroU32 => Form::Int("nonzero u32");
    NonZeroU64 => Form::Int("nonzero u64");
    NonZeroU128 => Form::Int("nonzero u128");
    NonZeroUsize => Form::Int("nonzero usize");
    NonZeroI8 => Form::Int("nonzero i8");
    NonZeroI16 => Form::Int("nonzero i16");
    NonZeroI32 => Form::Int("nonzero i32");
    NonZeroI64 => Form::Int("nonzero i64");
    NonZeroI128 => Form::Int("nonzero i128");
    NonZeroIsize => Form::Int("nonzero isize");
    // Seconds with a sign, and nanoseconds.
    TimeDelta => Form::Sampled("[1,500000000]", Box::new(Form::Tuple(vec![Form::Int("i64"), Form::Int("i32")])));
    Duration => seconds_and_nanos("secs", "nanos", r#"{"secs":1,"nanos":500000000}"#);
    SystemTime => seconds_and_nanos(
        "secs_since_epoch",
        "nanos_since_epoch",
        r#"{"secs_since_epoch":1767323045,"nanos_since_epoch":0}"#,
    );
}

#[cfg(feature = "rust_decimal")]
plain! {
    rust_decimal::Decimal => Form::Text("decimal");
}

#[cfg(feature = "url")]
plain! {
    url::Url => Form::Text("url");
}

impl<Z: TimeZone> Shape for DateTime<Z> {
    fn shape(_: &mut Shapes) -> Form {
        Form::Text("datetime")
    }
}

impl<T: ?Sized> Shape for PhantomData<T> {
    fn shape(_: &mut Shapes) -> Form {
        Form::Null
    }
}

impl<T: Shape> Shape for Range<T> {
    fn shape(shapes: &mut Shapes) -> Form {
        range(T::shape(shapes))
    }
}

impl<T: Shape> Shape for RangeInclusive<T> {
    fn shape(shapes: &mut Shapes) -> Form {
        range(T::shape(shapes))
    }
}

impl<T: Shape> Shape for Bound<T> {
    fn shape(shapes: &mut Shapes) -> Form {
        let end = T::shape(shapes);
        let variants = vec![
            variant("Unbounded", None),
            variant("Included", Some(end.clone())),
            variant("Excluded", Some(end)),
        ];
        Form::Enum(Tagging::External, variants)
    }
}

impl<T: Shape, E: Shape> Shape for Result<T, E> {
    fn shape(shapes: &mut Shapes) -> Form {
        let variants =
            vec![variant("Ok", Some(T::shape(shapes))), variant("Err", Some(E::shape(shapes)))];
        Form::Enum(Tagging::External, variants)
    }
}

fn seconds_and_nanos(seconds: &'static str, nanos: &'static str, sample: &'static str) -> Form {
    let fields =
        vec![field(seconds, "u64", Form::Int("u64")), field(nanos, "u32", Form::Int("u32"))];
    Form::Sampled(sample, Box::new(Form::Struct(fields)))
}

fn range(end: Form) -> Form {
    Form::Struct(vec![field("start", "T", end.clone()), field("end", "T", end)])
}

const fn field(name: &'static str, rust_type: &'static str, form: Form) -> FieldForm {
    FieldForm {
        name,
        aliases: &[],
        rust_type,
        form,
        default: false,
        omitted: false,
        flatten: false,
        with: None,
        marks: &[],
    }
}

const fn variant(name: &'static str, form: Option<Form>) -> VariantForm {
    VariantForm { name, aliases: &[], form, other: false, marks: &[] }
}
