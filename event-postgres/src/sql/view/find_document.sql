-- The current build of a view, and its documents with a key; one row without a document if there is none.
-- $1 name · $2 tenant, or null for all · $3 key
SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current,
       d.tenant, d.key, d.document
FROM event_store.projections p
LEFT JOIN LATERAL (
  SELECT f.tenant, f.key, f.document FROM event_store.documents f
  WHERE f.build_key = p.build_key AND f.key = $3
    AND f.tenant = ANY (CASE WHEN $2::text IS NULL THEN ARRAY(SELECT t.name::text FROM event_store.tenants t) ELSE ARRAY[$2] END)
  LIMIT 3
) d ON true
WHERE p.name = $1 AND p.is_current
