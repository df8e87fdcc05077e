-- How far the log is the one that a process remembers.
-- $1 positions of events · $2 their ids
-- Answer: started, when the server started · standby · common, the highest of the positions at which its event is, or 0 · last_assigned
SELECT pg_postmaster_start_time() AS started, pg_is_in_recovery() AS standby, event_store.last_assigned() AS last_assigned,
       (SELECT coalesce(max(e.position), 0)
        FROM unnest($1::bigint[], $2::uuid[]) k (position, event_id)
        JOIN event_store.events e ON e.position = k.position AND e.event_id = k.event_id) AS common
