-- Removes a parked event, on one server only.
-- $1 tenant or '' · $2 name · $3 partition · $4 token · $5 position · $6 when the server started, or null for any
-- Answer: null on another server, which changes nothing
SELECT CASE WHEN coalesce($6 = pg_postmaster_start_time(), true)
            THEN event_store.unpark_event($1, $2, $3, $4, $5) END AS answer
