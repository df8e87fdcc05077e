-- Marks the parked events that meet conditions for replay.
-- $1 tenant or '' · $2 name · each or null for any: $3 position · $4 event id · $5 event types ·
-- $6 stream · $7 text of the error
SELECT event_store.replay_selected($1, $2, $3, $4, $5, $6, $7) AS marked
