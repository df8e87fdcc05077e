-- The rows of the streams of an import, and the version of the last event of each.
-- $1 tenants · $2 streams, one element per stream
SELECT t.name AS tenant, s.stream_id, s.version AS stream_version, s.first_version, s.state::text AS state, s.created_at, s.stream_key, s.tenant_key, s.category_key,
       coalesce((SELECT max(e.version) FROM event_store.events e WHERE e.tenant_key = s.tenant_key AND e.stream_key = s.stream_key), 0) AS last_event
FROM unnest($1::text[], $2::text[]) u (tenant, stream)
JOIN event_store.tenants t ON t.name = u.tenant
JOIN event_store.streams s ON s.tenant_key = t.tenant_key AND s.stream_id = u.stream
