-- The transactions that are writing events: only they may have been assigned a position that is not visible yet.
-- An INSERT locks the table before it is assigned a position, and releases the lock only after its commit is visible.
-- Answer: holders, their names · unsure, whether the names prove nothing: a standby does not show the locks of its primary, and a prepared
-- transaction changes its name · oldest, the lowest of their transaction ids, null if none has one: each had one before it was assigned a
-- position
-- Autocommit only: age() does not change within a transaction.
SELECT coalesce(array_agg(l.virtualtransaction), '{}') AS holders,
       pg_is_in_recovery() OR coalesce(bool_or(l.pid IS NULL), false) AS unsure,
       min(h.x::text::bigint + age(h.x::xid) - age(t.transactionid)) AS oldest
FROM (SELECT pg_snapshot_xmin(pg_current_snapshot()) AS x) h
CROSS JOIN (SELECT * FROM pg_catalog.pg_locks) l
LEFT JOIN (SELECT * FROM pg_catalog.pg_locks) t
  ON t.locktype = 'transactionid' AND t.mode = 'ExclusiveLock' AND t.granted AND t.virtualtransaction = l.virtualtransaction
WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
  AND l.relation = 'event_store.events'::regclass AND l.pid IS DISTINCT FROM pg_backend_pid()
