-- The versions of SQLite and of the schema.
SELECT sqlite_version(), (SELECT coalesce(max(version), 0) FROM schema_migrations) AS schema_version
