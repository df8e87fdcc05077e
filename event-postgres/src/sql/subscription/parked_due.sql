-- A page of parked events that are marked for replay, in order.
-- $1 tenant or '' · $2 name · $3 after · $4 limit · $5 incarnation, or null for any
SELECT k.position, k.event_id, k.partition, k.attempts, k.error, k.parked_at, k.replay
FROM event_store.parked_events k
WHERE k.tenant = $1 AND k.name = $2 AND k.replay AND k.position > $3
  AND ($5::bigint IS NULL OR EXISTS (SELECT FROM event_store.subscriptions s WHERE s.tenant = $1 AND s.name = $2 AND s.incarnation = $5))
ORDER BY k.position LIMIT $4
