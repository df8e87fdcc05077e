//! The macros that instantiate the contract suite: one test for each promise.

/// Instantiates the contract suite for an adapter: one test for each promise, on a new, empty store.
///
/// The first argument names the module of the tests. The second one is an async closure without arguments that returns an
/// adapter over an empty store. The calling crate needs `tokio` with the features `macros` and `rt-multi-thread`.
///
/// ```
/// event_testing::adapter_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! adapter_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may use names of the caller's module")]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                append: returns_version_and_position_of_the_last_event, positions_follow_stream_versions,
                    keeps_payload_and_metadata_byte_for_byte, refuses_an_empty_append,
                    accepts_ten_thousand_events_and_no_more, an_invalid_event_is_named_and_nothing_is_written,
                    every_expected_version_against_a_missing_and_an_existing_stream,
                    a_refused_append_uses_no_position, one_of_twenty_racing_writers_wins,
                    any_and_stream_exists_never_fail_under_contention, exact_writers_that_retry_all_succeed,
                    the_stream_limit_is_enforced, hostile_names_and_huge_payloads_are_stored_unchanged,
                    an_event_beyond_the_size_limit_is_refused, what_some_backend_cannot_store_is_refused,
                    an_event_names_no_later_cause;
                identity: a_repeated_append_returns_the_first_result,
                    known_ids_are_found_before_any_other_check, ids_used_elsewhere_or_in_part_conflict,
                    event_ids_are_unique_per_tenant, racing_retries_of_one_append_store_it_once,
                    ids_of_truncated_events_are_never_used_again, ids_of_deleted_streams_are_never_used_again;
                read: pages_forward_and_backward, a_missing_stream_is_an_error, start_versions_out_of_range,
                    streams_lazily_across_pages, undecodable_events_are_returned, reads_one_event_by_id,
                    stream_info_and_version;
                readable: an_event_that_would_not_read_back_is_refused,
                    an_event_that_reads_back_is_stored_whatever_its_text,
                    a_snapshot_that_would_not_read_back_is_not_saved;
                all: reads_in_global_order_with_filters, pages_by_position, lists_streams, filters_by_time,
                    concurrent_appends_become_visible_in_order, reads_one_stream_up_to_a_position;
                subscribe: catches_up_and_follows, starts_at_the_given_position,
                    filters_while_catching_up_and_following, the_position_moves_over_filtered_events,
                    a_cancelled_wait_loses_no_event, subscribers_to_concurrent_writers_miss_no_event,
                    a_start_at_the_end_waits_for_later_events, a_start_beyond_the_end_is_refused,
                    a_stream_of_links_is_refused, a_subscription_of_one_stream_starts_at_a_version;
                scope: a_tenant_sees_only_its_own_data, the_operator_sees_all_tenants,
                    the_scope_is_in_metadata_and_errors, an_id_of_several_tenants_is_ambiguous;
                listing: streams_are_listed_by_time_and_by_size, streams_are_found_by_a_part_of_their_name,
                    the_log_is_read_backward, events_of_a_stream_are_counted;
                operate: a_backend_does_what_an_operator_asks_or_says_that_it_cannot,
                    a_verification_shows_each_event_once_and_in_order;
                causes: a_cause_carries_its_correlation_on, a_correlation_is_read_in_global_order,
                    a_correlation_is_found_however_its_id_is_written;
                transaction: several_streams_are_appended_atomically, a_stream_may_be_appended_to_once,
                    a_repeated_transaction_returns_the_first_results, crossing_transactions_do_not_deadlock;
                claims: a_claim_that_holds_leaves_no_trace, a_claim_is_judged_as_an_append, a_claimed_stream_occurs_once,
                    a_repeated_transaction_is_stored_whatever_it_claimed,
                    a_claim_that_a_stream_is_missing_holds_against_its_creation,
                    a_claim_holds_against_racing_appends, crossing_claims_allow_no_write_skew;
                decide: decides_on_the_state_of_a_missing_and_of_an_existing_stream,
                    what_refuses_a_decision_reaches_its_caller,
                    a_conflict_is_decided_again_on_the_later_events_alone, a_decision_that_always_conflicts_ends,
                    a_decision_without_events_may_claim_the_version, racing_decisions_lose_no_update,
                    streams_that_refuse_appends_refuse_decisions, a_closure_that_panics_leaves_nothing_broken;
                commands: racing_repeats_of_a_command_store_it_once, a_repeated_command_is_answered_as_the_first_time,
                    a_command_without_events_is_not_remembered, a_command_id_belongs_to_one_decision,
                    a_truncated_stream_is_decided_on_its_snapshot, snapshots_are_taken_and_used_by_decisions;
                change: archived_streams_are_read_only, known_ids_are_found_in_an_archived_stream,
                    truncated_streams_start_later_and_versions_continue,
                    truncation_beyond_the_end_or_of_a_missing_stream_is_refused,
                    the_stream_limit_counts_the_events_left_by_truncation;
                snapshot: keeps_a_snapshot_byte_for_byte, a_snapshot_is_never_replaced_by_an_earlier_one,
                    tenants_streams_and_kinds_are_isolated, missing_and_deleted_streams_have_no_snapshot,
                    recovery_reads_only_events_after_the_snapshot, an_invalid_snapshot_is_never_used,
                    a_truncated_stream_is_recovered_from_its_snapshot, a_snapshot_is_deleted_on_purpose;
                link: linked_events_keep_their_position_and_origin,
                    every_expected_version_of_a_link_is_checked,
                    a_link_to_missing_events_is_refused_and_names_them,
                    a_repeated_link_returns_the_first_result, a_stream_holds_events_or_links,
                    one_of_racing_links_wins, links_to_removed_events_disappear,
                    a_stream_of_links_is_archived_truncated_and_deleted;
                census: lists_every_version_ever_stored_once, racing_writers_record_a_new_version_once,
                    the_census_compares_stored_with_registered_versions;
                health: a_working_store_is_healthy, a_closed_store_refuses_every_call, readers_end_when_their_store_closes;
                delete: soft_deletion_keeps_events_in_the_log, hard_deletion_removes_events,
                    deletion_checks_the_expected_version, a_softly_deleted_stream_is_removed_later,
                    a_store_may_forbid_hard_deletion,
                    an_append_is_stored_before_a_racing_deletion_or_refused;
            }
        }
    };
}

