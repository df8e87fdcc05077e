//! Compile-time proofs: `const fn`s that an expansion calls in a non-generic place, so that `cargo check` runs them.
//!
//! Each proves one step only; the struct before proved the rest. A const panic takes one `&str`, so the sentences
//! with numbers in them are built in a fixed buffer.

use crate::envelope::{NewEvent, RecordedEvent};
use crate::error::Error;
use crate::event::{
    Also, AnyEvent, DecodeError, Event, JsonStep, MigrationFn, Predecessor, Typed, Upcast,
    also_edge, decode_through, decode_to_value, edges_of, matches_type, typed_edges,
};
use crate::registry::Registration;

/// Proves that `T` is the version after `P` and can be made from it.
#[track_caller]
pub const fn typed_step<P: Event, T: Event + Upcast<P>>() -> Typed<T> {
    assert_follows::<P, T>();
    Typed {
        decode: decode_through::<P, T>,
        edges: typed_edges::<P, T>,
        matches_type: matches_type::<P>,
    }
}

/// Proves that `T` can be made from an older version `P` of the same type, beside its chain.
///
/// # Panics
/// At compile time, when it is of another type, or no older.
#[track_caller]
pub const fn also_from<P: Event, T: Event + Upcast<P>>() -> Also {
    if !P::TYPE.is_empty() && !T::TYPE.is_empty() {
        assert_same_type::<P, T>();
        if P::VERSION.get() >= T::VERSION.get() {
            let words = Words::new()
                .text("event `")
                .text(T::TYPE)
                .text("` version ")
                .number(T::VERSION.get())
                .text(" cannot be made from version ")
                .number(P::VERSION.get())
                .text(": migrations lead up");
            panic!("{}", words.as_str());
        }
    }
    Also { edge: also_edge::<P, T> }
}

#[track_caller]
const fn assert_follows<P: Event, T: Event>() {
    // A poisoned stub has no type string: its own mistake is reported already.
    if P::TYPE.is_empty() || T::TYPE.is_empty() {
        return;
    }
    assert_same_type::<P, T>();
    if P::VERSION.get() + 1 != T::VERSION.get() {
        let words = Words::new()
            .text("event `")
            .text(T::TYPE)
            .text("` version ")
            .number(T::VERSION.get())
            .text(" migrates from version ")
            .number(P::VERSION.get())
            .text(", expected version ")
            .number(T::VERSION.get() - 1);
        panic!("{}", words.as_str());
    }
}

#[track_caller]
const fn assert_same_type<P: Event, T: Event>() {
    if !same(P::TYPE, T::TYPE) {
        let words = Words::new()
            .text("event `")
            .text(T::TYPE)
            .text("` version ")
            .number(T::VERSION.get())
            .text(" migrates from event type `")
            .text(P::TYPE)
            .text("`: a predecessor must have the same type string");
        panic!("{}", words.as_str());
    }
}

/// A JSON step between two numbered versions.
pub const fn json_step(from: u32, to: u32, with: MigrationFn) -> JsonStep {
    JsonStep { from, to, with, predecessor: None }
}

/// A JSON step from the struct of a version, whose own chain goes on below; `to` 0 means the next version.
#[track_caller]
pub const fn json_step_from<P: Event, T: Event>(to: u32, with: MigrationFn) -> JsonStep {
    if !P::TYPE.is_empty() && !T::TYPE.is_empty() {
        assert_same_type::<P, T>();
    }
    let to = if to == 0 { P::VERSION.get() + 1 } else { to };
    let predecessor = Predecessor {
        decode: decode_to_value::<P>,
        edges: edges_of::<P>,
        matches_type: matches_type::<P>,
    };
    JsonStep { from: P::VERSION.get(), to, with, predecessor: Some(predecessor) }
}

/// Proves that the steps connect every version from `since` up to `T`.
#[track_caller]
pub const fn json_chain<T: Event>(since: u32, steps: &'static [JsonStep]) -> &'static [JsonStep] {
    if T::TYPE.is_empty() {
        return steps;
    }
    let mut next = since;
    let mut i = 0;
    while i < steps.len() {
        let step = &steps[i];
        if step.predecessor.is_some() && i == 0 {
            next = step.from;
        }
        if step.from != next {
            chain_broken::<T>(next);
        }
        if step.to <= step.from || step.to > T::VERSION.get() {
            step_out_of_range::<T>(step.from, step.to);
        }
        next += 1;
        i += 1;
    }
    if next < T::VERSION.get() {
        chain_broken::<T>(next);
    }
    steps
}

#[track_caller]
const fn chain_broken<T: Event>(missing: u32) -> ! {
    let words = Words::new()
        .text("event `")
        .text(T::TYPE)
        .text("` version ")
        .number(T::VERSION.get())
        .text(": no migration from version ")
        .number(missing);
    panic!("{}", words.as_str());
}

#[track_caller]
const fn step_out_of_range<T: Event>(from: u32, to: u32) -> ! {
    let words = Words::new()
        .text("event `")
        .text(T::TYPE)
        .text("` version ")
        .number(T::VERSION.get())
        .text(": a migration cannot lead from version ")
        .number(from)
        .text(" to version ")
        .number(to);
    panic!("{}", words.as_str());
}

/// What a set's expansion needs of one variant; naming the bound once keeps a wrong variant at one error.
#[doc(hidden)]
#[derive(Debug)]
pub struct SetVariant<E: 'static> {
    /// The variant's type string.
    pub event_type: &'static str,
    /// Whether data of another type string is this event under a name it had before.
    pub matches_type: fn(&str) -> bool,
    /// Its registration, for registries built from sets.
    pub registration: Registration,
    /// Decodes a recorded event of this type.
    pub decode: fn(&RecordedEvent) -> Result<E, Error>,
    /// Makes the new event.
    pub into_new: fn(E) -> NewEvent,
    /// The event behind a pointer.
    pub view: fn(&E) -> &dyn AnyEvent,
}

