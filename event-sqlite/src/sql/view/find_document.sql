-- The current build of a view, and its documents with a key; one row without a document if there is none.
-- ?1 name · ?2 tenant, or null for all · ?3 key
SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current,
       d.tenant, d.key, d.document
FROM projections p
CROSS JOIN (SELECT ?2 AS name WHERE ?2 IS NOT NULL UNION ALL SELECT t.name FROM tenants t WHERE ?2 IS NULL UNION ALL SELECT '') t
LEFT JOIN documents d ON d.build_key = p.build_key AND d.tenant = t.name AND d.key = ?3
WHERE p.name = ?1 AND p.is_current
ORDER BY d.key IS NULL
LIMIT 3
