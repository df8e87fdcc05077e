-- A page of streams in another order than that of their names. Every stream of the view is looked at.
-- $1 tenant or null · $2 order: 'oldest', 'newest' or 'largest' · $3 key of the last stream of the page before, or null · $4 its tenant · $5 its name
-- · $6 prefix · $7 text that the name contains · $8 category or null · $9 whether to include deleted ones · $10 limit
SELECT o.tenant, o.stream_id, o.stream_version, o.first_version, o.state, o.created_at
FROM (
  SELECT t.name AS tenant, s.stream_id, s.version AS stream_version, s.first_version, s.state::text AS state, s.created_at,
         CASE WHEN $2::text = 'oldest' THEN (extract(epoch FROM s.created_at) * 1000000)::bigint
              WHEN $2::text = 'newest' THEN -(extract(epoch FROM s.created_at) * 1000000)::bigint
              WHEN s.state = 'hard_deleted' THEN 0
              ELSE s.first_version - s.version - 1 END AS key
  FROM event_store.tenants t
  JOIN event_store.streams s ON s.tenant_key = t.tenant_key
  WHERE ($1::text IS NULL OR t.name = $1)
    AND starts_with(s.stream_id, $6) AND strpos(s.stream_id, $7) > 0
    AND ($8::text IS NULL OR s.category_key = (SELECT c.category_key FROM event_store.categories c WHERE c.name = $8))
    AND ($9 OR s.state NOT IN ('soft_deleted', 'hard_deleted'))
) o
WHERE $3::bigint IS NULL OR (o.key, o.tenant, o.stream_id) > ($3, $4, $5)
ORDER BY o.key, o.tenant, o.stream_id LIMIT $10
