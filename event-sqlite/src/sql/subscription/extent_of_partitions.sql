-- The checkpoint that is furthest behind, and the number of skipped events of all partitions.
-- ?1 tenant or '' · ?2 name
SELECT min(position) AS lowest, sum(skipped) AS skipped FROM subscription_partitions WHERE tenant = ?1 AND name = ?2
