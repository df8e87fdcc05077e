-- The builds of a read model.
-- ?1 name
SELECT p.build, p.kind, p.version, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current, p.build_key
FROM projections p
WHERE p.name = ?1
ORDER BY p.build
