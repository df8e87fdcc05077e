-- Links a stream to existing events in the caller's transaction. No row if the transaction is not READ COMMITTED: then the function was not called.
-- The parameters are those of link_events.sql, without the last one.
SELECT status, stream_version, state, live, last_position, event_ids, pg_postmaster_start_time() AS started
FROM event_store.link_events($1, $2, $3, $4, $5, $6)
WHERE current_setting('transaction_isolation') = 'read committed'
