-- One event by its id; several rows if several tenants use the id.
-- $1 tenant, or null for any · $2 event id
-- The columns of an event come first, in the order that row.rs expects.
SELECT t.name AS tenant, s.stream_id, e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.created_at
FROM event_store.events e
JOIN event_store.streams s ON s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key AND e.version >= s.first_version
JOIN event_store.tenants t ON t.tenant_key = e.tenant_key
WHERE e.event_id = $2 AND (t.name = $1 OR $1 IS NULL)
ORDER BY e.position
