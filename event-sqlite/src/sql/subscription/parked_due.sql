-- A page of parked events that wait for a replay, by position.
-- ?1 tenant or '' · ?2 name · ?3 after · ?4 limit · ?5 incarnation, or null for any
SELECT position, event_id, partition, attempts, error, parked_at, replay FROM parked_events
WHERE tenant = ?1 AND name = ?2 AND replay AND position > ?3
  AND (?5 IS NULL OR EXISTS (SELECT 1 FROM subscriptions s WHERE s.tenant = ?1 AND s.name = ?2 AND s.incarnation = ?5))
ORDER BY position LIMIT ?4
