-- Every build of every projection.
SELECT name, build, kind, filter, position, event_id, event_position, event_at, events, is_current
FROM event_store.projections
ORDER BY name COLLATE "C", build
