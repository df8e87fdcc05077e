-- A page of the events of all tenants in global order, within the transaction that stores the last of them.
-- ?1 after · ?2 up to · ?3 JSON array of event types, or null · ?4 category or null · ?5 stream or null · ?6 limit
-- The columns of an event come first, in the order of `row.rs`.
SELECT e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.recorded_at, t.name AS tenant, s.stream_id
FROM events e
CROSS JOIN streams s ON s.stream_key = e.stream_key AND e.version >= s.first_version
CROSS JOIN tenants t ON t.tenant_key = e.tenant_key
WHERE e.position > ?1 AND e.position <= ?2
  AND (?3 IS NULL OR e.event_type IN (SELECT j.value FROM json_each(?3) j))
  AND (?4 IS NULL OR e.category_key = (SELECT c.category_key FROM categories c WHERE c.name = ?4))
  AND (?5 IS NULL OR s.stream_id = ?5)
ORDER BY e.position LIMIT ?6
