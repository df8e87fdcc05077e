//! [`Shape`] and its implementations for types of std, `serde_json`, chrono and uuid.

use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::marker::PhantomData;
use std::num::{Saturating, Wrapping};
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::shape::{Form, Shapes};

/// A type whose JSON structure is known; derive it for the types of an event's fields.
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
    /// Returns the form of the type's values.
    fn shape(shapes: &mut Shapes) -> Form;
}

/// Returns the form of a type.
pub fn form_of<T: Shape + ?Sized>() -> Form {
    T::shape(&mut Shapes::default())
}

/// Returns the form of a concrete type that may not implement [`Shape`]: if it does, the inherent function takes
/// precedence over that of [`ForeignForm`].
#[doc(hidden)]
#[derive(Debug)]
pub struct Probe<T: ?Sized>(PhantomData<T>);

impl<T: Shape + ?Sized> Probe<T> {
    /// Returns the form that the type defines.
    pub fn form(shapes: &mut Shapes, _text: &'static str) -> Form {
        T::shape(shapes)
    }
}

impl<T: Debug + 'static> Probe<T> {
    /// Returns a value of the type as its `Debug` shows it.
    pub fn shown(value: &dyn Any) -> Option<String> {
        value.downcast_ref::<T>().map(|value| format!("{value:?}"))
    }
}

/// The fallback of [`Probe`] for types that do not implement [`Shape`] or [`Debug`].
#[doc(hidden)]
pub trait ForeignForm {
    /// Returns [`Form::Foreign`] with the name of the type.
    fn form(_shapes: &mut Shapes, text: &'static str) -> Form {
        Form::Foreign(text)
    }

    /// Returns `None`: the type cannot be shown.
    fn shown(_value: &dyn Any) -> Option<String> {
        None
    }
}

impl<T: ?Sized> ForeignForm for Probe<T> {}

/// Describes one field by its concrete type; the derive emits it.
#[doc(hidden)]
#[macro_export]
macro_rules! __field {
    ($name:literal, $ty:ty, $text:literal) => {
        $crate::__private::FieldSpec::of($name, $text, $crate::__private::Probe::<$ty>::form)
    };
}

/// The facts of an event by its concrete type, with its `Debug` if it has one; the derive emits it.
#[doc(hidden)]
#[macro_export]
macro_rules! __facts {
    ($ty:ty) => {{
        #[allow(unused_imports, reason = "for types without `Debug`")]
        use $crate::__private::ForeignForm as _;
        $crate::__private::Facts::of::<$ty>().shown($crate::__private::Probe::<$ty>::shown)
    }};
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

pub(super) use plain;

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
    () => Form::Null;
    Value => Form::Any;
    RawValue => Form::Any;
}

impl Shape for Map<String, Value> {
    fn shape(_: &mut Shapes) -> Form {
        Form::Map(Box::new(Form::Text("string")), Box::new(Form::Any))
    }
}

macro_rules! same_as {
    ($([$($bound:tt)*] $ty:ident)*) => {
        $(impl<T: Shape $($bound)*> Shape for $ty<T> {
            fn shape(shapes: &mut Shapes) -> Form {
                T::shape(shapes)
            }
        })*
    };
}

same_as! {
    [+ ?Sized] Box [+ ?Sized] Rc [+ ?Sized] Arc [+ ?Sized] Cell [+ ?Sized] RefCell [+ ?Sized] Mutex [+ ?Sized] RwLock
    [] Wrapping [] Saturating [] Reverse
}

impl<T: Shape + ToOwned + ?Sized> Shape for Cow<'_, T> {
    fn shape(shapes: &mut Shapes) -> Form {
        T::shape(shapes)
    }
}

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
    LinkedList<T>, [] => List;
    BinaryHeap<T>, [] => List;
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

tuples! {
    (A) (A, B) (A, B, C) (A, B, C, D) (A, B, C, D, E) (A, B, C, D, E, F) (A, B, C, D, E, F, G) (A, B, C, D, E, F, G, H)
    (A, B, C, D, E, F, G, H, I) (A, B, C, D, E, F, G, H, I, J) (A, B, C, D, E, F, G, H, I, J, K)
    (A, B, C, D, E, F, G, H, I, J, K, L)
}
