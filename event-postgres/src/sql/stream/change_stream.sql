-- Archives, deletes or truncates a stream; migrations/0003_streams_and_links.sql and 0009_removed_events.sql describe the function. A hard deletion removes the
-- snapshots of the stream, too: they are folded from the deleted events.
-- $1 tenant · $2 stream · $3 expected version · $4 new state or null · $5 first version to keep, or null · $6 id of the call, or null
WITH changed AS MATERIALIZED (
  SELECT status, stream_version, state FROM event_store.change_stream($1, $2, $3, $4::text::event_store.stream_state, $5, $6)
), discarded AS MATERIALIZED (
  SELECT event_store.discard_snapshots($1, $2, NULL, NULL) FROM changed WHERE status = 'changed' AND $4 = 'hard_deleted'
)
SELECT c.status, c.stream_version, c.state FROM changed c LEFT JOIN discarded ON true
