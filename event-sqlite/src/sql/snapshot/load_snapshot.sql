-- The snapshot of a stream.
-- ?1 tenant · ?2 stream · ?3 kind
SELECT n.schema_version, n.shape, n.stream_version, n.position, n.event_id, n.data
FROM tenants t
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = ?2 AND s.state IN ('active', 'archived')
CROSS JOIN snapshots n ON n.stream_key = s.stream_key AND n.kind = ?3
WHERE t.name = ?1
