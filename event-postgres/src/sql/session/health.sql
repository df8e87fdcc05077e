-- The server's version, whether it is a standby, and the version of the schema.
SELECT current_setting('server_version') AS server, pg_is_in_recovery() OR current_setting('transaction_read_only')::bool AS read_only,
       (SELECT coalesce(max(m.version), 0) FROM event_store.schema_migrations m) AS schema_version
