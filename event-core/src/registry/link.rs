//! `link!` without the feature `derive`: the same items, but a clash does not point at the two crates.

/// Links event crates; see the macro of the same name with the feature `derive`.
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
