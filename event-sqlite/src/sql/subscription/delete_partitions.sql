-- Delete the partitions of a subscription.
-- ?1 tenant or '' · ?2 name
DELETE FROM subscription_partitions WHERE tenant = ?1 AND name = ?2
