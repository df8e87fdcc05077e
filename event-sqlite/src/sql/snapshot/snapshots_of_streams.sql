-- The snapshots of some streams, of every kind.
-- ?1 JSON array of [tenant, stream]
SELECT n.schema_version, n.shape, n.stream_version, n.position, n.event_id, n.data, t.name AS tenant, s.stream_id, n.kind
FROM json_each(?1) w
CROSS JOIN tenants t ON t.name = w.value ->> 0
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = w.value ->> 1 AND s.state IN ('active', 'archived')
CROSS JOIN snapshots n ON n.stream_key = s.stream_key
