-- The schema itself; does nothing if it is there.
CREATE SCHEMA IF NOT EXISTS event_store