/// Instantiates the contract of imports, for an adapter with the database rights that they need; its arguments are those of
/// [`adapter_contract!`](crate::adapter_contract!).
///
/// ```
/// event_testing::import_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! import_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may use names of the caller's module")]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                import: a_store_is_imported_unchanged, new_positions_are_assigned_in_the_old_order,
                    stored_events_are_skipped, an_invalid_batch_is_refused_as_a_whole,
                    concurrent_imports_and_appends_leave_no_gap,
                    a_copy_resumes_at_the_first_version_of_a_truncated_stream;
                copying: copied_subscriptions_resume_at_their_checkpoints,
                    a_subscription_in_use_or_with_other_settings_is_left_unchanged, snapshots_are_copied,
                    a_digest_tells_links_states_and_snapshots_apart;
            }
        }
    };
}

/// Instantiates the contract of views, for an adapter with a store of read models; its arguments are those of
/// [`adapter_contract!`](crate::adapter_contract!).
///
/// ```
/// event_testing::views_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! views_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may use names of the caller's module")]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                views: documents_are_a_fold_of_the_log, documents_are_paged_by_key, documents_are_removed,
                    hostile_keys_are_kept_and_others_refused, a_tenant_reads_its_own_documents,
                    a_fold_that_fails_names_event_and_key,
                    a_fold_that_panics_leaves_nothing_half_written, a_document_that_would_not_read_back_is_not_written,
                    a_rebuild_is_made_beside_and_switched,
                    a_build_is_switched_and_dropped_by_its_name,
                    other_definitions_are_refused, racing_runners_fold_each_event_once,
                    a_killed_runner_resumes, a_view_is_run_and_waited_for, a_view_is_in_the_health_check;
                effects: effects_of_a_view_are_run_once_readers_read_it, an_effect_of_a_view_that_fails_stops_nothing,
                    racing_runners_run_each_effect_of_a_view_once, an_event_that_a_view_refuses_has_no_effects,
                    a_runner_that_is_stopped_has_run_its_effects;
            }
        }
    };
}

/// Instantiates the contract of table projections, for an adapter with tables or one that says that it has none; its arguments are
/// those of [`adapter_contract!`](crate::adapter_contract!).
///
/// ```
/// event_testing::tables_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! tables_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(
                unused_imports,
                reason = "the closure may use names of the caller's module"
            )]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                tables: rows_are_a_fold_of_the_log, values_come_back_as_they_were,
                    a_statement_that_fails_names_table_and_event, other_queries_are_refused,
                    a_tenant_reads_its_own_rows, tables_without_a_tenant_hold_one,
                    tables_are_rebuilt_beside_and_switched, other_tables_of_a_name_are_refused,
                    racing_runners_apply_each_event_once, a_killed_runner_of_tables_resumes,
                    tables_are_run_and_waited_for;
                effects: effects_of_tables_are_run_once_readers_read_them, an_effect_of_tables_that_fails_stops_nothing,
                    racing_runners_run_each_effect_of_tables_once, a_batch_of_tables_that_fails_has_no_effects;
            }
        }
    };
}

