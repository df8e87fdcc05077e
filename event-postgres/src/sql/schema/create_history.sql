-- The record of applied schema migrations.
CREATE TABLE IF NOT EXISTS event_store.schema_migrations (
  version bigint PRIMARY KEY, name text NOT NULL, checksum bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())
