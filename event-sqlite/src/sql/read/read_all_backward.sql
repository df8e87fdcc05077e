-- A page of all streams, the latest events first.
-- ?1 after · ?2 tenant or null · ?3 JSON array of event types, or null · ?4 recorded from or null · ?5 recorded before or null · ?6 limit · ?7 up to
-- · ?8 stream or null · ?9 category or null · ?10 correlation id, or null; the reader compares it: see read_correlated.sql
-- The columns of an event come first, in the order of `row.rs`.
SELECT e.version, e.position, e.event_id, e.event_type, e.schema_version, e.data, e.metadata, e.recorded_at, e.stream_key
FROM events e
LEFT JOIN streams s ON s.stream_key = e.stream_key -- one that is missing hides no event
WHERE e.version >= coalesce(s.first_version, e.version)
  AND e.position > ?1 AND e.position <= ?7
  AND (?2 IS NULL OR e.tenant_key = (SELECT w.tenant_key FROM tenants w WHERE w.name = ?2))
  AND (?3 IS NULL OR e.event_type IN (SELECT j.value FROM json_each(?3) j))
  AND (?4 IS NULL OR e.recorded_at >= ?4)
  AND (?5 IS NULL OR e.recorded_at < ?5)
  AND (?8 IS NULL OR s.stream_id = ?8)
  AND (?9 IS NULL OR e.category_key = (SELECT c.category_key FROM categories c WHERE c.name = ?9))
  AND (?10 IS NULL OR instr(e.metadata, ?10) > 0 OR instr(e.metadata, '\') > 0)
ORDER BY e.position DESC LIMIT ?6
