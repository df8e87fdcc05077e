//! The screens: what each shows, what it asks for and what it takes.

mod event;
mod events;
mod operate;
mod screen;
mod streams;
mod tail;

pub(super) use self::event::{EventScreen, Mode};
pub(super) use self::events::EventsScreen;
pub(super) use self::operate::{ParkedScreen, key_of};
pub(super) use self::screen::{Kind, Screen};
pub(super) use self::streams::{Search, StreamsScreen};
pub(super) use self::tail::TailScreen;
