-- Every build of every projection.
SELECT p.name, p.build, p.kind, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current
FROM projections p
ORDER BY p.name, p.build
