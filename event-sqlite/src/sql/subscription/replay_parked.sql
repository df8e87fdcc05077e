-- Mark one parked event, or all, to be handled again.
-- ?1 tenant or '' · ?2 name · ?3 position, or null for all
UPDATE parked_events SET replay = 1 WHERE tenant = ?1 AND name = ?2 AND replay = 0 AND (?3 IS NULL OR position = ?3)
