-- Creates the streams of an import that are missing, in the order that appends use.
-- $1 tenants · $2 streams · $3 categories · $4 versions · $5 first versions · $6 states · $7 times of creation, one element per stream
INSERT INTO event_store.streams (tenant_key, stream_id, category_key, version, first_version, state, created_at)
SELECT t.tenant_key, u.stream, c.category_key, u.version, u.first, u.state::event_store.stream_state, u.created_at
FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::timestamptz[])
  u (tenant, stream, category, version, first, state, created_at)
JOIN event_store.tenants t ON t.name = u.tenant
JOIN event_store.categories c ON c.name = u.category
ORDER BY t.tenant_key, u.stream COLLATE "C"
ON CONFLICT DO NOTHING
