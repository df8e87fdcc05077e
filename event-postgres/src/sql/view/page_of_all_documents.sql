-- A page of the documents of all tenants in the current build of a view; one row without a document if it is empty.
-- $1 name · $2 first tenant · $3 first key of that tenant · $4 what the keys begin with · $5 limit
SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current,
       d.tenant, d.key, d.document
FROM event_store.projections p
LEFT JOIN LATERAL (
  SELECT f.tenant, f.key, f.document FROM event_store.documents f
  WHERE f.build_key = p.build_key AND (f.tenant, f.key) >= ($2, $3) AND starts_with(f.key, $4)
  ORDER BY f.tenant, f.key
  LIMIT $5
) d ON true
WHERE p.name = $1 AND p.is_current
ORDER BY d.tenant, d.key
