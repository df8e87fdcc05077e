-- Tell the planner what an import has stored: the server's own look comes up to a minute later, and until then lookups of streams and
-- pages of the log are planned for tables that are nearly empty.
ANALYZE event_store.tenants, event_store.streams, event_store.events
