-- A page of parked events, in order.
-- $1 tenant or '' · $2 name · $3 whether to list only those marked for replay · $4 after · $5 limit
SELECT k.position, k.event_id, k.partition, k.attempts, k.error, k.parked_at, k.replay
FROM event_store.parked_events k
WHERE k.tenant = $1 AND k.name = $2 AND (k.replay OR NOT $3) AND k.position > $4
ORDER BY k.position LIMIT $5
