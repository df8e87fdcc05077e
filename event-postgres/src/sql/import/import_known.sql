-- Which events of an import are stored, or were before they were removed, and where.
-- $1 tenants · $2 ids, one element per event
-- The ids alone are looked up first: with the tenant in the same condition, a planner without statistics reads all events of the tenant
-- for each id.
WITH found AS MATERIALIZED (
  SELECT u.tenant, e.event_id, e.tenant_key, e.stream_key, e.version, e.position
  FROM unnest($1::text[], $2::uuid[]) u (tenant, id)
  JOIN event_store.events e ON e.event_id = u.id
  UNION ALL
  SELECT u.tenant, r.event_id, r.tenant_key, r.stream_key, r.version, r.position
  FROM unnest($1::text[], $2::uuid[]) u (tenant, id)
  JOIN event_store.removed_events r ON r.event_id = u.id
)
SELECT f.tenant, f.event_id, s.stream_id, f.version, f.position
FROM found f
JOIN event_store.tenants t ON t.tenant_key = f.tenant_key AND t.name = f.tenant
JOIN event_store.streams s ON s.tenant_key = f.tenant_key AND s.stream_key = f.stream_key
