//! What the nulls of a JSON text stand for: a serializer that writes nothing and notes only them.

use std::fmt::{self, Display};

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::event::AnyEvent;

/// What one `null` stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Null {
    /// How many `Some` are around it.
    somes: u8,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Empty,
    Nan,
    Infinite,
    NegativeInfinite,
}

impl Null {
    /// The number that JSON does not have, if that is the reason.
    pub(super) const fn number(self) -> Option<&'static str> {
        match self.kind {
            Kind::Empty => None,
            Kind::Nan => Some("NaN"),
            Kind::Infinite => Some("infinity"),
            Kind::NegativeInfinite => Some("-infinity"),
        }
    }

    /// Whether two lists are equal apart from their order.
    pub(super) fn same_kinds(left: &[Self], right: &[Self]) -> bool {
        let sorted = |list: &[Self]| {
            let mut list = list.to_vec();
            list.sort_unstable();
            list
        };
        sorted(left) == sorted(right)
    }
}

/// The nulls of a value's JSON, as a serializer notes them.
#[derive(Debug, Default)]
pub(crate) struct Nulls {
    /// In the order of the JSON.
    found: Vec<Null>,
    /// The `Some` around the value that comes next.
    somes: u8,
}

impl Nulls {
    /// Those of a value.
    pub(super) fn of<T: Serialize>(value: &T) -> Vec<Null> {
        let mut nulls = Self::default();
        nulls.note(value);
        nulls.found
    }

    /// Those of an event.
    pub(super) fn of_event(event: &dyn AnyEvent) -> Vec<Null> {
        let mut nulls = Self::default();
        event.note_nulls(&mut nulls);
        nulls.found
    }

    /// Notes those of a value.
    pub(crate) fn note<T: Serialize>(&mut self, value: &T) {
        // The value was serialized before, so an error here could only be the type's own change of mind.
        let _ = value.serialize(self);
    }

    #[expect(clippy::unnecessary_wraps, reason = "the result of a serializer's function")]
    fn null(&mut self, kind: Kind) -> Result<(), fmt::Error> {
        self.found.push(Null { somes: std::mem::take(&mut self.somes), kind });
        Ok(())
    }

    #[expect(clippy::unnecessary_wraps, reason = "the result of a serializer's function")]
    fn other(&mut self) -> Result<(), fmt::Error> {
        self.somes = 0;
        Ok(())
    }

    fn open(&mut self) -> Result<&mut Self, fmt::Error> {
        self.other()?;
        Ok(self)
    }
}

macro_rules! not_null {
    ($($name:ident($ty:ty)),* $(,)?) => {
        $(fn $name(self, _: $ty) -> Result<(), fmt::Error> {
            self.other()
        })*
    };
}

impl Serializer for &mut Nulls {
    type Ok = ();
    type Error = fmt::Error;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    not_null! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_i128(i128), serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64),
        serialize_u128(u128), serialize_char(char), serialize_bytes(&[u8]),
    }

    fn serialize_str(self, text: &str) -> Result<(), fmt::Error> {
        // `RawValue` passes its text, which can be a null, through a struct of one field.
        if text == "null" { self.null(Kind::Empty) } else { self.other() }
    }

    fn serialize_f32(self, number: f32) -> Result<(), fmt::Error> {
        self.serialize_f64(number.into())
    }

    fn serialize_f64(self, number: f64) -> Result<(), fmt::Error> {
        match number {
            _ if number.is_finite() => self.other(),
            _ if number.is_nan() => self.null(Kind::Nan),
            _ if number > 0.0 => self.null(Kind::Infinite),
            _ => self.null(Kind::NegativeInfinite),
        }
    }

    fn serialize_none(self) -> Result<(), fmt::Error> {
        self.null(Kind::Empty)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), fmt::Error> {
        self.somes = self.somes.saturating_add(1);
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), fmt::Error> {
        self.null(Kind::Empty)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), fmt::Error> {
        self.null(Kind::Empty)
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), fmt::Error> {
        self.other()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), fmt::Error> {
        self.other()?;
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, fmt::Error> {
        self.open()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, fmt::Error> {
        self.open()
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, fmt::Error> {
        self.open()
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.open()
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, fmt::Error> {
        self.open()
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, fmt::Error> {
        if name == "$serde_json::private::RawValue" { Ok(self) } else { self.open() }
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, fmt::Error> {
        self.open()
    }

    fn collect_str<T: Display + ?Sized>(self, _: &T) -> Result<(), fmt::Error> {
        self.other()
    }
}

macro_rules! items {
    ($($of:ident::$function:ident),* $(,)?) => {
        $(impl $of for &mut Nulls {
            type Ok = ();
            type Error = fmt::Error;

            fn $function<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), fmt::Error> {
                self.other()
            }
        })*
    };
}

items! {
    SerializeSeq::serialize_element,
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field,
}

macro_rules! fields {
    ($($of:ident),*) => {
        $(impl $of for &mut Nulls {
            type Ok = ();
            type Error = fmt::Error;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                _: &'static str,
                value: &T,
            ) -> Result<(), fmt::Error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), fmt::Error> {
                self.other()
            }
        })*
    };
}

fields! { SerializeStruct, SerializeStructVariant }

impl SerializeMap for &mut Nulls {
    type Ok = ();
    type Error = fmt::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), fmt::Error> {
        key.serialize(&mut **self)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), fmt::Error> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), fmt::Error> {
        self.other()
    }
}
