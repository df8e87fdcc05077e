-- A page of what may have a correlation id, in global order. The reader compares the id itself: the metadata is stored as it was written, and
-- text with an escape may stand for any other.
-- ?1 after · ?2 tenant or null · ?3 JSON array of event types, or null · ?4 recorded from or null · ?5 recorded before or null · ?6 limit · ?7 up to
-- · ?8 correlation id
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
  AND (instr(e.metadata, ?8) > 0 OR instr(e.metadata, '\') > 0)
ORDER BY e.position LIMIT ?6
