-- Release all partitions of an owner.
-- ?1 tenant or '' · ?2 name · ?3 owner
UPDATE subscription_partitions SET owner = NULL, lease_until = NULL, token = token + 1 + (random() & 0x3fffffff) WHERE tenant = ?1 AND name = ?2 AND owner = ?3
