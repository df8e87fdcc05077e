-- Records one applied schema migration.
-- $1 version · $2 name · $3 checksum
INSERT INTO event_store.schema_migrations (version, name, checksum) VALUES ($1, $2, $3)
