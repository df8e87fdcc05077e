-- Park an event, or record another failure of a parked one, if the token of the partition is the current one.
-- ?1 tenant or '' · ?2 name · ?3 partition · ?4 token · ?5 position · ?6 event id · ?7 attempts · ?8 error · ?9 now
INSERT INTO parked_events (tenant, name, position, event_id, partition, attempts, error, parked_at)
SELECT p.tenant, p.name, ?5, ?6, ?3, ?7, ?8, ?9 FROM subscription_partitions p
WHERE p.tenant = ?1 AND p.name = ?2 AND p.partition = ?3 AND p.token = ?4
ON CONFLICT DO UPDATE SET event_id = excluded.event_id, partition = excluded.partition, attempts = excluded.attempts,
  error = excluded.error, parked_at = excluded.parked_at, replay = FALSE
