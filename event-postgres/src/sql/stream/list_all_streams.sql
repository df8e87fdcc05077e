-- A page of everybody's streams, by tenant and name in byte order; no tenant gives more than a page.
-- $1 tenant of the last stream of the page before, or '' · $2 its name, or '' · $3 lowest name · $4 highest name · $5 prefix
-- · $6 category or null · $7 deleted ones too · $8 limit
SELECT t.name AS tenant, l.stream_id, l.stream_version, l.first_version, l.state, l.created_at
FROM event_store.tenants t
CROSS JOIN LATERAL (
  SELECT s.stream_id, s.version AS stream_version, s.first_version, s.state, s.created_at
  FROM event_store.streams s
  WHERE s.tenant_key = t.tenant_key AND s.stream_id > CASE WHEN t.name = $1 THEN $2 ELSE '' END
    AND s.stream_id >= $3 AND s.stream_id <= $4 AND starts_with(s.stream_id, $5)
    AND ($6::text IS NULL OR s.category_key = (SELECT c.category_key FROM event_store.categories c WHERE c.name = $6))
    AND ($7 OR s.state NOT IN (2, 3))
  ORDER BY s.stream_id LIMIT $8
) l
WHERE t.name >= $1
ORDER BY t.name, l.stream_id LIMIT $8
