-- Links a stream to existing events; migrations/0003_streams_and_links.sql describes the function.
-- $1 tenant · $2 stream · $3 category · $4 expected version · $5 limit or null · $6 event ids · $7 when the server started: no row, and nothing is done, on another
-- one
SELECT status, stream_version, state, live, last_position, event_ids
FROM event_store.link_events($1, $2, $3, $4, $5, $6)
WHERE pg_postmaster_start_time() = $7
