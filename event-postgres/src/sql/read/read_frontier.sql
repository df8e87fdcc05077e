-- The frontier that a process kept, if it is of this log; migrations/0016_frontier.sql describes the function.
-- Answer, one row: started, when the server started · position, fence_position, fence_xid, null if nothing is kept
SELECT pg_postmaster_start_time() AS started, k.position, k.fence_position, k.fence_xid
FROM (SELECT 1) one LEFT JOIN event_store.read_frontier() k ON true
