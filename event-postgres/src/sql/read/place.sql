-- What the log holds at a position.
-- $1 the position
-- Answer: started, when the server started · standby · event_id, null if there is no event · last_assigned, the highest position ever assigned
SELECT pg_postmaster_start_time() AS started, pg_is_in_recovery() AS standby, event_store.last_assigned() AS last_assigned,
       (SELECT e.event_id FROM event_store.events e WHERE e.position = $1) AS event_id
