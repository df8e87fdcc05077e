-- Forget a subscription: its parked.
-- ?1 tenant or '' · ?2 name
DELETE FROM parked_events WHERE tenant = ?1 AND name = ?2
