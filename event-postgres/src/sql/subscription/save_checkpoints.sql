-- Moves checkpoints, on one server only. If a server crash loses them, events are only redelivered: the commit does not wait for the disk.
-- $1 tenant or '' · $2 name · lists: $3 partitions · $4 tokens · $5 positions · $6 events' positions or null · $7 their ids or null ·
-- $8 skipped; $9 when the server started, or null for any
-- Answer: a list; null on another server, which changes nothing
SELECT set_config('synchronous_commit', 'off', true),
       CASE WHEN coalesce($9 = pg_postmaster_start_time(), true)
            THEN ARRAY(SELECT s.answer FROM event_store.save_checkpoints($1, $2, $3, $4, $5, $6, $7, $8) s) END AS answer
