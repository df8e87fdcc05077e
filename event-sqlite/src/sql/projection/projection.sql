-- A build of a projection; without a number, the current one.
-- ?1 name · ?2 build or null
SELECT p.build, p.filter, p.position, p.event_id, p.event_position, p.event_at, p.events, p.is_current
FROM projections p
WHERE p.name = ?1 AND CASE WHEN ?2 IS NULL THEN p.is_current ELSE p.build = ?2 END
