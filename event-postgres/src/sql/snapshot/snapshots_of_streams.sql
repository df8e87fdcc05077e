-- The snapshots of some streams, of every kind.
-- $1 tenants · $2 streams, of one length
SELECT n.schema_version, n.shape, n.stream_version, n.position, n.event_id, n.data, t.name AS tenant, s.stream_id, n.kind
FROM unnest($1::text[], $2::text[]) AS w (tenant, stream_id)
JOIN event_store.tenants t ON t.name = w.tenant
JOIN event_store.streams s ON s.tenant_key = t.tenant_key AND s.stream_id = w.stream_id AND s.state IN ('active', 'archived')
JOIN event_store.snapshots n ON n.tenant_key = s.tenant_key AND n.stream_key = s.stream_key
