-- The query of the second connection: another text, other columns.
SELECT 2 AS number, 'second' AS probe, pg_backend_pid() AS pid
