//! Draws the model. Whatever is foreign is escaped and cut on the way (`text`).

mod boxes;
mod draw;
mod event;
mod lists;
mod table;
mod theme;

pub(super) use self::draw::draw;
