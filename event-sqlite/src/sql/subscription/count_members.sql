-- How many owners are alive.
-- ?1 tenant or '' · ?2 name
SELECT count(*) FROM subscription_members WHERE tenant = ?1 AND name = ?2
