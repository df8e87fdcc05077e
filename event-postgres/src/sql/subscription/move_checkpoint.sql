-- Moves a checkpoint in the caller's transaction.
-- $1 tenant or '' · $2 name · $3 partition · $4 token · $5 position · $6 event's position or null · $7 its id or null · $8 skipped
SELECT event_store.save_checkpoint($1, $2, $3, $4, $5, $6, $7, $8, true) AS answer
