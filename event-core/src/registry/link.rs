//! [`link!`](crate::link!): event crates named once at the root of an application, linked and checked against one
//! another.

/// Links event crates and rejects a (type, version) that two of them claim, at `cargo check` time.
///
/// Stands once at the root of the application, or of its test. It also makes `linked_events()`, the list to hand to
/// [`RegistryBuilder::expect_crates`](crate::registry::RegistryBuilder::expect_crates): where constructors before `main` do not
/// run (static libraries, Miri), a crate that registered nothing is then an error.
///
/// Name the crates that define events, each once; a crate that re-exports another one's root beside it would be
/// taken for a clash. Events of the application crate itself are not looked at: keep events in libraries.
///
/// ```
/// # mod root { // an application says `event_core::link!(game_events, arena_events);`
/// # }
/// # mod stand_in { pub const fn linked_events() -> &'static [&'static str] { &[] } }
/// # use stand_in::linked_events;
/// let registry = event_core::Registry::builder()
///     .inventory()
///     .expect_crates(linked_events().iter().copied())
///     .build()?;
/// # Ok::<(), event_core::RegistryErrors>(())
/// ```
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        $(
            #[macro_use]
            #[allow(unused_imports, reason = "linked for its events; its claims meet those of the others")]
            extern crate $krate;
        )+

        /// The event crates that this application links.
        #[allow(dead_code, reason = "an application may be content with the check")]
        pub(crate) const fn linked_events() -> &'static [&'static str] {
            &[$(::core::stringify!($krate)),+]
        }
    };
}
