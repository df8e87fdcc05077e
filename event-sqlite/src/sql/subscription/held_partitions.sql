-- What an owner holds.
-- ?1 tenant or '' · ?2 name · ?3 owner
SELECT part, token, position, event_position, event_id FROM subscription_parts
WHERE tenant = ?1 AND name = ?2 AND owner = ?3 ORDER BY part
