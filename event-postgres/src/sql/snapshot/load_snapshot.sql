-- The snapshot of a stream.
-- $1 tenant · $2 stream · $3 kind
SELECT n.schema_version, n.shape, n.stream_version, n.position, n.event_id, n.data
FROM event_store.streams s
JOIN event_store.snapshots n ON n.tenant_key = s.tenant_key AND n.stream_key = s.stream_key AND n.kind = $3
WHERE s.tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = $1) AND s.stream_id = $2 AND s.state IN ('active', 'archived')
