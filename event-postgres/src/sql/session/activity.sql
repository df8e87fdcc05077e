-- What a process of the server does, and since when; no row if it has ended.
-- $1 process id
SELECT a.state IS NULL OR a.state NOT IN ('idle', 'idle in transaction', 'idle in transaction (aborted)') AS busy,
       extract(epoch FROM a.state_change)::float8 AS since
FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1
