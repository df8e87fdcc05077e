-- Insert the partitions of a new subscription.
-- ?1 tenant or '' · ?2 name · ?3 number of partitions · ?4 position they start after
WITH RECURSIVE numbers (partition) AS (SELECT 0 UNION ALL SELECT partition + 1 FROM numbers WHERE partition + 1 < ?3)
INSERT INTO subscription_partitions (tenant, name, partition, position, token)
SELECT s.tenant, s.name, n.partition, ?4, s.incarnation FROM subscriptions s, numbers n WHERE s.tenant = ?1 AND s.name = ?2
