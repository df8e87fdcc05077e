-- A page of one stream in global order. Without a tenant: of the streams of this name of all tenants.
-- ?1 after · ?2 tenant or null · ?3 JSON array of event types, or null · ?4 recorded from or null · ?5 recorded before or null · ?6 limit · ?7 up to · ?8 stream
-- The columns of an event come first, in the order of `row.rs`.
SELECT e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.recorded_at, e.stream_key
FROM tenants t
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = ?8
CROSS JOIN events e ON e.stream_key = s.stream_key AND e.version >= s.first_version
WHERE e.position > ?1 AND e.position <= ?7
  AND (?2 IS NULL OR t.name = ?2)
  AND (?3 IS NULL OR e.event_type IN (SELECT j.value FROM json_each(?3) j))
  AND (?4 IS NULL OR e.recorded_at >= ?4)
  AND (?5 IS NULL OR e.recorded_at < ?5)
ORDER BY e.position LIMIT ?6
