-- Which events of an import are stored, and where.
-- $1 tenants · $2 ids, one element an event
SELECT t.name AS tenant, e.event_id, s.stream_id, e.version, e.position
FROM unnest($1::text[], $2::uuid[]) u (tenant, id)
JOIN event_store.tenants t ON t.name = u.tenant
JOIN event_store.events e ON e.event_id = u.id AND e.tenant_key = t.tenant_key
JOIN event_store.streams s ON s.tenant_key = e.tenant_key AND s.stream_key = e.stream_key
