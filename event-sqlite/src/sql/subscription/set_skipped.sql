-- Set the number of skipped events of the first partition.
-- ?1 tenant or '' · ?2 name · ?3 number
UPDATE subscription_partitions SET skipped = ?3 WHERE tenant = ?1 AND name = ?2 AND partition = 0
