-- Save a snapshot, unless there is one of the same or a later stream version, or the stream is missing or deleted.
-- ?1 tenant · ?2 stream · ?3 kind · ?4 schema version · ?5 shape · ?6 stream version · ?7 position · ?8 event id · ?9 data
INSERT INTO snapshots (stream_key, kind, schema_version, shape, stream_version, position, event_id, data)
SELECT s.stream_key, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM streams s
WHERE s.tenant_key = (SELECT t.tenant_key FROM tenants t WHERE t.name = ?1) AND s.stream_id = ?2 AND s.state IN ('active', 'archived')
ON CONFLICT (stream_key, kind) DO UPDATE
SET schema_version = excluded.schema_version, shape = excluded.shape, stream_version = excluded.stream_version,
    position = excluded.position, event_id = excluded.event_id, data = excluded.data
WHERE stream_version < excluded.stream_version
