-- Mark one parked event, or all, for a replay.
-- ?1 tenant or '' · ?2 name · ?3 position, or null for all
UPDATE parked_events SET replay = TRUE WHERE tenant = ?1 AND name = ?2 AND NOT replay AND (?3 IS NULL OR position = ?3)
