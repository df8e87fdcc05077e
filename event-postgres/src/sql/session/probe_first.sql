-- What one of two connections asks when the store is opened.
SELECT pg_backend_pid() AS pid, 'first' AS probe
