//! [`Shape`], and the types of std and of the field that have one.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::Arc;

use chrono::{DateTime, TimeZone};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::shape::{Form, Spec};

/// A type that says what it looks like in JSON; derive it for the types inside of events.
///
/// ```
/// use event_core::Shape;
/// use event_core::shape::form_of;
/// # use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize, Shape)]
/// struct Seconds(u64);
/// assert_eq!(form_of::<Option<Seconds>>().to_string(), "option Seconds(u64)");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it looks like in JSON",
    note = "add `#[derive(event_core::Shape)]` to `{Self}`"
)]
pub trait Shape {
    /// The form of its values.
    fn shape(shapes: &mut Shapes) -> Form;
}

/// The form of a type.
pub fn form_of<T: Shape + ?Sized>() -> Form {
    T::shape(&mut Shapes::default())
}

/// The names above the type whose form is asked for: a type that contains itself ends there.
#[derive(Debug, Default)]
pub struct Shapes {
    above: Vec<&'static str>,
}

impl Shapes {
    /// The form of a type, as its derive states it, or that it is one of those above, again. `path` is
    /// [`type_name`](std::any::type_name): by its text the same source compiled twice is the same type.
    pub fn named(&mut self, path: &'static str, name: &'static str, spec: &Spec) -> Form {
        if let Some(at) = self.above.iter().position(|above| *above == path) {
            return Form::Again(self.above.len() - at);
        }
        self.above.push(path);
        let form = spec.form(self);
        self.above.pop();
        Form::Named(name, Box::new(form))
    }
}

/// Asks a concrete type for its form, whether it has one or not: where it has, its own function hides the one of
/// [`ForeignForm`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: Shape + ?Sized> Probe<T> {
    /// What the type says.
    pub fn form(shapes: &mut Shapes, _text: &'static str) -> Form {
        T::shape(shapes)
    }
}

/// What is written down of a type that says nothing of itself.
#[doc(hidden)]
pub trait ForeignForm {
    /// Its text.
    fn form(_shapes: &mut Shapes, text: &'static str) -> Form {
        Form::Foreign(text)
    }
}

impl<T: ?Sized> ForeignForm for Probe<T> {}

/// One field, by its concrete type.
#[doc(hidden)]
#[macro_export]
macro_rules! __field {
    ($name:literal, $ty:ty, $text:literal) => {
        $crate::__private::FieldSpec::of($name, $text, $crate::__private::Probe::<$ty>::form)
    };
}

macro_rules! plain {
    ($($ty:ty => $form:expr;)*) => {
        $(impl Shape for $ty {
            fn shape(_: &mut Shapes) -> Form {
                $form
            }
        })*
    };
}

plain! {
    bool => Form::Bool;
    u8 => Form::Int("u8");
    u16 => Form::Int("u16");
    u32 => Form::Int("u32");
    u64 => Form::Int("u64");
    u128 => Form::Int("u128");
    usize => Form::Int("usize");
    i8 => Form::Int("i8");
    i16 => Form::Int("i16");
    i32 => Form::Int("i32");
    i64 => Form::Int("i64");
    i128 => Form::Int("i128");
    isize => Form::Int("isize");
    f32 => Form::Float("f32");
    f64 => Form::Float("f64");
    char => Form::Text("char");
    str => Form::Text("string");
    String => Form::Text("string");
    Uuid => Form::Text("uuid");
    () => Form::Null;
    Value => Form::Any;
    RawValue => Form::Any;
}

impl<Z: TimeZone> Shape for DateTime<Z> {
    fn shape(_: &mut Shapes) -> Form {
        Form::Text("datetime")
    }
}

impl Shape for Map<String, Value> {
    fn shape(_: &mut Shapes) -> Form {
        Form::Map(Box::new(Form::Text("string")), Box::new(Form::Any))
    }
}

macro_rules! same_as {
    ($($ty:ident),*) => {
        $(impl<T: Shape + ?Sized> Shape for $ty<T> {
            fn shape(shapes: &mut Shapes) -> Form {
                T::shape(shapes)
            }
        })*
    };
}

same_as!(Box, Rc, Arc);

impl<T: Shape> Shape for Option<T> {
    fn shape(shapes: &mut Shapes) -> Form {
        Form::Option(Box::new(T::shape(shapes)))
    }
}

macro_rules! holding {
    ($($ty:ty, [$($generics:tt)*] => $form:ident;)*) => {
        $(impl<T: Shape, $($generics)*> Shape for $ty {
            fn shape(shapes: &mut Shapes) -> Form {
                Form::$form(Box::new(T::shape(shapes)))
            }
        })*
    };
}

holding! {
    Vec<T>, [] => List;
    VecDeque<T>, [] => List;
    [T], [] => List;
    BTreeSet<T>, [] => Set;
    HashSet<T, S>, [S] => Set;
}

impl<T: Shape, const N: usize> Shape for [T; N] {
    fn shape(shapes: &mut Shapes) -> Form {
        Form::Tuple((0..N).map(|_| T::shape(shapes)).collect())
    }
}

impl<K: Shape, V: Shape> Shape for BTreeMap<K, V> {
    fn shape(shapes: &mut Shapes) -> Form {
        Form::Map(Box::new(K::shape(shapes)), Box::new(V::shape(shapes)))
    }
}

impl<K: Shape, V: Shape, S> Shape for HashMap<K, V, S> {
    fn shape(shapes: &mut Shapes) -> Form {
        Form::Map(Box::new(K::shape(shapes)), Box::new(V::shape(shapes)))
    }
}

macro_rules! tuples {
    ($(($($item:ident),+))*) => {
        $(impl<$($item: Shape),+> Shape for ($($item,)+) {
            fn shape(shapes: &mut Shapes) -> Form {
                Form::Tuple(vec![$($item::shape(shapes)),+])
            }
        })*
    };
}

tuples! { (A) (A, B) (A, B, C) (A, B, C, D) }
