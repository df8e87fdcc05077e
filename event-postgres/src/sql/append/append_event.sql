-- Appends one event; migrations/0002_append.sql describes the function.
-- $1 tenant · $2 stream · $3 category · $4 expected version · $5 limit or null · $6 check · $7 id · $8 type · $9 event version · $10 data
-- · $11 metadata · $12 when the server started: no row, and nothing is done, on another one · $13 how long it waits for a lock
SELECT status, stream_version, state, live, last_position, event_id
FROM event_store.append_event(CASE WHEN set_config('lock_timeout', $13, true) IS NOT NULL THEN $1 END, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
WHERE pg_postmaster_start_time() = $12
