-- Every pair of event type and event version that was ever stored.
SELECT event_type, schema_version FROM event_store.event_versions ORDER BY event_type, schema_version
