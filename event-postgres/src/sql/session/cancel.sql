-- Cancels statements whose callers went away. One that has written something and does not wait for a lock is left to its end: cancelled
-- while it waits for a synchronous standby, its commit would count as stored there.
-- $1 process ids
SELECT pg_catalog.pg_cancel_backend(a.pid) FROM pg_catalog.pg_stat_activity a
WHERE a.pid = ANY($1) AND a.state = 'active' AND (a.backend_xid IS NULL OR a.wait_event_type = 'Lock')
