//! Compile-time checks: `const fn`s that the derive's expansion calls in non-generic constants, so that `cargo check`
//! evaluates them.
//!
//! Each checks one step only; the struct of the previous version checked the others. A const panic takes one `&str`, so
//! messages with numbers are built in a fixed buffer.

use crate::envelope::{NewEvent, RecordedEvent};
use crate::error::Error;
use crate::event::{
    Also, AnyEvent, Between, DecodeError, Event, JsonStep, MigrationFn, Predecessor, Typed, Upcast,
    also_edge, matches_type,
};
use crate::registry::Registration;

/// Checks that `T` is the version after `P`, and returns the step between them.
///
/// # Panics
/// At compile time, when it is of another type, or not the next version.
#[track_caller]
pub const fn typed_step<P: Event, T: Event + Upcast<P>>() -> Typed<T> {
    assert_follows::<P, T>();
    Typed(const { &Between::<P, T>::STEP })
}

/// Checks that `P` is an older version of the type of `T`, and returns a shortcut from it beside the chain.
///
/// # Panics
/// At compile time, when `P` is of another type, or not older.
#[track_caller]
pub const fn also_from<P: Event, T: Event + Upcast<P>>() -> Also {
    if !P::TYPE.is_empty() && !T::TYPE.is_empty() {
        assert_same_type::<P, T>();
        if P::VERSION.get() >= T::VERSION.get() {
            let message = Message::new()
                .text("event `")
                .text(T::TYPE)
                .text("` version ")
                .number(T::VERSION.get())
                .text(" cannot be made from version ")
                .number(P::VERSION.get())
                .text(": migrations lead up");
            panic!("{}", message.as_str());
        }
    }
    Also { edge: also_edge::<P, T> }
}

#[track_caller]
const fn assert_follows<P: Event, T: Event>() {
    // The stub of an invalid event has an empty type string; its own error is reported already.
    if P::TYPE.is_empty() || T::TYPE.is_empty() {
        return;
    }
    assert_same_type::<P, T>();
    if P::VERSION.get() + 1 != T::VERSION.get() {
        let message = Message::new()
            .text("event `")
            .text(T::TYPE)
            .text("` version ")
            .number(T::VERSION.get())
            .text(" migrates from version ")
            .number(P::VERSION.get())
            .text(", expected version ")
            .number(T::VERSION.get() - 1);
        panic!("{}", message.as_str());
    }
}

#[track_caller]
const fn assert_same_type<P: Event, T: Event>() {
    if !str_eq(P::TYPE, T::TYPE) {
        let message = Message::new()
            .text("event `")
            .text(T::TYPE)
            .text("` version ")
            .number(T::VERSION.get())
            .text(" migrates from event type `")
            .text(P::TYPE)
            .text("`: a predecessor must have the same type string");
        panic!("{}", message.as_str());
    }
}

/// Returns a JSON step between two numbered versions.
pub const fn json_step(from: u32, to: u32, with: MigrationFn) -> JsonStep {
    JsonStep { from, to, with, predecessor: None }
}

/// Returns a JSON step from the version of `P`, whose own history covers the older versions; `to` 0 means the next
/// version.
///
/// # Panics
/// At compile time, when `P` is of another type.
#[track_caller]
pub const fn json_step_from<P: Event, T: Event>(to: u32, with: MigrationFn) -> JsonStep {
    if !P::TYPE.is_empty() && !T::TYPE.is_empty() {
        assert_same_type::<P, T>();
    }
    let to = if to == 0 { P::VERSION.get() + 1 } else { to };
    JsonStep {
        from: P::VERSION.get(),
        to,
        with,
        predecessor: Some(const { &Predecessor::<P>::SOURCE }),
    }
}

/// Checks that the steps connect every version from `since` to that of `T`, and returns them.
///
/// # Panics
/// At compile time, when a step is missing, or does not lead to a higher version up to that of `T`.
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
    let message = Message::new()
        .text("event `")
        .text(T::TYPE)
        .text("` version ")
        .number(T::VERSION.get())
        .text(": no migration from version ")
        .number(missing);
    panic!("{}", message.as_str());
}

#[track_caller]
const fn step_out_of_range<T: Event>(from: u32, to: u32) -> ! {
    let message = Message::new()
        .text("event `")
        .text(T::TYPE)
        .text("` version ")
        .number(T::VERSION.get())
        .text(": a migration cannot lead from version ")
        .number(from)
        .text(" to version ")
        .number(to);
    panic!("{}", message.as_str());
}

