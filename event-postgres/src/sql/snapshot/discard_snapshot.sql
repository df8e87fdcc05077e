-- Remove a snapshot; the function's legend is in migrations/0012_snapshots.sql.
-- $1 tenant · $2 stream · $3 kind · $4 stream version
SELECT event_store.discard_snapshots($1, $2, $3, $4) AS discarded
