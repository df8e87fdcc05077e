-- The number of consumers that are alive, once the expired ones are removed.
-- ?1 tenant or '' · ?2 name
SELECT count(*) FROM subscription_members WHERE tenant = ?1 AND name = ?2
