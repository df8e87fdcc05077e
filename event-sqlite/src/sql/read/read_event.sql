-- An event by its id. Several rows if several tenants use the id.
-- ?1 tenant, or null for any · ?2 event id
-- The columns of an event come first, in the order of `row.rs`.
SELECT e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.recorded_at, t.name AS tenant, s.stream_id
FROM events e
CROSS JOIN streams s ON s.stream_key = e.stream_key AND e.version >= s.first_version
CROSS JOIN tenants t ON t.tenant_key = e.tenant_key
WHERE e.event_id = ?2 AND (?1 IS NULL OR t.name = ?1)
ORDER BY e.position
