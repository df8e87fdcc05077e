-- A page of the parked events that meet conditions, in order.
-- $1 tenant or '' · $2 name · each or null for any: $3 position · $4 event id · $5 event types ·
-- $6 stream · $7 text of the error · $8 after · $9 limit
SELECT k.position, k.event_id, k.partition, k.attempts, k.error, k.parked_at, k.replay
FROM event_store.parked_events k
WHERE k.tenant = $1 AND k.name = $2 AND k.position > $8 AND event_store.is_selected(k.position, k.event_id, k.error, $3, $4, $5, $6, $7)
ORDER BY k.position LIMIT $9
