-- Saves a snapshot; migrations/0005_snapshots.sql describes the function.
-- $1 tenant · $2 stream · $3 kind · $4 schema version · $5 shape · $6 stream version · $7 position · $8 event id · $9 data
SELECT event_store.save_snapshot($1, $2, $3, $4, $5, $6, $7, $8, $9) AS kept
