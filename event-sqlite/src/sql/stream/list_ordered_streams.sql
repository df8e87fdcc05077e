-- A page of streams in another order than that of their names. Every stream of the view is looked at.
-- ?1 tenant or null · ?2 order: 'oldest', 'newest' or 'largest' · ?3 key of the last stream of the page before, or null · ?4 its tenant · ?5 its name
-- · ?6 prefix · ?7 text that the name contains · ?8 category or null · ?9 whether to include deleted streams · ?10 limit
SELECT o.tenant, o.stream_id, o.version, o.first_version, o.state, o.created_at
FROM (
  SELECT t.name AS tenant, s.stream_id, s.version, s.first_version, s.state, s.created_at,
         CASE WHEN ?2 = 'oldest' THEN s.created_at
              WHEN ?2 = 'newest' THEN -s.created_at
              WHEN s.state = 'hard_deleted' THEN 0
              ELSE s.first_version - s.version - 1 END AS key
  FROM tenants t
  JOIN streams s ON s.tenant_key = t.tenant_key
  WHERE (?1 IS NULL OR t.name = ?1)
    AND substr(s.stream_id, 1, length(?6)) = ?6 AND instr(s.stream_id, ?7) > 0
    AND (?8 IS NULL OR s.category_key = (SELECT c.category_key FROM categories c WHERE c.name = ?8))
    AND (?9 OR s.state NOT IN ('soft_deleted', 'hard_deleted'))
) o
WHERE ?3 IS NULL OR (o.key, o.tenant, o.stream_id) > (?3, ?4, ?5)
ORDER BY o.key, o.tenant, o.stream_id LIMIT ?10
