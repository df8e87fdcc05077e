-- Archive, delete or truncate a stream; the function's legend is in migrations/0007_change_stream.sql. What was folded from events that
-- are deleted for good goes with them.
-- $1 tenant · $2 stream · $3 expected · $4 state or null: 1 archived, 2 soft, 3 hard · $5 first version to keep, or null
WITH changed AS MATERIALIZED (
  SELECT status, stream_version, state FROM event_store.change_stream($1, $2, $3, $4, $5)
), discarded AS MATERIALIZED (
  SELECT event_store.discard_snapshots($1, $2, NULL, NULL) FROM changed WHERE status = 0 AND $4 = 3
)
SELECT c.status, c.stream_version, c.state FROM changed c LEFT JOIN discarded ON true
