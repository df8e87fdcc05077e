-- Appends to several streams, all or nothing; migrations/0002_append.sql describes the function.
-- $1 tenant · $2 streams · $3 categories · $4 expected versions · $5 events per stream · $6 limit or null · $7 check
-- · $8 stream of each event · $9 ids · $10 types · $11 event versions · $12 data · $13 metadata
-- · $14 when the server started: no row, and nothing is done, on another one · $15 how long it waits for a lock
SELECT status, stream_version, state, live, last_position, event_id
FROM event_store.append_many(CASE WHEN set_config('lock_timeout', $15, true) IS NOT NULL THEN $1 END, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
WHERE pg_postmaster_start_time() = $14
ORDER BY req
