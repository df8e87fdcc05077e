-- The schema migrations that were applied.
SELECT version, name, checksum FROM event_store.schema_migrations ORDER BY version
