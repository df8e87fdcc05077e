-- Locks the streams of an import, in the order that appends use: no other writer can change them until the commit.
-- $1 tenants · $2 streams, one element per stream
SELECT s.stream_key
FROM unnest($1::text[], $2::text[]) u (tenant, stream)
JOIN event_store.tenants t ON t.name = u.tenant
JOIN event_store.streams s ON s.tenant_key = t.tenant_key AND s.stream_id = u.stream
ORDER BY s.tenant_key, s.stream_id COLLATE "C" FOR UPDATE OF s