/// The variant of an event set that holds `E`.
pub const fn set_variant<E: Event>() -> SetVariant<E> {
    SetVariant {
        event_type: E::TYPE,
        matches_type: matches_type::<E>,
        registration: Registration::of::<E>(),
        decode: RecordedEvent::decode::<E>,
        into_new: NewEvent::of::<E>,
        view: |event| event,
    }
}

/// Proves that no earlier variant of a set holds the type at `index`.
///
/// # Panics
/// At compile time, when one does.
#[track_caller]
pub const fn assert_distinct(types: &[&'static str], index: usize) {
    let mut i = 0;
    while i < index {
        if same(types[i], types[index]) && !types[i].is_empty() {
            let words = Words::new()
                .text("event type `")
                .text(types[index])
                .text("` is held by two variants of this event set");
            panic!("{}", words.as_str());
        }
        i += 1;
    }
}

/// Proves that no event type is in more than one of several sets: their types are named, `Set::TYPES`.
///
/// ```
/// use event_core::{Event, EventSet, assert_disjoint};
/// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "disjoint_a", version = 1)] pub struct A;
/// # #[derive(serde::Serialize, serde::Deserialize, Event)] #[event(type = "disjoint_b", version = 1)] pub struct B;
/// # #[derive(Event)] enum GameEvent { A(A) }
/// # #[derive(Event)] enum ArenaEvent { B(B) }
///
/// const _: () = assert_disjoint(&[GameEvent::TYPES, ArenaEvent::TYPES]);
/// ```
///
/// # Panics
/// At compile time, when one is.
#[track_caller]
pub const fn assert_disjoint(sets: &[&[&'static str]]) {
    let mut left = 0;
    while left < sets.len() {
        let mut right = left + 1;
        while right < sets.len() {
            assert_apart(sets[left], sets[right]);
            right += 1;
        }
        left += 1;
    }
}

#[track_caller]
const fn assert_apart(left: &[&'static str], right: &[&'static str]) {
    let mut i = 0;
    while i < left.len() {
        let mut j = 0;
        while j < right.len() {
            if same(left[i], right[j]) {
                let words = Words::new()
                    .text("event type `")
                    .text(left[i])
                    .text("` is in more than one event set");
                panic!("{}", words.as_str());
            }
            j += 1;
        }
        i += 1;
    }
}

/// The error of a set that does not hold the type of a recorded event.
pub fn not_in_set(recorded: &RecordedEvent, types: &'static [&'static str], set: &str) -> Error {
    let known = types.to_vec();
    tracing::debug!(set, event_type = recorded.event_type(), "event outside of the set");
    Error::decoding(
        DecodeError::UnknownType { event_type: recorded.event_type().to_owned(), known },
        recorded.event_version(),
        Some(recorded.location()),
    )
}

/// A recorded event on its way in again: same type, version, data and metadata, a fresh id.
pub fn reappend(recorded: RecordedEvent) -> NewEvent {
    recorded.into_new_event()
}

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// A sentence built at compile time.
struct Words {
    bytes: [u8; 512],
    len: usize,
}

impl Words {
    const fn new() -> Self {
        Self { bytes: [0; 512], len: 0 }
    }

    const fn text(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut i = 0;
        while i < text.len() && self.len < self.bytes.len() {
            self.bytes[self.len] = text[i];
            self.len += 1;
            i += 1;
        }
        self
    }

    const fn number(self, number: u32) -> Self {
        let mut digits = [0; 10];
        let mut rest = number;
        let mut at = digits.len();
        loop {
            at -= 1;
            // A digit: below 10.
            digits[at] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let (_, digits) = digits.split_at(at);
        match core::str::from_utf8(digits) {
            Ok(digits) => self.text(digits),
            Err(_) => self,
        }
    }

    const fn as_str(&self) -> &str {
        let (used, _) = self.bytes.split_at(self.len);
        match core::str::from_utf8(used) {
            Ok(words) => words,
            Err(_) => "this event's history does not hold together",
        }
    }
}
