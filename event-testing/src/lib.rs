//! Help for tests over `event-core`; a dev-dependency.
//!
//! - For authors of events: the [`lock`] of payload shapes with golden payloads, [`stored`] payloads and what they read
//!   as, [`arbitrary`] events, and [`upcasts_never_fail`].
//! - For game code: [`given`] what happened, when something is decided, then these events.
//! - For authors of backends: one line, [`adapter_contract!`], and the contract suite runs.

#[cfg(test)]
extern crate self as event_testing;

pub mod contract;
pub mod lock;
mod payload;
mod scenario;
mod sightings;

pub use self::payload::{arbitrary, arbitrary_payload, upcasts_never_fail, upcasts_never_fail_in};
pub use self::scenario::{Given, Stored, When, given, stored};
pub use self::sightings::{Sightings, Tally};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use event_core::{Event, EventVersion, InvalidEvent, NewEvent};

/// The event of the contract suite: some text, which is invalid when it is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Noted {
    /// The text.
    pub text: String,
}

impl Noted {
    /// A note.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// `n` notes, told apart by their number.
    pub fn many(n: usize) -> Vec<NewEvent> {
        (0..n).map(|i| Self::new(format!("note {i}")).into()).collect()
    }
}

impl Event for Noted {
    const TYPE: &'static str = "contract.noted";
    const VERSION: EventVersion = EventVersion::FIRST;

    fn validate(&self, _now: DateTime<Utc>) -> Result<(), InvalidEvent> {
        if self.text.is_empty() {
            return Err(InvalidEvent::field("text", "must not be empty"));
        }
        Ok(())
    }
}

/// Another event type, for filters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Some payload.
    pub by: String,
}

impl Event for Closed {
    const TYPE: &'static str = "contract.closed";
    const VERSION: EventVersion = EventVersion::new(3);
}

/// Instantiates the contract suite for an adapter: one test a promise, each on a fresh, empty store.
///
/// The second argument is an async closure without arguments that opens one; the calling crate needs `tokio` with
/// `macros` and `rt-multi-thread`.
///
/// ```
/// event_testing::adapter_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! adapter_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may name anything of the caller's")]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                append: answers_the_last_numbers, positions_follow_stream_versions,
                    keeps_payload_and_metadata_byte_for_byte, refuses_an_empty_append,
                    takes_ten_thousand_events_and_no_more, names_the_invalid_event_and_writes_nothing,
                    every_claim_against_a_missing_and_an_existing_stream, a_refused_append_uses_no_position,
                    one_of_twenty_racing_writers_wins, any_and_stream_exists_never_fail_under_contention,
                    exact_writers_that_retry_all_get_in, stream_limit_is_kept, hostile_names_and_huge_payloads,
                    an_event_beyond_the_size_limit_is_refused;
                identity: the_same_ids_give_the_first_answer, known_ids_are_found_before_any_refusal,
                    ids_that_are_taken_otherwise_conflict, ids_are_apart_between_tenants,
                    racing_tries_of_one_append_store_it_once;
                read: pages_forward_and_backward, missing_streams_are_errors, starts_out_of_range,
                    streams_lazily_across_pages, undecodable_events_come_back,
                    one_event_by_its_id, info_and_version;
                all: global_order_and_filters, pages_by_position, lists_streams, filters_by_time,
                    concurrent_appends_show_up_in_order, one_stream_and_an_end;
                subscribe: catches_up_and_goes_on, starts_where_it_is_told,
                    filters_before_and_after_the_seam, moves_past_what_does_not_pass,
                    a_dropped_wait_loses_nothing, followers_of_concurrent_writers_miss_nothing,
                    a_place_beyond_the_end_waits_for_what_comes_after_it;
                scope: a_tenant_sees_its_own, the_operator_sees_all, scope_reaches_metadata_and_errors;
                transaction: several_streams_or_nothing, a_stream_stands_once, retried_as_a_whole,
                    crossing_transactions_do_not_deadlock;
                change: archived_streams_are_read_only, known_ids_are_found_in_an_archived_stream,
                    truncated_streams_start_later_and_numbers_go_on,
                    truncation_beyond_the_end_and_of_what_is_not_there_is_refused,
                    the_limit_counts_what_is_kept;
                snapshot: keeps_a_snapshot_byte_for_byte, never_goes_back_to_an_earlier_version,
                    tenants_streams_and_kinds_are_apart, missing_and_deleted_streams_have_none,
                    recovery_reads_only_what_came_after, a_snapshot_that_does_not_hold_is_never_trusted,
                    a_truncated_stream_is_recovered_from_its_snapshot;
                link: linked_events_keep_their_position_and_say_where_they_stand, every_claim_of_a_link_is_checked,
                    missing_events_are_refused_as_a_whole_and_named, the_same_links_give_the_first_answer,
                    a_stream_holds_events_or_links, of_links_that_race_one_wins, links_of_removed_events_vanish,
                    a_stream_of_links_is_archived_truncated_and_deleted;
                census: lists_every_version_ever_stored_once,
                    racing_writers_of_a_new_version_write_it_down_once, the_census_compares_with_what_is_known;
                health: a_store_that_works_says_so, a_closed_store_is_an_error_or_still_there;
                delete: soft, hard, claims_and_missing_streams, deleting_races_appending;
            }
        }
    };
}

