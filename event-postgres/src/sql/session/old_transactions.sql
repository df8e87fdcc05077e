-- The transactions of this database that are older than $1 seconds, and those that wait for others, with the processes that they wait for.
-- The server shows the queries of other roles to members of pg_read_all_stats only.
SELECT a.pid, coalesce(a.application_name, '') AS application, coalesce(a.usename, '')::text AS role,
       coalesce(a.state, 'unknown') AS state, coalesce(a.query, '') AS query,
       coalesce(extract(epoch FROM clock_timestamp() - a.xact_start), 0)::float8 AS age,
       pg_catalog.pg_blocking_pids(a.pid) AS waits_for
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.pid <> pg_backend_pid()
  AND (a.xact_start < clock_timestamp() - make_interval(secs => $1) OR a.wait_event_type = 'Lock')
ORDER BY age DESC, a.pid LIMIT 32
