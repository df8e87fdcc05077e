-- The schema migrations that were applied.
SELECT version, checksum FROM schema_migrations ORDER BY version
