-- The row of a stream.
-- ?1 tenant · ?2 stream
SELECT t.name AS tenant, s.stream_id, s.version, s.first_version, s.state, s.created_at, s.stream_key
FROM tenants t
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id = ?2
WHERE t.name = ?1
