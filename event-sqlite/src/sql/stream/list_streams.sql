-- A page of the list of streams, by tenant and name in byte order.
-- ?1 tenant or null · ?2 tenant of the last stream on the previous page, or '' · ?3 its name, or '' · ?4 lowest name · ?5 highest name
-- · ?6 prefix · ?7 category or null · ?8 whether to include deleted streams · ?9 limit · ?10 text that the name contains
SELECT t.name AS tenant, s.stream_id, s.version, s.first_version, s.state, s.created_at
FROM tenants t
CROSS JOIN streams s ON s.tenant_key = t.tenant_key AND s.stream_id >= ?4 AND s.stream_id <= ?5
WHERE t.name >= coalesce(?1, ?2) AND (?1 IS NULL OR t.name = ?1)
  AND s.stream_id > CASE WHEN t.name = ?2 THEN ?3 ELSE '' END
  AND substr(s.stream_id, 1, length(?6)) = ?6 AND instr(s.stream_id, ?10) > 0
  AND (?7 IS NULL OR s.category_key = (SELECT c.category_key FROM categories c WHERE c.name = ?7))
  AND (?8 OR s.state NOT IN ('soft_deleted', 'hard_deleted'))
ORDER BY t.name, s.stream_id LIMIT ?9
