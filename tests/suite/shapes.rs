//! Types outside of a crate whose form is known: what is generated of the form is read by the type, and written again alike.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::{NonZeroI64, NonZeroU8, NonZeroU128, Saturating, Wrapping};
use std::ops::{Bound, Range, RangeInclusive};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use chrono::{
    DateTime, FixedOffset, Month, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday,
};
use event_core::Shape;
use event_core::shape::{Form, Generator, form_of, sample};
use fastrand::Rng;
use serde::Serialize;
use serde::de::DeserializeOwned;

fn agrees<T: Shape + Serialize + DeserializeOwned>(words: &str) {
    let form = form_of::<T>();
    assert_eq!(form.to_string(), words, "{}", std::any::type_name::<T>());
    let mut generators = vec![Generator::Fixed, Generator::Least];
    generators.extend((0..50).map(|seed| Generator::Random(Rng::with_seed(seed))));
    for mut generator in generators {
        let payload = sample(&form, &mut generator).unwrap();
        let read = |value| {
            serde_json::from_value::<T>(value)
                .unwrap_or_else(|error| panic!("{payload} as {words}: {error}"))
        };
        let write = |value| {
            let mut written = serde_json::to_value(value).unwrap();
            // The order of a set is that of its hashes, which differ from one to the next.
            if words.starts_with("set of")
                && let Some(elements) = written.as_array_mut()
            {
                elements.sort_by_key(ToString::to_string);
            }
            written
        };
        let written = write(read(payload.clone()));
        assert_eq!(write(read(written.clone())), written);
        assert!(
            std::mem::discriminant(&written) == std::mem::discriminant(&payload),
            "{payload} is written as {written}"
        );
    }
}

#[test]
fn the_forms_of_foreign_types_are_what_they_read_and_write() {
    agrees::<Duration>("struct");
    agrees::<SystemTime>("struct");
    agrees::<TimeDelta>("tuple of 2");
    agrees::<DateTime<Utc>>("datetime");
    agrees::<DateTime<FixedOffset>>("datetime");
    agrees::<NaiveDate>("date");
    agrees::<NaiveTime>("time");
    agrees::<NaiveDateTime>("local datetime");
    agrees::<Weekday>("weekday");
    agrees::<Month>("month");
    agrees::<uuid::Uuid>("uuid");
    agrees::<rust_decimal::Decimal>("decimal");
    agrees::<url::Url>("url");
    agrees::<IpAddr>("ip");
    agrees::<Ipv4Addr>("ipv4");
    agrees::<Ipv6Addr>("ipv6");
    agrees::<SocketAddr>("socket address");
    agrees::<SocketAddrV4>("socket address");
    agrees::<SocketAddrV6>("socket address");
    agrees::<NonZeroU8>("nonzero u8");
    agrees::<NonZeroI64>("nonzero i64");
    agrees::<NonZeroU128>("nonzero u128");
    agrees::<PathBuf>("string");
}

#[test]
fn the_forms_of_containers_are_what_they_read_and_write() {
    agrees::<Cow<'static, str>>("string");
    agrees::<Rc<Arc<Box<str>>>>("string");
    agrees::<Wrapping<u8>>("u8");
    agrees::<Saturating<i16>>("i16");
    agrees::<PhantomData<u8>>("null");
    agrees::<Option<Duration>>("option struct");
    agrees::<Result<u8, String>>("enum");
    agrees::<Bound<u8>>("enum");
    agrees::<Range<u8>>("struct");
    agrees::<RangeInclusive<i8>>("struct");
    agrees::<LinkedList<u8>>("list of u8");
    agrees::<VecDeque<u8>>("list of u8");
    agrees::<BTreeSet<u8>>("set of u8");
    agrees::<HashSet<u8>>("set of u8");
    agrees::<BTreeMap<u8, char>>("map of u8 to char");
    agrees::<HashMap<String, bool>>("map of string to bool");
    agrees::<(u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8)>("tuple of 12");
}

#[test]
fn the_words_of_a_form_are_read_back_as_that_form() {
    for words in [
        "bool",
        "u8",
        "i128",
        "f32",
        "string",
        "char",
        "datetime",
        "local datetime",
        "date",
        "time",
        "weekday",
        "month",
        "uuid",
        "decimal",
        "url",
        "ip",
        "ipv4",
        "ipv6",
        "socket address",
        "null",
        "any",
        "nonzero u8",
        "option local datetime",
        "list of decimal",
        "set of url",
        "map of string to list of nonzero i64",
    ] {
        let form = Form::fixed(words);
        assert_eq!(form.to_string(), words);
        assert!(!has_fixed(&form), "{form:?}");
    }
    assert!(has_fixed(&Form::fixed("nonzero string")));
}

fn has_fixed(form: &Form) -> bool {
    match form {
        Form::Fixed(_) => true,
        Form::Option(form) | Form::List(form) | Form::Set(form) => has_fixed(form),
        Form::Map(key, value) => has_fixed(key) || has_fixed(value),
        _ => false,
    }
}
