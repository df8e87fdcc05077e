-- The schema migrations that were applied.
SELECT version, checksum FROM event_store.schema_migrations ORDER BY version
