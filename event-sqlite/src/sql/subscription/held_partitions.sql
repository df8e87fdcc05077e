-- The partitions that are leased to an owner, with their checkpoints.
-- ?1 tenant or '' · ?2 name · ?3 owner
SELECT partition, token, position, event_position, event_id FROM subscription_partitions
WHERE tenant = ?1 AND name = ?2 AND owner = ?3 ORDER BY partition
