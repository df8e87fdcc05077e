-- Put an event aside, by the owner of the token; or write down another failure of it.
-- ?1 tenant or '' · ?2 name · ?3 part · ?4 token · ?5 position · ?6 event id · ?7 attempts · ?8 error · ?9 now
INSERT INTO parked_events (tenant, name, position, event_id, part, attempts, error, parked_at)
SELECT p.tenant, p.name, ?5, ?6, ?3, ?7, ?8, ?9 FROM subscription_parts p
WHERE p.tenant = ?1 AND p.name = ?2 AND p.part = ?3 AND p.token = ?4
ON CONFLICT DO UPDATE SET event_id = excluded.event_id, part = excluded.part, attempts = excluded.attempts, error = excluded.error,
  parked_at = excluded.parked_at, replay = 0
