-- Parks an event, on one server only.
-- $1 tenant or '' · $2 name · $3 partition · $4 token · $5 position · $6 event id · $7 attempts · $8 error ·
-- $9 when the server started, or null for any
-- Answer: null on another server, which changes nothing
SELECT CASE WHEN coalesce($9 = pg_postmaster_start_time(), true)
            THEN event_store.park_event($1, $2, $3, $4, $5, $6, $7, $8) END AS answer
