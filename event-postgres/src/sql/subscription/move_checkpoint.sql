-- Moves a checkpoint in the caller's transaction, on one server only.
-- $1 tenant or '' · $2 name · $3 partition · $4 token · $5 position · $6 event's position or null · $7 its id or null · $8 skipped ·
-- $9 when the server started, or null for any
-- Answer: null on another server, which changes nothing
SELECT CASE WHEN coalesce($9 = pg_postmaster_start_time(), true)
            THEN event_store.save_checkpoint($1, $2, $3, $4, $5, $6, $7, $8, true) END AS answer
