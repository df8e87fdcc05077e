-- Update the planner's statistics after an import. Autovacuum does it up to a minute later, and until then lookups of streams and pages of
-- the log are planned for nearly empty tables.
ANALYZE event_store.tenants, event_store.streams, event_store.events