/// Instantiates the contract of inline views and table projections. The second argument is an async closure without arguments that
/// returns a [`Shared`](crate::contract::inline::Shared), which opens one new, empty store again and again.
#[macro_export]
macro_rules! inline_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may use names of the caller's module")]
            use super::*;

            $crate::__inline_cases! { $crate, $open =>
                an_append_is_in_the_view_at_once, a_refused_fold_refuses_the_append,
                several_programs_write_one_view, a_rebuild_is_made_beside_inline_appends,
                a_rebuild_overtakes_writers_that_never_pause,
                an_inline_view_of_another_definition_is_refused, the_effects_of_an_inline_view_follow_the_append,
                an_append_is_in_the_tables_at_once, of_racing_programs_one_takes_what_is_unique
            }
        }
    };
}

/// One test for each case.
#[doc(hidden)]
#[macro_export]
macro_rules! __inline_cases {
    ($krate:path, $open:expr => $($case:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $case() {
            let shared = ($open)().await;
            $crate::contract::inline::$case(shared).await;
        })+
    };
}

/// Instantiates the contract of durable subscriptions, for an adapter with a checkpoint store; its arguments are those of
/// [`adapter_contract!`](crate::adapter_contract!).
///
/// ```
/// event_testing::durable_contract!(memory, async || event_core::MemoryAdapter::new());
/// ```
#[macro_export]
macro_rules! durable_contract {
    ($name:ident, $open:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the closure may use names of the caller's module")]
            use super::*;

            $crate::__contract_cases! { $crate, $open =>
                leases: a_name_is_registered_once, partitions_are_balanced_between_owners,
                    an_expired_lease_is_taken_with_a_new_token, checkpoints_never_go_back,
                    several_checkpoints_are_saved_together, shares_differ_by_one_at_most,
                    a_deleted_subscription_and_its_successor_share_nothing,
                    a_superseded_token_changes_nothing, pausing_and_resetting_revoke_leases,
                    parked_events_are_stored_and_marked_for_replay,
                    calls_on_a_missing_subscription_are_not_found, racing_owners_never_share_a_partition,
                    the_list_shows_position_and_lag_of_each_partition;
                durable: resumes_after_the_last_acknowledged_event,
                    one_acknowledgement_covers_all_earlier_deliveries,
                    a_failed_event_is_retried_and_then_stops_the_subscription,
                    a_poison_event_is_parked_and_replayed, an_undecodable_event_follows_its_policy,
                    panics_and_timeouts_are_failures, an_unacknowledged_delivery_is_redelivered,
                    a_subscription_keeps_its_filter_and_its_start, an_operator_pauses_resets_and_deletes,
                    a_checkpoint_moves_over_filtered_events, a_checkpoint_of_another_log_is_refused, a_start_beyond_the_end_registers_nothing, times_beyond_a_day_are_refused,
                    a_filter_that_panics_ends_its_consumer;
                retries: a_retry_holds_up_its_stream_only;
                sizes: a_page_ends_with_the_event_that_reaches_its_size,
                    no_reader_misses_an_event_behind_large_ones, each_acknowledgement_makes_room_for_one_event;
                incarnations: a_consumer_of_a_deleted_subscription_ends,
                    a_dropped_consumer_changes_nothing_of_the_next_subscription;
                changes: a_wider_filter_keeps_the_places, events_that_newly_match_are_handled_where_asked,
                    changes_in_a_row_handle_every_event_once, other_partitions_keep_the_places,
                    parked_events_survive_a_change, a_predicate_is_known_by_its_name,
                    a_partition_key_is_fixed_by_its_name, of_two_changes_at_once_one_wins,
                    consumers_that_run_meanwhile_are_told_and_lose_nothing;
                parked: parked_events_are_listed_selected_and_looked_at,
                    selected_events_are_handled_again_or_discarded, replayed_events_keep_to_the_window,
                    a_discard_that_races_a_replay_has_one_winner;
                competing: consumers_share_the_partitions_and_every_event_is_handled_once,
                    the_shares_of_consumers_differ_by_one_at_most,
                    no_event_is_missed_while_consumers_join_and_leave, a_spare_consumer_takes_over;
            }
        }
    };
}

/// One test for each case, grouped by the modules of [`contract`](crate::contract).
#[doc(hidden)]
#[macro_export]
macro_rules! __contract_cases {
    ($krate:path, $open:expr => $($group:ident : $($case:ident),+ ;)+) => {
        $(mod $group {
            #[allow(unused_imports, reason = "the closure may use names of the caller's module")]
            use super::*;

            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let adapter = ($open)().await;
                $crate::contract::$group::$case(::std::sync::Arc::new(adapter)).await;
            })+
        })+
    };
}
