-- A page of one category in global order.
-- ?1 after · ?2 tenant or null · ?3 JSON array of event types, or null · ?4 recorded from or null · ?5 recorded before or null · ?6 limit · ?7 up to · ?8 category
-- The columns of an event come first, in the order of `row.rs`.
SELECT e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.recorded_at, e.stream_key
FROM events e INDEXED BY events_category
LEFT JOIN streams s ON s.stream_key = e.stream_key -- one that is missing hides no event
WHERE e.version >= coalesce(s.first_version, e.version)
  AND e.category_key = (SELECT c.category_key FROM categories c WHERE c.name = ?8) AND e.position > ?1 AND e.position <= ?7
  AND (?2 IS NULL OR e.tenant_key = (SELECT w.tenant_key FROM tenants w WHERE w.name = ?2))
  AND (?3 IS NULL OR e.event_type IN (SELECT j.value FROM json_each(?3) j))
  AND (?4 IS NULL OR e.recorded_at >= ?4)
  AND (?5 IS NULL OR e.recorded_at < ?5)
ORDER BY e.position LIMIT ?6
