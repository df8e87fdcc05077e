-- Marks parked events for replay.
-- $1 tenant or '' · $2 name · $3 position or null for all
SELECT event_store.replay_parked($1, $2, $3) AS marked
