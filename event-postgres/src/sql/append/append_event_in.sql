-- Appends one event in the caller's transaction. No row if the transaction is not READ COMMITTED: then the function was not called.
-- The parameters are those of append_event.sql, without the last one.
SELECT status, stream_version, state, live, last_position, event_id, pg_postmaster_start_time() AS started
FROM event_store.append_event($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
WHERE current_setting('transaction_isolation') = 'read committed'
