-- What a process of the server runs, or ran last in the transaction that is open: the text, cut by the server, and whether it began or
-- ended recently.
-- $1 pid · $2 milliseconds
SELECT coalesce(a.query, '') AS query, coalesce(clock_timestamp() - a.state_change < $2::bigint * interval '1 millisecond', false) AS is_recent
FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1 AND a.state <> 'idle'
