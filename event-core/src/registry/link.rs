//! [`link!`](crate::link!): links the event crates of an application and checks them against each other.

/// Links event crates, and rejects a (type, version) that two of them define, at `cargo check` time.
///
/// Call it once at the root of the application or of an integration test. It also defines `linked_events()`, the list
/// for [`RegistryBuilder::expect_crates`](crate::registry::RegistryBuilder::expect_crates): on platforms that do not run
/// constructors before `main` (static libraries, Miri), a crate that registered nothing is then an error.
///
/// Name each crate that defines events once. A crate that re-exports the root of another named crate is reported as a
/// duplicate. Events of the application crate itself are not checked: define events in libraries.
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
            #[allow(unused_imports, reason = "linked for its events and their compile-time claims")]
            extern crate $krate;
        )+

        /// The event crates that this application links.
        #[allow(dead_code, reason = "an application may use the check only")]
        pub(crate) const fn linked_events() -> &'static [&'static str] {
            &[$(::core::stringify!($krate)),+]
        }
    };
}
