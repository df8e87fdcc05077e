-- A page of parked events, by position.
-- ?1 tenant or '' · ?2 name · ?3 whether to list only those that wait for a replay · ?4 after · ?5 limit
SELECT position, event_id, partition, attempts, error, parked_at, replay FROM parked_events
WHERE tenant = ?1 AND name = ?2 AND position > ?4 AND (replay OR NOT ?3) ORDER BY position LIMIT ?5
