-- Release one partition, if the token is the current one.
-- ?1 tenant or '' · ?2 name · ?3 partition · ?4 token
UPDATE subscription_partitions SET owner = NULL, lease_until = NULL, token = token + 1 + (random() & 0x3fffffff)
WHERE tenant = ?1 AND name = ?2 AND partition = ?3 AND token = ?4
