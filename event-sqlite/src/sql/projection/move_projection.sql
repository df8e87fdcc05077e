-- Advance a build of a projection, if its position is the expected one.
-- ?1 name · ?2 build · ?3 expected position · ?4 new position · ?5 number of events · ?6 id of the last event or null · ?7 its position · ?8 its time
UPDATE projections
SET position = ?4, events = events + ?5, event_id = coalesce(?6, event_id), event_position = coalesce(?7, event_position),
    event_at = coalesce(?8, event_at)
WHERE name = ?1 AND build = ?2 AND position = ?3 AND ?3 <= ?4
