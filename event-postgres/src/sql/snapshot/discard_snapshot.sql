-- Removes a snapshot; migrations/0005_snapshots.sql describes the function.
-- $1 tenant · $2 stream · $3 kind · $4 stream version, or null for any
SELECT event_store.discard_snapshots($1, $2, $3, $4) AS discarded
