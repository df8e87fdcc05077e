-- A page of the documents of one tenant in the current build of a view; one row without a document if it is empty.
-- $1 name · $2 tenant · $3 first key · $4 the key after the last, or null · $5 limit
SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current,
       d.tenant, d.key, d.document
FROM event_store.projections p
LEFT JOIN LATERAL (
  SELECT f.tenant, f.key, f.document FROM event_store.documents f
  WHERE f.build_key = p.build_key AND f.tenant = $2 AND f.key >= $3 AND ($4::text IS NULL OR f.key < $4)
  ORDER BY f.key
  LIMIT $5
) d ON true
WHERE p.name = $1 AND p.is_current
ORDER BY d.key
