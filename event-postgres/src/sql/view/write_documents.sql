-- Moves the checkpoint of a build of a view and writes its documents, on one server only; the commit is durable.
-- $1 name · $2 build · $3 from · $4 to · $5 events · $6 last event's id or null · $7 its position · $8 its time · $9 when the server
-- started, or null for any · $10 tenants · $11 keys · $12 documents, or null to remove one · $13 whether the build has to be current, or null for either
-- Answer: written, null on another server, which changes nothing
SELECT set_config('synchronous_commit', 'on', true),
       CASE WHEN coalesce($9 = pg_postmaster_start_time(), true)
            THEN CASE WHEN $13::boolean IS NULL OR event_store.lock_build($1, $2) IS NOT DISTINCT FROM $13
                      THEN event_store.write_documents($1, $2, $3, $4, $5, $6, $7, $8, $10, $11, $12) ELSE false END END AS written
