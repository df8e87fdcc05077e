-- Delete a parked event.
-- ?1 tenant or '' · ?2 name · ?3 position
DELETE FROM parked_events WHERE tenant = ?1 AND name = ?2 AND position = ?3
