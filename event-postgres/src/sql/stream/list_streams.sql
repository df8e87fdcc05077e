-- A page of one tenant's streams, by name in byte order.
-- $1 tenant · $2 the last name of the page before, or '' · $3 lowest name · $4 highest name · $5 prefix · $6 category or null
-- · $7 whether to include deleted ones · $8 limit · $9 text that the name contains
SELECT $1 AS tenant, s.stream_id, s.version AS stream_version, s.first_version, s.state::text AS state, s.created_at
FROM event_store.streams s
WHERE s.tenant_key = (SELECT t.tenant_key FROM event_store.tenants t WHERE t.name = $1)
  AND s.stream_id > $2 AND s.stream_id >= $3 AND s.stream_id <= $4 AND starts_with(s.stream_id, $5) AND strpos(s.stream_id, $9) > 0
  AND ($6::text IS NULL OR s.category_key = (SELECT c.category_key FROM event_store.categories c WHERE c.name = $6))
  AND ($7 OR s.state NOT IN ('soft_deleted', 'hard_deleted'))
ORDER BY s.stream_id LIMIT $8
