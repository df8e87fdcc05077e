-- Append one event to a stream that exists, where nothing stands against it: no row otherwise.
-- ?1 tenant · ?2 stream · ?3 lowest and ?4 highest version that the writer expects · ?5 limit of the stream's events, or null
-- ?6 time · ?7 event id · ?8 schema version · ?9 type · ?10 data · ?11 metadata
-- ?12 position of an event that was read before, or null · ?13 its id: the log still holds that event, or removed it
INSERT INTO events (stream_key, version, recorded_at, event_id, tenant_key, category_key, schema_version, event_type, data, metadata)
SELECT s.stream_key, s.version + 1, ?6, ?7, s.tenant_key, s.category_key, ?8, ?9, ?10, ?11
FROM tenants t
JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = ?2
WHERE t.name = ?1
  AND s.state = 'active'
  AND s.version BETWEEN ?3 AND ?4
  AND (?5 IS NULL OR s.version + 2 - s.first_version <= ?5)
  AND (?12 IS NULL
       OR EXISTS (SELECT 1 FROM events e WHERE e.position = ?12 AND e.event_id = ?13)
       OR EXISTS (SELECT 1 FROM removed_events r WHERE r.event_id = ?13 AND r.position = ?12))
RETURNING position, version
