-- The query of the first of two connections that test the pooler mode when the store is opened.
SELECT pg_backend_pid() AS pid, 'first' AS probe
