-- Creates the schema unless it exists.
CREATE SCHEMA IF NOT EXISTS event_store
