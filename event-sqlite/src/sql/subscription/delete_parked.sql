-- Delete the parked events of a subscription.
-- ?1 tenant or '' · ?2 name
DELETE FROM parked_events WHERE tenant = ?1 AND name = ?2
