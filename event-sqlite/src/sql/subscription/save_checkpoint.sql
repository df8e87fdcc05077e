-- Move a checkpoint forward, if the token is the current one. A checkpoint never moves back.
-- ?1 tenant or '' · ?2 name · ?3 partition · ?4 token · ?5 position · ?6 position of the last event or null · ?7 its id or null
-- · ?8 number of events skipped since the last checkpoint · ?9 whether one of another log is refused: its position was never assigned here, or
-- another event is stored at that of its last event
UPDATE subscription_partitions
SET position = max(position, ?5),
    event_position = CASE WHEN position < ?5 THEN coalesce(?6, event_position) ELSE event_position END,
    event_id = CASE WHEN position < ?5 THEN coalesce(?7, event_id) ELSE event_id END,
    skipped = CASE WHEN position < ?5 THEN skipped + ?8 ELSE skipped END
WHERE tenant = ?1 AND name = ?2 AND partition = ?3 AND token = ?4
  AND (NOT ?9 OR ?5 <= coalesce((SELECT q.seq FROM sqlite_sequence q WHERE q.name = 'events'), 0)
    AND NOT EXISTS (SELECT 1 FROM events e WHERE e.position = ?6 AND e.event_id <> ?7))
