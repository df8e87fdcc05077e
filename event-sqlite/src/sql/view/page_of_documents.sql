-- A page of the documents of one tenant in the current build of a view; one row without a document if it is empty.
-- ?1 name · ?2 tenant · ?3 first key · ?4 the key after the last, or null · ?5 limit
SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current,
       d.tenant, d.key, d.document
FROM projections p
LEFT JOIN documents d ON d.build_key = p.build_key AND d.tenant = ?2 AND d.key >= ?3 AND (?4 IS NULL OR d.key < ?4)
WHERE p.name = ?1 AND p.is_current
ORDER BY d.key
LIMIT ?5
