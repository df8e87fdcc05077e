-- Moves the checkpoint of a build, on one server only, and prepares the transaction for its tables: the search path is their schema alone,
-- and the commit is durable.
-- $1 name · $2 build · $3 from · $4 to · $5 events · $6 last event's id or null · $7 its position · $8 its time · $9 schema, quoted ·
-- $10 when the server started, or null for any · $11 whether the build has to be current, or null for either
-- Answer: pid, the server's process · moved, null on another server, which changes nothing
SELECT set_config('search_path', $9, true), set_config('synchronous_commit', 'on', true), pg_backend_pid() AS pid,
       CASE WHEN coalesce($10 = pg_postmaster_start_time(), true)
            THEN CASE WHEN $11::boolean IS NULL OR event_store.lock_build($1, $2) IS NOT DISTINCT FROM $11
                      THEN event_store.move_projection($1, $2, $3, $4, $5, $6, $7, $8) ELSE false END END AS moved
