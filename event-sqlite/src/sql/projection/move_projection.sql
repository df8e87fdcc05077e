-- Move a build of a projection on, if it is where it is expected.
-- ?1 name · ?2 build · ?3 from · ?4 to · ?5 events · ?6 last event's id or null · ?7 its position · ?8 its time
UPDATE projections
SET position = ?4, events = events + ?5, event_id = coalesce(?6, event_id), event_position = coalesce(?7, event_position),
    event_at = coalesce(?8, event_at)
WHERE name = ?1 AND build = ?2 AND position = ?3 AND ?3 <= ?4
