-- Advance a build of a projection, if its position is the expected one, and the log is the one that the events were read from: it holds the
-- last one, or its id if it was removed since, and has assigned the new position.
-- ?1 name · ?2 build · ?3 expected position · ?4 new position · ?5 number of events · ?6 id of the last event or null · ?7 its position · ?8 its time ·
-- ?9 whether the build has to be current, or null for either
UPDATE projections
SET position = ?4, events = events + ?5, event_id = coalesce(?6, event_id), event_position = coalesce(?7, event_position),
    event_at = coalesce(?8, event_at)
WHERE name = ?1 AND build = ?2 AND position = ?3 AND ?3 <= ?4 AND (?9 IS NULL OR is_current = ?9)
  AND ?4 <= coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0)
  AND (?6 IS NULL OR EXISTS (SELECT 1 FROM events e WHERE e.position = ?7 AND e.event_id = ?6)
    OR EXISTS (SELECT 1 FROM removed_events r WHERE r.event_id = ?6))
