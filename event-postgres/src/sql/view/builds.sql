-- The builds of a read model.
-- $1 name
SELECT build, kind, version, filter, position, event_id, event_position, event_at, events, is_current
FROM event_store.projections
WHERE name = $1
ORDER BY build
