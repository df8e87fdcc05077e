-- The transactions that may block readers of the whole log: those that are writing events, the oldest first. A prepared transaction has no
-- process. The server shows the queries of other roles to members of pg_read_all_stats only.
SELECT l.pid, coalesce(p.gid, a.application_name, '') AS application, coalesce(p.owner, a.usename, '')::text AS role,
       CASE WHEN p.gid IS NOT NULL THEN 'prepared' ELSE coalesce(a.state, 'unknown') END AS state, coalesce(a.query, '') AS query,
       coalesce(extract(epoch FROM clock_timestamp() - coalesce(p.prepared, a.xact_start)), 0)::float8 AS age
FROM pg_catalog.pg_locks l
LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
LEFT JOIN (SELECT x.virtualtransaction, t.gid, t.owner, t.prepared
           FROM pg_catalog.pg_prepared_xacts t
           JOIN pg_catalog.pg_locks x ON x.locktype = 'transactionid' AND x.transactionid = t.transaction AND x.pid IS NULL) p
  ON l.pid IS NULL AND p.virtualtransaction = l.virtualtransaction
WHERE l.locktype = 'relation' AND l.mode = 'RowExclusiveLock' AND l.granted
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = current_database())
  AND l.relation = 'event_store.events'::regclass AND l.pid IS DISTINCT FROM pg_backend_pid()
ORDER BY age DESC LIMIT 16