/// Instantiates the promises of imports for an adapter that has the rights they need; as [`adapter_contract!`].
///
/// ```
/// event_testing::import_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! import_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may name anything of the caller's")]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                import: a_store_is_taken_over_as_it_is, new_positions_are_drawn_in_the_old_order,
                    what_is_there_already_is_skipped, what_does_not_fit_is_refused_as_a_whole,
                    imports_and_appends_at_once_leave_no_gap,
                    a_stream_that_was_truncated_meanwhile_is_taken_up_where_it_begins;
                copying: subscriptions_go_on_where_they_were,
                    a_subscription_in_use_or_with_another_filter_is_left_as_it_is,
                    snapshots_go_along_with_a_copy;
            }
        }
    };
}

/// Instantiates the promises of durable subscriptions for an adapter that keeps them; as [`adapter_contract!`].
///
/// ```
/// event_testing::durable_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! durable_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may name anything of the caller's")]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                leases: a_name_is_registered_once, partitions_are_shared_out_and_go_to_who_is_left,
                    a_lease_that_ended_is_taken_with_a_new_token, checkpoints_never_go_back,
                    a_token_that_was_taken_over_changes_nothing, pausing_and_resetting_take_leases_away,
                    parked_events_are_kept_and_marked, what_is_not_there_is_not_found,
                    racing_owners_never_share_a_partition, the_list_says_how_far_each_partition_is;
                durable: goes_on_after_what_was_answered, one_answer_covers_all_before,
                    a_failure_comes_again_and_then_stops, poison_is_parked_and_replayed,
                    what_cannot_be_decoded_follows_its_policy, panics_and_hangs_are_failures,
                    a_delivery_without_an_answer_comes_again, a_name_keeps_its_filter_and_its_start,
                    an_operator_pauses_resets_and_deletes, a_checkpoint_moves_past_what_does_not_pass,
                    a_checkpoint_that_the_log_contradicts_is_refused,
                    a_filter_that_panics_ends_its_consumer;
                competing: consumers_share_the_partitions_and_every_event_is_handled_once,
                    members_come_and_go_and_nothing_is_missed,
                    a_partition_more_than_consumers_waits_for_nobody;
            }
        }
    };
}

/// One test a case, grouped as the modules of [`contract`] are.
#[doc(hidden)]
#[macro_export]
macro_rules! __contract_cases {
    ($krate:path, $open:expr => $($group:ident : $($case:ident),+ ;)+) => {
        $(mod $group {
            #[allow(unused_imports, reason = "the closure may name anything of the caller's")]
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let adapter = ($open)().await;
                $crate::contract::$group::$case(::std::sync::Arc::new(adapter)).await;
            })+
        })+
    };
}
