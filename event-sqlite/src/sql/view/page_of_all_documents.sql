-- A page of the documents of all tenants in the current build of a view; one row without a document if it is empty.
-- ?1 name · ?2 first tenant · ?3 first key of that tenant · ?4 what the keys begin with · ?5 limit
SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current,
       d.tenant, d.key, d.document
FROM projections p
LEFT JOIN documents d ON d.build_key = p.build_key AND (d.tenant, d.key) >= (?2, ?3) AND substr(d.key, 1, length(?4)) = ?4
WHERE p.name = ?1 AND p.is_current
ORDER BY d.tenant, d.key
LIMIT ?5
