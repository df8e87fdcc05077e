-- One row if the token of a partition is the current one, none otherwise.
-- ?1 tenant or '' · ?2 name · ?3 partition · ?4 token
SELECT 1 FROM subscription_partitions WHERE tenant = ?1 AND name = ?2 AND partition = ?3 AND token = ?4
