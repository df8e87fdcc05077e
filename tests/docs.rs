//! The guides in `docs/`, so that their examples compile and run. It is a library because only a library has doctests, and
//! it stands here because only this crate has every backend and `event-testing` at hand.

#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../docs/guarantees.md")]
    mod guarantees {}
    #[doc = include_str!("../docs/evolving-events.md")]
    mod evolving_events {}
    #[doc = include_str!("../docs/decisions.md")]
    mod decisions {}
    #[doc = include_str!("../docs/subscriptions.md")]
    mod subscriptions {}
    #[doc = include_str!("../docs/projections.md")]
    mod projections {}
    #[doc = include_str!("../docs/patterns.md")]
    mod patterns {}
    #[doc = include_str!("../docs/browse.md")]
    mod browse {}
    #[doc = include_str!("../docs/console.md")]
    mod console {}
    #[doc = include_str!("../docs/cli.md")]
    mod cli {}
    #[doc = include_str!("../docs/operations.md")]
    mod operations {}
}
