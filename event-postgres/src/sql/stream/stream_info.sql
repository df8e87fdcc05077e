-- The row of a stream.
-- $1 tenant · $2 stream
SELECT t.name AS tenant, s.stream_id, s.version AS stream_version, s.first_version, s.state::text AS state, s.created_at
FROM event_store.tenants t
JOIN event_store.streams s ON s.tenant_key = t.tenant_key AND s.stream_id = $2
WHERE t.name = $1
