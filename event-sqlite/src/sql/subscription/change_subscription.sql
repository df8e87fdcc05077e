-- Give a subscription another filter and number of partitions, and another incarnation.
-- ?1 tenant or '' · ?2 name · ?3 filter · ?4 number of partitions
UPDATE subscriptions SET filter = ?3, partitions = ?4, incarnation = random() & 0xfffffffffffffff, stopped = NULL WHERE tenant = ?1 AND name = ?2
