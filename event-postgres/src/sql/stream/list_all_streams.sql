-- A page of the streams of all tenants, by tenant and name in byte order; at most one page is read per tenant.
-- $1 tenant of the last stream of the page before, or '' · $2 its name, or '' · $3 lowest name · $4 highest name · $5 prefix
-- · $6 category or null · $7 whether to include deleted ones · $8 limit · $9 text that the name contains
SELECT t.name AS tenant, l.stream_id, l.stream_version, l.first_version, l.state, l.created_at
FROM event_store.tenants t
CROSS JOIN LATERAL (
  SELECT s.stream_id, s.version AS stream_version, s.first_version, s.state::text AS state, s.created_at
  FROM event_store.streams s
  WHERE s.tenant_key = t.tenant_key AND s.stream_id > CASE WHEN t.name = $1 THEN $2 ELSE '' END
    AND s.stream_id >= $3 AND s.stream_id <= $4 AND starts_with(s.stream_id, $5) AND strpos(s.stream_id, $9) > 0
    AND ($6::text IS NULL OR s.category_key = (SELECT c.category_key FROM event_store.categories c WHERE c.name = $6))
    AND ($7 OR s.state NOT IN ('soft_deleted', 'hard_deleted'))
  ORDER BY s.stream_id LIMIT $8
) l
WHERE t.name >= $1
ORDER BY t.name, l.stream_id LIMIT $8
