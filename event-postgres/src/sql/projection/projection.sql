-- A build of a projection; the current one if no build is given.
-- $1 name · $2 build or null
SELECT build, filter, position, event_id, event_position, event_at, events, is_current
FROM event_store.projections
WHERE name = $1 AND CASE WHEN $2 IS NULL THEN is_current ELSE build = $2 END