/// The functions that a set's expansion uses for one variant. They are collected here so that a variant that is not an
/// event causes one compile error.
#[doc(hidden)]
#[derive(Debug)]
pub struct SetVariant<E: 'static> {
    /// The variant's type string.
    pub event_type: &'static str,
    /// Whether a type string is the event's own or one of its aliases.
    pub matches_type: fn(&str) -> bool,
    /// The event's registration, for registries built from sets.
    pub registration: Registration,
    /// Decodes a recorded event of this type.
    pub decode: fn(&RecordedEvent) -> Result<E, Error>,
    /// Converts the event into a new event.
    pub into_new: fn(E) -> NewEvent,
    /// Converts a reference to the event into a trait object.
    pub view: fn(&E) -> &dyn AnyEvent,
}

/// Returns the description of the variant that holds `E`.
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

/// Checks that the type at `index` differs from those of the variants before it.
///
/// # Panics
/// At compile time, when two variants hold the same type.
#[track_caller]
pub const fn assert_distinct(types: &[&'static str], index: usize) {
    let mut i = 0;
    while i < index {
        if str_eq(types[i], types[index]) && !types[i].is_empty() {
            let message = Message::new()
                .text("event type `")
                .text(types[index])
                .text("` is held by two variants of this event set");
            panic!("{}", message.as_str());
        }
        i += 1;
    }
}

/// Checks that no event type is in more than one of several sets, each given by its `TYPES`.
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
/// At compile time, when two sets share a type.
#[track_caller]
pub const fn assert_disjoint(sets: &[&[&'static str]]) {
    let mut left = 0;
    while left < sets.len() {
        let mut right = left + 1;
        while right < sets.len() {
            assert_pair_disjoint(sets[left], sets[right]);
            right += 1;
        }
        left += 1;
    }
}

#[track_caller]
const fn assert_pair_disjoint(left: &[&'static str], right: &[&'static str]) {
    let mut i = 0;
    while i < left.len() {
        let mut j = 0;
        while j < right.len() {
            if str_eq(left[i], right[j]) {
                let message = Message::new()
                    .text("event type `")
                    .text(left[i])
                    .text("` is in more than one event set");
                panic!("{}", message.as_str());
            }
            j += 1;
        }
        i += 1;
    }
}

/// Returns the error for a recorded event whose type is not in a set.
pub fn not_in_set(recorded: &RecordedEvent, types: &'static [&'static str], set: &str) -> Error {
    let known = types.to_vec();
    tracing::debug!(set, event_type = recorded.event_type(), "event type is not in the set");
    Error::decoding(
        DecodeError::UnknownType { event_type: recorded.event_type().to_owned(), known },
        recorded.event_version(),
        Some(recorded.location()),
    )
}

/// Converts a recorded event into a new event with the same type, version, data and metadata, and a new id.
pub fn reappend(recorded: RecordedEvent) -> NewEvent {
    recorded.into_new_event()
}

const fn str_eq(a: &str, b: &str) -> bool {
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

/// A message built at compile time.
struct Message {
    bytes: [u8; 512],
    len: usize,
}

impl Message {
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
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        let (_, digits) = digits.split_at(start);
        match core::str::from_utf8(digits) {
            Ok(digits) => self.text(digits),
            Err(_) => self,
        }
    }

    const fn as_str(&self) -> &str {
        let (used, _) = self.bytes.split_at(self.len);
        match core::str::from_utf8(used) {
            Ok(message) => message,
            Err(_) => "the history of this event is invalid",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_in_a_message_as_they_are() {
        for (number, shown) in [(0, "v0."), (10, "v10."), (u32::MAX, "v4294967295.")] {
            assert_eq!(Message::new().text("v").number(number).text(".").as_str(), shown);
        }
    }

    #[test]
    fn a_message_ends_where_its_room_does() {
        let message = Message::new().text(&"a".repeat(600));
        assert_eq!(message.as_str(), "a".repeat(512));
        assert_eq!(Message::new().text(&"ä".repeat(300)).text("b").as_str(), "ä".repeat(256));
        // A character that has no room left is cut, and the text with it.
        let cut = Message::new().text("a").text(&"ä".repeat(300));
        assert_eq!(cut.as_str(), "the history of this event is invalid");
    }

    #[test]
    fn sets_without_a_common_type_are_disjoint() {
        assert_disjoint(&[]);
        assert_disjoint(&[&["a", "b"], &["c"], &["d", "e"]]);
    }

    #[test]
    #[should_panic(expected = "event type `e` is in more than one event set")]
    fn a_type_of_the_second_and_the_last_set_is_found() {
        assert_disjoint(&[&["a"], &["c", "e"], &["d"], &["b", "e"]]);
    }
}
